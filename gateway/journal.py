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

from community.compiler import compiled
from gateway.columnar.packets import FLAGS, PAYLOAD_AT, PAYLOAD_END, TOPIC_AT, TOPIC_END, Packets
from gateway.fault import Fault
from gateway.link.packets import Message

KEPT = 10
"""Messages kept of each device; the newest push out the oldest."""

PAYLOAD_KEPT = 512
"""Bytes kept of a payload."""

TOPIC_KEPT = 128
"""Bytes kept of a topic."""

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

BUDGET = 256 * 2**20
"""Bytes for what was copied out of all devices: 40,000 devices with everything above. With more, less is kept of each
payload, and then fewer messages of each device. Only what was written to takes memory."""

LEAST_WIDTH = 256
"""Bytes of topic and payload together below which rather fewer messages are kept."""

DETAIL_KEPT = 300
"""Characters kept of why a message was refused."""

_SERIAL, _AT, _TOPIC, _PAYLOAD, _SIZE, _OUTCOME, _FLAGS = range(7)
_FACTS = 7


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
        topic: as received, at most `TOPIC_KEPT` bytes.
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
        self._budget = budget
        self._young_bytes = young_bytes
        self._young: deque[_Flush] = deque()
        self._young_held = 0
        self._serial = 0
        self._earned = float(SAVINGS)
        self._why: dict[int, tuple[int, tuple[tuple[str, str], ...]]] = {}
        self._make(0, *_shape(0, budget))
        self.lost = 0

    def _make(self, rows: int, kept: int, width: int) -> None:
        # Zeros from the system: what no device has written to takes no memory.
        self._kept = kept
        self._sent: NDArray[np.int64] = np.zeros(rows, np.int64)
        self._last: NDArray[np.int64] = np.zeros(rows * kept, np.int64)  # serial of the message in each slot; 0: none
        self._facts: NDArray[np.int64] = np.zeros((rows * kept, _FACTS), np.int64)
        self._bytes: NDArray[np.uint8] = np.zeros((rows * kept, width), np.uint8)

    @property
    def nbytes(self) -> int:
        """Memory that it may come to hold, bytes."""
        tables = (self._sent, self._last, self._facts, self._bytes)
        return self._young_bytes + sum(table.nbytes for table in tables)

    @property
    def kept(self) -> int:
        """Messages kept of each device: `KEPT`, or fewer if there are very many devices."""
        return self._kept

    def resize(self, rows: int, fresh: NDArray[np.int64]) -> None:
        """Make room for `rows` devices, and forget what was noted in the rows `fresh`, which are others' now."""
        before = len(self._sent)
        if rows > before:
            kept, width = _shape(rows, self._budget)
            if (kept, width) == (self._kept, self._bytes.shape[1]):
                sent, last, facts, held = self._sent, self._last, self._facts, self._bytes
                self._make(rows, kept, width)
                used = np.flatnonzero(facts[:, _SERIAL])
                self._sent[:before], self._last[: before * kept] = sent, last
                self._facts[used], self._bytes[used] = facts[used], held[used]
            else:
                # So many more that the slots have another shape: a rare moment, and nothing depends on the past.
                self._make(rows, kept, width)
                self._young.clear()
                self._young_held = 0
                self._why.clear()
        gone = fresh[fresh < before]
        slots = (gone[:, None] * self._kept + np.arange(self._kept)).ravel()
        self._sent[gone], self._last[slots], self._facts[slots] = 0, 0, 0
        for slot in slots.tolist() if self._why else ():
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
        if not len(rows) or not len(self._sent):  # an estate without devices has nobody to note anything of
            return
        if numbers is None:
            numbers = np.arange(len(packets), dtype=np.int32)
        slots = np.empty(len(rows), np.int64)
        first = self._serial + 1
        _note(rows, first, self._kept, self._sent, self._last, slots)
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
        for place in self._standing(flush).tolist():
            found = faults.get(int(flush.numbers[place]))
            if found:
                told = tuple((f.reason.value, str(f)[:DETAIL_KEPT]) for f in found[:KEPT])
                self._why[int(flush.slots[place])] = (flush.first + place, told)

    def _standing(self, flush: _Flush) -> NDArray[np.intp]:
        """Places in a flush whose messages still are somebody's last."""
        serials = np.arange(flush.first, flush.first + len(flush.slots))
        inside = (flush.slots >= 0) & (flush.slots < len(self._last))
        standing: NDArray[np.intp] = np.flatnonzero(inside & (self._last[np.where(inside, flush.slots, 0)] == serials))
        return standing

    def _give_up(self, flush: _Flush) -> None:
        self._young_held -= flush.nbytes
        places = self._standing(flush)
        copied = places[max(0, len(places) - int(self._earned)) :]
        self._earned -= len(copied)
        self.lost += len(places) - len(copied)
        packets = flush.packets
        if len(copied):
            _copy(
                copied,
                flush.first,
                np.frombuffer(packets.data, np.uint8),
                packets.index,
                packets.size,
                packets.received_at,
                flush.numbers,
                flush.outcomes,
                flush.slots,
                self._bytes,
                self._facts,
            )

    def recent(self, row: int) -> list[Noted]:
        """The messages kept of a device, oldest first."""
        if not 0 <= row < len(self._sent):
            return []
        sent = int(self._sent[row])
        # The n-th message of a device is in its slot (n - 1) modulo `kept`.
        wanted = ((n, row * self._kept + (n - 1) % self._kept) for n in range(max(1, sent - self._kept + 1), sent + 1))
        return [noted for n, slot in wanted if (noted := self._noted(n, slot)) is not None]

    def _noted(self, nth: int, slot: int) -> Noted | None:
        serial = int(self._last[slot])
        explained, why = self._why.get(slot, (0, ()))
        faults = why if explained == serial else ()
        at = bisect_right(self._young, serial, key=lambda flush: flush.first) - 1
        if at >= 0:
            flush = self._young[at]
            place = serial - flush.first
            number = int(flush.numbers[place])
            topic, payload, flags = _parts(flush.packets, number)
            outcome = Outcome(int(flush.outcomes[place]))
            size, received_at = int(flush.packets.size[number]), flush.packets.received_at
        else:
            facts = self._facts[slot].tolist()
            if facts[_SERIAL] != serial:
                return None  # not copied out
            held = self._bytes[slot, : facts[_TOPIC] + facts[_PAYLOAD]].tobytes()
            topic, payload, flags = held[: facts[_TOPIC]], held[facts[_TOPIC] :], facts[_FLAGS]
            outcome, size, received_at = Outcome(facts[_OUTCOME]), facts[_SIZE], facts[_AT]
        return Noted(nth, received_at, topic, payload, size, bool(flags & 1), outcome, faults)


