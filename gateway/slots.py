"""Slots: the tables in which the last messages of every device lie once they are copied out of their flush.

A device has `kept` slots, and its messages take them in turn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled
from gateway.columnar.packets import FLAGS, PAYLOAD_AT, PAYLOAD_END, TOPIC_AT, TOPIC_END, Packets

KEPT = 10
"""Messages kept of each device; the newest push out the oldest."""

PAYLOAD_KEPT = 512
"""Bytes kept of a payload."""

TOPIC_KEPT = 128
"""Bytes kept of a topic."""

BUDGET = 256 * 2**20
"""Bytes for what was copied out of all devices: 40,000 devices with everything above. With more, less is kept of each
payload, and then fewer messages of each device. Only what was written to takes memory."""

LEAST_WIDTH = 256
"""Bytes of topic and payload together below which rather fewer messages are kept."""

_SERIAL, _AT, _TOPIC, _PAYLOAD, _SIZE, _OUTCOME, _FLAGS = range(7)
_FACTS = 7


class Held(NamedTuple):
    """A message in a slot, cut.

    Attributes:
        at: receipt time, UTC ms.
        topic, payload: at most `TOPIC_KEPT` and `PAYLOAD_KEPT` bytes.
        size: length of the whole payload, bytes.
        flags: of its packet.
        outcome: number of what became of it.
    """

    at: int
    topic: bytes
    payload: bytes
    size: int
    flags: int
    outcome: int


class Slots:
    """The slots of so many rows of the roster.

    Attributes:
        kept: slots of each row: `KEPT`, or fewer if there are very many rows.
        sent: int64[rows], messages of each device so far.
    """

    def __init__(self, rows: int, budget: int = BUDGET) -> None:
        """`budget`: bytes that topics and payloads may take; with many rows less is kept of each."""
        self._budget = budget
        self.kept, self._width = _shape(rows, budget)
        # Zeros from the system: what no device has written to takes no memory.
        self.sent: NDArray[np.int64] = np.zeros(rows, np.int64)
        self._last: NDArray[np.int64] = np.zeros(rows * self.kept, np.int64)  # serial of the message in each; 0: none
        self._facts: NDArray[np.int64] = np.zeros((rows * self.kept, _FACTS), np.int64)
        self._bytes: NDArray[np.uint8] = np.zeros((rows * self.kept, self._width), np.uint8)

    def __len__(self) -> int:
        return len(self.sent)

    @property
    def nbytes(self) -> int:
        """Memory that they may come to hold, bytes."""
        return sum(table.nbytes for table in (self.sent, self._last, self._facts, self._bytes))

    def grown(self, rows: int) -> tuple["Slots", bool]:
        """More of them, and whether they hold what these do: not if so many have another shape."""
        more = Slots(rows, self._budget)
        same = (more.kept, more._width) == (self.kept, self._width)
        if same:
            used = np.flatnonzero(self._facts[:, _SERIAL])
            more.sent[: len(self)], more._last[: len(self._last)] = self.sent, self._last
            more._facts[used], more._bytes[used] = self._facts[used], self._bytes[used]
        return more, same

    def forget(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Empty the slots of these rows, which are others' now; the numbers of these slots."""
        slots: NDArray[np.int64] = (rows[:, None] * self.kept + np.arange(self.kept)).ravel()
        self.sent[rows], self._last[slots], self._facts[slots] = 0, 0, 0
        return slots

    def give(self, rows: NDArray[np.int32], first: int) -> NDArray[np.int64]:
        """The slot of each message, or -1 where `rows` names no device; the messages' serials begin with `first`."""
        slots = np.empty(len(rows), np.int64)
        _give(rows, first, self.kept, self.sent, self._last, slots)
        return slots

    def standing(self, slots: NDArray[np.int64], first: int) -> NDArray[np.intp]:
        """Places of messages given these slots, beginning with serial `first`, that still are their slots' own."""
        serials = np.arange(first, first + len(slots))
        inside = (slots >= 0) & (slots < len(self._last))
        found: NDArray[np.intp] = np.flatnonzero(inside & (self._last[np.where(inside, slots, 0)] == serials))
        return found

    def serial(self, slot: int) -> int:
        """Serial of the message whose slot it is, whether it was copied there or not."""
        return int(self._last[slot])

    def copy(
        self,
        places: NDArray[np.intp],
        first: int,
        packets: Packets,
        numbers: NDArray[np.int32],
        outcomes: NDArray[np.uint8],
        slots: NDArray[np.int64],
    ) -> None:
        """Copy messages into their slots.

        Args:
            places: which.
            first: serial of the message at place 0.
            packets: where they are.
            numbers, outcomes, slots: number in `packets`, outcome and slot of the message at each place.
        """
        data = np.frombuffer(packets.data, np.uint8)
        _copy(
            places, first, data, packets.index, packets.size, packets.received_at,
            numbers, outcomes, slots, self._bytes, self._facts,
        )  # fmt: skip

    def held(self, slot: int, serial: int) -> Held | None:
        """What was copied into a slot; None if that is not the message of this serial."""
        facts = self._facts[slot].tolist()
        if facts[_SERIAL] != serial:
            return None
        end = facts[_TOPIC]
        held = self._bytes[slot, : end + facts[_PAYLOAD]].tobytes()
        return Held(facts[_AT], held[:end], held[end:], facts[_SIZE], facts[_FLAGS], facts[_OUTCOME])


def held_in(packets: Packets, number: int, outcome: int) -> Held:
    """A message that still is where it came in, cut as in a slot."""
    index = packets.index[number].tolist()
    topic_at, payload_at = index[TOPIC_AT], index[PAYLOAD_AT]
    topic = packets.data[topic_at : min(index[TOPIC_END], topic_at + TOPIC_KEPT)]
    payload = packets.data[payload_at : min(index[PAYLOAD_END], payload_at + PAYLOAD_KEPT)]
    return Held(packets.received_at, topic, payload, int(packets.size[number]), index[FLAGS], outcome)


def _shape(rows: int, budget: int) -> tuple[int, int]:
    """Messages kept of each of so many devices, and bytes for topic and payload of each."""
    full = TOPIC_KEPT + PAYLOAD_KEPT
    if rows * KEPT * LEAST_WIDTH > budget:
        return max(1, budget // (rows * LEAST_WIDTH)), LEAST_WIDTH
    # In steps, so that a device more does not change it.
    return KEPT, full if rows * KEPT * full <= budget else max(LEAST_WIDTH, budget // (rows * KEPT) // 64 * 64)


@compiled
def _give(
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
