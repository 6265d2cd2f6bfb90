"""The flat tables of all plans, as the kernel reads them: a tree of keys and what is done with the value at each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled, inner
from gateway.columnar.words import address_of, int_at, mixed, word_at

# Columns of `Tables.entries`. An entry is a step of a path: 64 bytes, one cache line.
PARENT, KEY_AT, KEY_WORDS, KEY_LENGTH, KIND, COLUMN, BITS, UNIT, INVALID_AT, INVALID_END, WORD_AT, WORD_END = range(12)
ENTRY_COLUMNS = 16

BY_INDEX = -1
"""KEY_LENGTH of an element of an array; its index stands in KEY_AT."""

PLAIN, TEXTS, INVERTED, OTHER, ZONELESS, STRICT, INDEXED, SHARED = (1 << i for i in range(8))
"""Bits of an entry: nothing to compute; as in `PlanField`; object of `Plan.strict`; has elements; column of several."""

SCALE, OFFSET, FACTOR, SHIFT = range(4)

OTHER_VALUE = SCALE
"""Column of `reals` with the value of unlisted words; NaN passes without a word."""


class Tables(NamedTuple):
    """All plans as the kernel reads them: a tree of keys, each found by its parent's number and its own bytes.

    Attributes:
        entries: int32[n, 16], the columns above.
        reals: float64[n, 4].
        keys: uint8[], keys with their closing quote, each filled up to words of eight bytes; KEY_AT counts words.
        slots: int32[2^k], hash table of entries; -1 is free.
        follow: int32[n], the entry that came after this one last time: usually it does again. Written by the kernel.
        invalid: float64[].
        words, word_places, word_values: uint8[], int32[m, 2] (place and length in `words`) and float64[m].
        roots: int32[plans], entry of each document's root.
        most: int32[plans], values that one message may give.
        strict: bool[plans], whether nothing measured is a fault.
        columns: one more than the greatest column.
    """

    entries: NDArray[np.int32]
    reals: NDArray[np.float64]
    keys: NDArray[np.uint8]
    slots: NDArray[np.int32]
    follow: NDArray[np.int32]
    invalid: NDArray[np.float64]
    words: NDArray[np.uint8]
    word_places: NDArray[np.int32]
    word_values: NDArray[np.float64]
    roots: NDArray[np.int32]
    most: NDArray[np.int32]
    strict: NDArray[np.bool_]
    columns: int


@inner
def column(entries, entry, column):  # type: ignore[no-untyped-def]  # compiled
    """A column of an entry, by the entries' address."""
    return int_at(entries, entry * ENTRY_COLUMNS + column)


@inner
def seed_of(parent, length):  # type: ignore[no-untyped-def]  # compiled
    """First state of a step's hash: of the entry above it, and of the length of its key."""
    return mixed(np.uint64(parent), np.uint64(length + 2))


@compiled
def fill(entries, texts, slots):  # type: ignore[no-untyped-def]  # compiled
    """Put the entries into the hash table, in order; of one step below one entry there is one."""
    keys = address_of(texts)
    last = len(slots) - 1
    for number in range(len(entries)):
        parent, length = np.int64(entries[number, PARENT]), np.int64(entries[number, KEY_LENGTH])
        if parent < 0:
            continue
        state = seed_of(parent, length)
        if length == BY_INDEX:
            state = mixed(state, np.uint64(entries[number, KEY_AT]))
        for i in range(entries[number, KEY_WORDS]):
            state = mixed(state, word_at(keys, 8 * np.int64(entries[number, KEY_AT] + i)))
        place = np.int64(state) & last
        while slots[place] >= 0:
            place = (place + 1) & last
        slots[place] = number
