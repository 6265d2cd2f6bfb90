"""The last messages of every device with what became of each, for the vendor who asks.

On the way of every message, so nothing is decoded or copied here: of a flush only the references are kept, and for each
device which of the messages are its last. When a flush grows old, those of it that still are somebody's last are copied
out. Who asks gets them explained (`gateway.recent`). The memory is lost with the process; refused messages are also in
quarantine, which survives.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.columnar.packets import Packets
from gateway.fault import Fault
from gateway.link.packets import Message
from gateway.slots import BUDGET, KEPT, Held, Slots, held_in

YOUNG_BYTES = 64 * 2**20
"""Bytes of messages as they came; beyond, the oldest flush is given up and its last messages are copied out."""

YOUNG_FLUSHES = 4_096
"""Flushes that are kept as they came."""

EARNED_BY_FLUSH, EARNED_BY_MESSAGE, SAVINGS = 8, 1 / 16, 65_536
"""Copying out costs more than all else here, so each flush earns this many copies, and what is not used is saved up to
a bound. Without savings a message is lost to this view: in a long flood over very many devices it gets shorter, rather
than the gateway slower. Where devices keep their intervals nothing is ever lost."""

_OF_MESSAGE = 48
"""Bytes that a message holds besides its own, in the tables of its flush."""

DETAIL_KEPT = 300
"""Characters kept of why a message was refused."""


class Outcome(IntEnum):
    """What became of a message, as `mingluo payloads check` calls it too."""

    IGNORED = 0
    ACCEPTED = 1
    EVENT = 2
    QUARANTINED = 3


class Noted(NamedTuple):
    """One message as it came, and what became of it.

    Attributes:
        nth: running number of this device's messages since the start: a gap means that some were not kept.
        at: receipt time, UTC ms.
        topic: as received, at most `gateway.slots.TOPIC_KEPT` bytes.
        payload: as received, cut.
        size: length of the whole payload, bytes.
        retained: whether it was the broker's stored copy.
        outcome: what became of it. `ACCEPTED` and `EVENT`: at least a part of it came in.
        faults: what of it was refused: the reason's name, and `place: detail`.
    """

    nth: int
    at: int
    topic: bytes
    payload: bytes
    size: int
    retained: bool
    outcome: Outcome
    faults: tuple[tuple[str, str], ...]


class _Flush(NamedTuple):
    """Messages as they came; the one at place i has the serial number `first` + i."""

    first: int
    packets: Packets
    numbers: NDArray[np.int32]
    outcomes: NDArray[np.uint8]
    slots: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return self.packets.nbytes + _OF_MESSAGE * (len(self.packets) + len(self.slots))


class Journal:
    """The last `KEPT` messages of each row of the roster.

    Memory: `YOUNG_BYTES` and `BUDGET` at most, and 650 bytes a device besides. `lost` counts what was not copied out.
    """

    def __init__(self, budget: int = BUDGET, young_bytes: int = YOUNG_BYTES) -> None:
        self._young_bytes = young_bytes
        self._young: deque[_Flush] = deque()
        self._young_held = 0
        self._serial = 0
        self._earned = float(SAVINGS)
        self._why: dict[int, tuple[int, tuple[tuple[str, str], ...]]] = {}
        self._slots = Slots(0, budget)
        self.lost = 0

    @property
    def nbytes(self) -> int:
        """Memory that it may come to hold, bytes."""
        return self._young_bytes + self._slots.nbytes

    @property
    def kept(self) -> int:
        """Messages kept of each device: `KEPT`, or fewer if there are very many devices."""
        return self._slots.kept

    def resize(self, rows: int, fresh: NDArray[np.int64]) -> None:
        """Make room for `rows` devices, and forget what was noted in the rows `fresh`, which are others' now."""
        before = len(self._slots)
        if rows > before:
            self._slots, same = self._slots.grown(rows)
            if not same:
                # So many more that the slots have another shape: a rare moment, and nothing depends on the past.
                self._young.clear()
                self._young_held = 0
                self._why.clear()
        # Rows that are new lie in memory that nobody has touched yet.
        emptied = self._slots.forget(fresh[fresh < before])
        for slot in emptied.tolist() if self._why else ():
            self._why.pop(slot, None)

    def note(
        self,
        packets: Packets,
        rows: NDArray[np.int32],
        outcomes: NDArray[np.uint8],
        faults: Mapping[int, Sequence[Fault]] | None = None,
        numbers: NDArray[np.int32] | None = None,
    ) -> None:
        """Note messages that were judged, in order of arrival. What is given is kept and must not be changed after.

        Args:
            packets: the messages.
            rows: row of the device of each message; below 0: of no known device, not noted.
            outcomes: an `Outcome` each.
            faults: what of a message was refused, by its number in `packets`.
            numbers: which messages of `packets` the rows and outcomes are for, where one message speaks for several
                devices or some are left out; by default all, in order.
        """
        if not len(rows) or not len(self._slots):  # an estate without devices has nobody to note anything of
            return
        if numbers is None:
            numbers = np.arange(len(packets), dtype=np.int32)
        first = self._serial + 1
        slots = self._slots.give(rows, first)
        self._serial += len(rows)
        flush = _Flush(first, packets, numbers, outcomes, slots)
        if faults:
            self._explain(flush, faults)
        self._young.append(flush)
        self._young_held += flush.nbytes
        self._earned = min(SAVINGS, self._earned + EARNED_BY_FLUSH + EARNED_BY_MESSAGE * len(rows))
        while self._young_held > self._young_bytes or len(self._young) > YOUNG_FLUSHES:
            self._give_up(self._young.popleft())

    def _explain(self, flush: _Flush, faults: Mapping[int, Sequence[Fault]]) -> None:
        # A flood of refused messages leaves no more here than the slots have room for.
        for place in self._slots.standing(flush.slots, flush.first).tolist():
            found = faults.get(int(flush.numbers[place]))
            if found:
                told = tuple((f.reason.value, str(f)[:DETAIL_KEPT]) for f in found[:KEPT])
                self._why[int(flush.slots[place])] = (flush.first + place, told)

    def _give_up(self, flush: _Flush) -> None:
        self._young_held -= flush.nbytes
        places = self._slots.standing(flush.slots, flush.first)
        copied = places[max(0, len(places) - int(self._earned)) :]
        self._earned -= len(copied)
        self.lost += len(places) - len(copied)
        if len(copied):
            self._slots.copy(copied, flush.first, flush.packets, flush.numbers, flush.outcomes, flush.slots)

    def recent(self, row: int) -> list[Noted]:
        """The messages kept of a device, oldest first."""
        if not 0 <= row < len(self._slots):
            return []
        sent, kept = int(self._slots.sent[row]), self._slots.kept
        # The n-th message of a device is in its slot (n - 1) modulo `kept`.
        wanted = ((n, row * kept + (n - 1) % kept) for n in range(max(1, sent - kept + 1), sent + 1))
        return [noted for n, slot in wanted if (noted := self._noted(n, slot)) is not None]

    def _noted(self, nth: int, slot: int) -> Noted | None:
        serial = self._slots.serial(slot)
        explained, why = self._why.get(slot, (0, ()))
        faults = why if explained == serial else ()
        at = bisect_right(self._young, serial, key=lambda flush: flush.first) - 1
        if at >= 0:
            flush = self._young[at]
            place = serial - flush.first
            held: Held | None = held_in(flush.packets, int(flush.numbers[place]), int(flush.outcomes[place]))
        else:
            held = self._slots.held(slot, serial)
        if held is None:
            return None  # not copied out
        retained = bool(held.flags & 1)
        return Noted(nth, held.at, held.topic, held.payload, held.size, retained, Outcome(held.outcome), faults)


def prepare() -> None:
    """Compile, or fetch what was compiled, before messages wait for it: seconds the first time. For a thread."""
    journal = Journal(budget=2**20, young_bytes=0)
    journal.resize(1, np.zeros(0, np.int64))
    packet = Packets.of([Message(b"t", b"p", 0, b"", 1, 0)])
    journal.note(packet, np.zeros(1, np.int32), np.zeros(1, np.uint8))
