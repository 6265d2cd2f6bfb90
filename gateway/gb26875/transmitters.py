"""Who has been heard of, and who has fallen silent. No I/O, no clock."""

from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from community.clock import HOUR

MOST = 4_096
"""Transmitters watched. Beyond, the one that was heard longest ago is no longer watched (`forgotten` counts)."""

CLOCK_SET_EVERY = HOUR
"""A clock that will not be set is not set again at every frame."""


class Seen(NamedTuple):
    """A transmitter that was heard of.

    Attributes:
        address: on the wire.
        heard: when its last frame came, UTC ms.
        online: whether that is recent enough.
        connected: whether its connection stands, so that it can be given orders.
        attended: when somebody at the panel last answered a guard check (查岗), UTC ms; None: never since the start.
    """

    address: int
    heard: int
    online: bool
    connected: bool
    attended: int | None


@dataclass(slots=True)
class _Known:
    heard: int
    online: bool = True
    serial: int = 0
    clock_set: int | None = None
    attended: int | None = None


class Transmitters:
    """The transmitters whose frames were taken. Only those: addresses of strangers take no memory.

    Attributes:
        forgotten: how many were dropped for want of a place.
    """

    def __init__(self, silence: int, most: int = MOST) -> None:
        """`silence`: ms without a frame after which a transmitter is offline."""
        self._silence = silence
        self._most = most
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, transmitter: int) -> bool:
        return transmitter in self._known

    def heard(self, transmitter: int, now: int, *, attended: bool = False) -> bool:
        """Note a frame; whether the transmitter is here for the first time, or again.

        `attended`: the frame says that somebody answered a guard check.
        """
        known = self._known.get(transmitter)
        if known is None:
            self._known[transmitter] = _Known(now, attended=now if attended else None)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
                self.forgotten += 1
            return True
        self._known.move_to_end(transmitter)
        known.heard = max(known.heard, now)
        if attended:
            known.attended = now
        back = not known.online
        known.online = True
        return back

    def seen(self, connected: Container[int]) -> list[Seen]:
        """All that are watched, by address; `connected` has those whose connection stands."""
        return [
            Seen(address, known.heard, known.online, address in connected, known.attended)
            for address, known in sorted(self._known.items())
        ]

    def gone(self, now: int) -> list[int]:
        """Those that have been silent for too long; each is named once, until it is heard again."""
        found = [t for t, known in self._known.items() if known.online and now - known.heard > self._silence]
        for transmitter in found:
            self._known[transmitter].online = False
        return found

    def next_serial(self, transmitter: int) -> int:
        """The running number of our next command to it (6.6: from 0, plus one for each)."""
        known = self._known.get(transmitter)
        if known is None:
            return 0
        serial = known.serial
        known.serial = (serial + 1) & 0xFFFF
        return serial

    def may_set_clock(self, transmitter: int, now: int) -> bool:
        """Whether its clock may be set now; if so, not again for `CLOCK_SET_EVERY`."""
        known = self._known.get(transmitter)
        if known is None or (known.clock_set is not None and now - known.clock_set < CLOCK_SET_EVERY):
            return False
        known.clock_set = now
        return True
