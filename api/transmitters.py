"""What the roof hands to the window of transmission units (GB/T 26875.3): who is there, and how to give orders."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from community.transmitter_orders import GivenOrder


class UnknownTransmitter(Exception):
    """It is not in the estate, and was not heard of."""


class NobodyListens(Exception):
    """Transmitters cannot connect: the setting `gb26875_listen` is not set."""


class Transmitter(NamedTuple):
    """A transmitter of the estate, or one that was heard of.

    Attributes:
        address: its own, as a number.
        device: its id in the estate; None if only what is behind it is registered.
        online: whether it was heard recently.
        connected: whether orders can be given to it.
        last_heard: when its last frame came, UTC ms; None: not since the start.
        last_attended: when somebody at the panel last answered a guard check, UTC ms; None: not since the start.
    """

    address: int
    device: str | None
    online: bool = False
    connected: bool = False
    last_heard: int | None = None
    last_attended: int | None = None


class Transmitters(Protocol):
    """The transmitters. What is awaited may raise `api.problems.Unavailable`."""

    @property
    def listening(self) -> bool:
        """Whether transmitters can connect at all."""

    def all(self) -> Sequence[Transmitter]:
        """Everyone, by address."""

    async def order(self, address: int, wish: Mapping[str, Any], actor: str) -> GivenOrder:
        """Give an order, and wait for what becomes of it: up to 40 s.

        Args:
            address: the transmitter's.
            wish: what `api.transmitter_models` lets through.
            actor: who gives it; noted before it is sent.

        Raises:
            UnknownTransmitter, NobodyListens: nothing was sent or noted.
        """

    async def orders(self, address: int, limit: int, before: int | None) -> Sequence[GivenOrder]:
        """Orders given to a transmitter, newest first; `before`: those with a lower number."""


class NoTransmitters:
    """Stands where no gateway is connected to the window."""

    listening = False

    def all(self) -> Sequence[Transmitter]:
        """Nobody."""
        return ()

    async def order(self, address: int, wish: Mapping[str, Any], actor: str) -> GivenOrder:
        """Nobody listens."""
        raise NobodyListens

    async def orders(self, address: int, limit: int, before: int | None) -> Sequence[GivenOrder]:
        """None were given."""
        return ()
