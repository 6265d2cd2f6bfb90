"""Strangers: devices that say they exist, or speak though nobody entered them; told of, for people to approve."""

from collections.abc import Mapping, Sequence

from community.clock import MINUTE
from gateway.admitted import Admitted
from gateway.decoding.native import NATIVE
from gateway.decoding.profile import Announcement, Profile

MAX_ANNOUNCED = 1_000
"""Announcements of a flush; devices announce themselves again."""

ANNOUNCE_EVERY = MINUTE
MOST_STRANGERS = 10_000
"""Devices that nobody entered, remembered so that each is told of once in `ANNOUNCE_EVERY` ms."""


class Strangers:
    """Tells of devices, of each once in a while, and of many not all: they speak again. No clock.

    Attributes:
        untold: announcements for which there was no room in their flush.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], int] = {}
        self.untold = 0

    def announced(self, profile: Profile, found: Sequence[Announcement], admitted: Admitted) -> None:
        """Tell of devices that announced themselves."""
        room = MAX_ANNOUNCED - len(admitted.announced)
        self.untold += max(0, len(found) - room)
        admitted.announced.extend((profile.name, one) for one in found[:room])

    def heard(
        self,
        profile: Profile,
        address: str | None,
        values: Mapping[str, float | None],
        received_at: int,
        admitted: Admitted,
    ) -> None:
        """Tell of a device that spoke and is not in the estate.

        Args:
            profile: what it speaks; devices of the native one are not told of, their topics name a household.
            address: what it calls itself; None: it cannot be told who it is.
            values: what it measured.
            received_at: UTC ms.
            admitted: where it is told.
        """
        if address is None or profile is NATIVE:
            return
        if len(admitted.announced) >= MAX_ANNOUNCED:
            self.untold += 1
            return
        key = profile.name, address
        if received_at - self._told.get(key, -ANNOUNCE_EVERY) >= ANNOUNCE_EVERY:
            if len(self._told) >= MOST_STRANGERS:
                self._told.clear()
            self._told[key] = received_at
            admitted.announced.append((profile.name, Announcement(address, signals=tuple(values))))
