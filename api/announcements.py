"""What the roof hands to the window of devices that announced themselves: who waits, and a person's answer."""

from collections.abc import Sequence
from typing import Protocol

from community.announcements import Announced, Decision, PlaceInList
from community.approval import ApprovalError, Hindrance, Installation


class Announcements(Protocol):
    """Devices that said they exist. What is awaited may raise `api.problems.Unavailable`."""

    async def page(self, state: Decision | None, limit: int, before: PlaceInList | None) -> Sequence[Announced]:
        """Those of a state (None: of every), the latest come first; `before`: go on behind this place."""

    async def waiting(self) -> int:
        """How many wait for an answer."""

    async def approve(self, profile: str, address: str, wanted: Installation, actor: str) -> int:
        """Take one into the estate; the version that is in force then.

        Raises:
            ApprovalError: it cannot be; nothing has changed.
        """

    async def reject(self, profile: str, address: str, reason: str | None, actor: str) -> None:
        """Turn one away.

        Raises:
            ApprovalError: it cannot be; nothing has changed.
        """


class NothingAnnounced:
    """Stands where no gateway is connected to the window."""

    async def page(self, state: Decision | None, limit: int, before: PlaceInList | None) -> Sequence[Announced]:
        """Nobody."""
        return ()

    async def waiting(self) -> int:
        """None."""
        return 0

    async def approve(self, profile: str, address: str, wanted: Installation, actor: str) -> int:
        """It was never announced."""
        raise _unknown(profile, address)

    async def reject(self, profile: str, address: str, reason: str | None, actor: str) -> None:
        """It was never announced."""
        raise _unknown(profile, address)


def _unknown(profile: str, address: str) -> ApprovalError:
    return ApprovalError(Hindrance.UNKNOWN_ANNOUNCEMENT, f"no {profile} device {address!r} was announced")
