"""Topics of which it is known whose they are and how they are read: looked up hundreds at a time."""

from secrets import randbits

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled, inner
from gateway.columnar.packets import COLUMNS, TOPIC_AT, TOPIC_END
from gateway.columnar.words import address_of, byte_at, mixed, view, word_at

MAX_TOPIC = 512
"""Bytes of the longest topic kept; longer ones are resolved each time."""

CHAIN = 64
"""Places looked at for one topic, whatever somebody prepares: one for which all are taken is resolved each time."""

_LEAST = 1_024
# A place is a quarter of two cache lines: looking at it costs one miss. LENGTH 0 is a free place.
_HASH, _AT, _LENGTH, _TARGET = range(4)
_BYTE = np.uint64(8)


@inner
def _hash(data, at, end, seed):  # type: ignore[no-untyped-def]  # compiled
    state = seed ^ np.uint64(end - at)
    if end - at >= 8:
        while at + 8 < end:
            state = mixed(state, word_at(data, at))
            at += 8
        return mixed(state, word_at(data, end - 8))
    word = np.uint64(0)
    while at < end:
        word = (word << _BYTE) | np.uint64(byte_at(data, at))
        at += 1
    return mixed(state, word)


@inner
def _same(data, at, end, blob, other):  # type: ignore[no-untyped-def]  # compiled
    if end - at >= 8:
        shift = other - at
        while at + 8 < end:
            if word_at(data, at) != word_at(blob, at + shift):
                return False
            at += 8
        return word_at(data, end - 8) == word_at(blob, end - 8 + shift)
    while at < end:
        if byte_at(data, at) != byte_at(blob, other):
            return False
        at += 1
        other += 1
    return True


@inner
def _place(table, key, length):  # type: ignore[no-untyped-def]  # compiled
    """Where a topic with this hash and length is, or the first free place of its chain; -1 if there is neither."""
    last = len(table) - 1
    place = np.int64(key) & last
    for _ in range(CHAIN):
        if table[place, _LENGTH] == 0 or (table[place, _HASH] == np.int64(key) and table[place, _LENGTH] == length):
            return place
        place = (place + 1) & last
    return -1


@compiled
def _find(array, index, table, known, seed, places, rows, plans):  # type: ignore[no-untyped-def]  # compiled
    data, blob = address_of(array), address_of(known)
    # Three passes: within each, the processor fetches from memory for many topics at once.
    for i in range(len(index)):
        places[i] = _hash(data, np.int64(index[i, TOPIC_AT]), np.int64(index[i, TOPIC_END]), seed)
    for i in range(len(index)):
        rows[i] = _place(table, places[i], index[i, TOPIC_END] - index[i, TOPIC_AT])
    for i in range(len(index)):
        place = np.int64(rows[i])
        row, plan = -1, -1
        if place >= 0 and table[place, _LENGTH] != 0:
            at, end = np.int64(index[i, TOPIC_AT]), np.int64(index[i, TOPIC_END])
            if _same(data, at, end, blob, table[place, _AT]):
                row, plan = table[place, _TARGET] >> 32, table[place, _TARGET] & 0xFFFFFFFF
        rows[i] = row
        plans[i] = plan if plan < 0x80000000 else plan - 0x100000000


@compiled
def _put(topic, table, known, at, seed, target, full):  # type: ignore[no-untyped-def]  # compiled
    """Whether it is kept: 1 as a new one, 0 as one that was there, -1 not."""
    data, blob = address_of(topic), address_of(known)
    key = _hash(data, 0, len(topic), seed)
    place = _place(table, key, len(topic))
    if place < 0:
        return -1
    new = table[place, _LENGTH] == 0
    if new and full:
        return -1
    if new:
        table[place, _HASH], table[place, _AT], table[place, _LENGTH] = np.int64(key), at, len(topic)
    elif not _same(data, 0, len(topic), blob, table[place, _AT]):
        return -1
    table[place, _TARGET] = target
    return 1 if new else 0


@compiled
def _move(table, larger):  # type: ignore[no-untyped-def]  # compiled
    """Put every topic into another table; returns how many found no place."""
    lost = 0
    for i in range(len(table)):
        if table[i, _LENGTH] != 0:
            place = _place(larger, np.uint64(table[i, _HASH]), table[i, _LENGTH])
            if place < 0 or larger[place, _LENGTH] != 0:
                lost += 1
            else:
                larger[place] = table[i]
    return lost


class TopicTable:
    """Full topic → (row of the device, number of the plan). Filled as topics are resolved; thrown away with the estate.

    Holds at most `capacity` topics of at most `MAX_TOPIC` bytes: some 64 to 128 bytes each, and the topic's own. A
    topic that finds no place is not kept, and has to be resolved each time it comes.

    Attributes:
        refused: topics not kept.
    """

    def __init__(self, capacity: int, seed: int | None = None) -> None:
        """Make an empty table.

        Args:
            capacity: topics at most.
            seed: of the hash, 64 bits; None: a random one.
        """
        self.refused = 0
        self._capacity = capacity
        self._seed = np.uint64(randbits(64) if seed is None else seed)
        self._table = np.zeros((_LEAST, 4), np.int64)
        self._blob = np.zeros(_LEAST * 32, np.uint8)
        self._end = 0
        self._count = 0
        self._scratch = np.zeros(0, np.uint64)

    def __len__(self) -> int:
        """Topics kept."""
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory of the table."""
        return self._table.nbytes + self._blob.nbytes + self._scratch.nbytes

    def add(self, topic: bytes, row: int, plan: int) -> bool:
        """Keep a topic, or change what is known of it.

        Args:
            topic: the whole of it.
            row: int32.
            plan: int32; -1 for what is read without one.

        Returns:
            Whether it is kept; if not, `refused` counts it.
        """
        if not 0 < len(topic) <= MAX_TOPIC:
            self.refused += 1
            return False
        if 2 * self._count >= len(self._table):
            larger = np.zeros((2 * len(self._table), 4), np.int64)
            lost: int = _move(self._table, larger)
            self._table, self._count, self.refused = larger, self._count - lost, self.refused + lost
        if self._end + MAX_TOPIC > len(self._blob):
            self._blob = np.concatenate([self._blob, np.zeros_like(self._blob)])
        at = self._end
        self._blob[at : at + len(topic)] = np.frombuffer(topic, np.uint8)
        target = np.int64(row << 32 | plan & 0xFFFFFFFF)
        full = self._count >= self._capacity
        kept: int = _put(view(topic), self._table, self._blob, at, self._seed, target, full)
        if kept < 0:
            self.refused += 1
            return False
        if kept:
            self._count += 1
            self._end += len(topic)
        return True

    def lookup(self, data: bytes, index: NDArray[np.int32], rows: NDArray[np.int32], plans: NDArray[np.int32]) -> None:
        """Look up the topics of some messages.

        Args:
            data: the bytes in which they lie.
            index: int32[n, 6]; see `gateway.columnar.packets`.
            rows, plans: int32[n], written: -1 where the topic is not known.
        """
        if not len(index):
            return
        if len(self._scratch) < len(index):
            self._scratch = np.zeros(len(index), np.uint64)
        _find(view(data), index, self._table, self._blob, self._seed, self._scratch, rows, plans)


def prepare() -> None:
    """Compile the kernels, or load them from disk."""
    table = TopicTable(1)
    table.add(b"topic", 0, 0)
    _move(np.zeros((_LEAST, 4), np.int64), np.zeros((_LEAST, 4), np.int64))
    nothing = np.zeros(1, np.int32)
    table.lookup(b"topic", np.zeros((1, COLUMNS), np.int32), nothing, nothing)
