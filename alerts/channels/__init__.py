"""Ways to tell people of an event: one file for each kind of channel."""

from typing import Protocol

from community.alert import AlertEvent


class DeliveryError(Exception):
    """The channel did not take the event; its text says why. To be tried again."""


class Channel(Protocol):
    """A way to tell people of one event at a time."""

    async def send(self, event: AlertEvent, key: str, now: int) -> None:
        """Deliver `event`, within a bounded time.

        Args:
            event: the event, numbered.
            key: the same for every try of the same promise: a receiver that knows it has been told already.
            now: UTC ms.

        Raises:
            DeliveryError: it was not taken, or it is unknown whether it was.
        """

    async def aclose(self) -> None:
        """Let go of connections."""