def prepare() -> None:
    """Compile, or fetch what was compiled, before messages wait for it: seconds the first time. For a thread."""
    journal = Journal(budget=2**20, young_bytes=0)
    journal.resize(1, np.zeros(0, np.int64))
    packet = Packets.of([Message(b"t", b"p", 0, b"", 1, 0)])
    journal.note(packet, np.zeros(1, np.int32), np.zeros(1, np.uint8))


def _parts(packets: Packets, number: int) -> tuple[bytes, bytes, int]:
    """Topic and payload, cut, and the flags."""
    index = packets.index[number].tolist()
    topic_at, payload_at = index[TOPIC_AT], index[PAYLOAD_AT]
    topic = packets.data[topic_at : min(index[TOPIC_END], topic_at + TOPIC_KEPT)]
    return topic, packets.data[payload_at : min(index[PAYLOAD_END], payload_at + PAYLOAD_KEPT)], index[FLAGS]


def _shape(rows: int, budget: int) -> tuple[int, int]:
    """Messages kept of each of so many devices, and bytes for topic and payload of each."""
    full = TOPIC_KEPT + PAYLOAD_KEPT
    if rows * KEPT * LEAST_WIDTH > budget:
        return max(1, budget // (rows * LEAST_WIDTH)), LEAST_WIDTH
    # In steps, so that a device more does not change it.
    return KEPT, full if rows * KEPT * full <= budget else max(LEAST_WIDTH, budget // (rows * KEPT) // 64 * 64)


@compiled
def _note(
    rows: NDArray[np.int32],
    first: int,
    kept: int,
    sent: NDArray[np.int64],
    last: NDArray[np.int64],
    slots: NDArray[np.int64],
) -> None:
    """Give each message its device's next slot: `slots[i]`, or -1; `last[slot]` becomes `first` + i."""
    for i in range(len(rows)):
        row = rows[i]
        if row < 0 or row >= len(sent):
            slots[i] = -1
            continue
        slot = row * kept + sent[row] % kept
        sent[row] += 1
        last[slot] = first + i
        slots[i] = slot


@compiled
def _copy(
    places: NDArray[np.intp],
    first: int,
    data: NDArray[np.uint8],
    index: NDArray[np.int32],
    size: NDArray[np.int32],
    received_at: int,
    numbers: NDArray[np.int32],
    outcomes: NDArray[np.uint8],
    slots: NDArray[np.int64],
    held: NDArray[np.uint8],
    facts: NDArray[np.int64],
) -> None:
    """Copy the messages at these places of a flush into their slots."""
    for place in places:
        number, slot = numbers[place], slots[place]
        topic_at, payload_at = index[number, TOPIC_AT], index[number, PAYLOAD_AT]
        topic = min(index[number, TOPIC_END] - topic_at, TOPIC_KEPT)
        payload = min(index[number, PAYLOAD_END] - payload_at, PAYLOAD_KEPT, held.shape[1] - topic)
        held[slot, :topic] = data[topic_at : topic_at + topic]
        held[slot, topic : topic + payload] = data[payload_at : payload_at + payload]
        facts[slot, _SERIAL] = first + place
        facts[slot, _AT] = received_at
        facts[slot, _TOPIC] = topic
        facts[slot, _PAYLOAD] = payload
        facts[slot, _SIZE] = size[number]
        facts[slot, _OUTCOME] = outcomes[place]
        facts[slot, _FLAGS] = index[number, FLAGS]
