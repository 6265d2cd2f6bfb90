"""What a scalar at a path of a plan means, in compiled code."""

import numpy as np

from community.clock import EARLIEST, LATEST
from community.compiler import inner
from gateway.columnar.plan import Kind, Unit
from gateway.columnar.tables import (
    FACTOR,
    INVALID_AT,
    INVALID_END,
    INVERTED,
    OFFSET,
    OTHER,
    OTHER_VALUE,
    PLAIN,
    SCALE,
    SHIFT,
    STRICT,
    WORD_AT,
    WORD_END,
    ZONELESS,
    column,
)
from gateway.columnar.tokens import BOOLEAN, INEXACT, NO_TIME, NULL, REAL, TEXT, UNREADABLE, WHOLE, time_of
from gateway.columnar.words import byte_at, int_at, real_at

# The compiler knows integers, not enumerations.
NODE, NUMBER, FLAG, ENUM, TIME, SEQ, SLOW_FIELD = (int(kind) for kind in Kind)
_MS, _S, _AUTO, _ISO = (int(unit) for unit in Unit)

UNSURE = np.inf
"""What `meant` gives where Python must look. No value of ours is infinite."""

_MILLISECONDS_FROM = 1e11  # as in gateway.decoding.reader


@inner
def meant(value, what, child, kind, bits, entries, reals, invalid):  # type: ignore[no-untyped-def]  # compiled
    """The value of a NUMBER or a FLAG; or what a scalar is where an object is expected.

    Args:
        value, what: the scalar; see `gateway.columnar.tokens`.
        child, kind, bits: entry of the path, and its columns.
        entries, reals, invalid: addresses of the plans' tables.

    Returns:
        The value in the canonical unit; NaN for "nothing measured"; `UNSURE`.
    """
    if what == NULL:
        return UNSURE if bits & STRICT else np.nan
    if kind == NUMBER and what in (WHOLE, REAL):
        for i in range(column(entries, child, INVALID_AT), column(entries, child, INVALID_END)):
            if real_at(invalid, i) == value:
                return np.nan
        if not bits & PLAIN:
            # Step by step, as Python computes it.
            value = value * real_at(reals, 4 * child + SCALE) + real_at(reals, 4 * child + OFFSET)
            value = value * real_at(reals, 4 * child + FACTOR) + real_at(reals, 4 * child + SHIFT)
        return abs(value) if abs(value) == np.inf else value
    if kind == FLAG and what in (WHOLE, REAL, BOOLEAN) and (value == 0.0 or value == 1.0):
        return 1.0 - value if bits & INVERTED else value
    return UNSURE


@inner
def word_meant(data, begin, end, what, child, bits, entries, reals, words, places, values):  # type: ignore[no-untyped-def]  # compiled
    """The value of an ENUM.

    Args:
        data: padded.
        begin, end: where the scalar stands, without quotes.
        what, child, bits, entries, reals: as in `meant`.
        words, places, values: addresses of the plans' tables.

    Returns:
        As `meant`.
    """
    if what not in (TEXT, BOOLEAN, WHOLE):
        return UNSURE
    value = _word_value(data, begin, end, child, bits, entries, reals, words, places, values)
    return 1.0 - value if bits & INVERTED and value != UNSURE else value


@inner
def _word_value(data, begin, end, child, bits, entries, reals, words, places, values):  # type: ignore[no-untyped-def]  # compiled
    for i in range(column(entries, child, WORD_AT), column(entries, child, WORD_END)):
        at, length = int_at(places, 2 * i), int_at(places, 2 * i + 1)
        same = length == end - begin
        for j in range(length if same else 0):
            byte = byte_at(data, begin + j)
            if 0x41 <= byte <= 0x5A:
                byte |= 0x20
            if byte != byte_at(words, at + j):
                same = False
                break
        if same:
            return real_at(values, i)
    # Of other words only plain ones: Python strips texts, and takes those that are numbers by value.
    for i in range(begin, end):
        byte = byte_at(data, i)
        if not (0x61 <= byte | 0x20 <= 0x7A or byte == 0x5F):
            return UNSURE
    return real_at(reals, 4 * child + OTHER_VALUE) if end > begin and bits & OTHER else UNSURE


@inner
def moment(data, begin, end, value, what, unit, bits):  # type: ignore[no-untyped-def]  # compiled
    """UTC ms of a TIME; `NO_TIME` if it says none; `UNREADABLE` if Python must look."""
    if what == NULL:
        return NO_TIME
    if what == TEXT:
        ts = time_of(data, begin, end)
        return UNREADABLE if ts == NO_TIME and not bits & ZONELESS else ts
    if what >= INEXACT or unit == _ISO:
        return UNREADABLE
    if unit == _MS or (unit == _AUTO and abs(value) >= _MILLISECONDS_FROM):
        if what != WHOLE:  # Python does not round such a time the same way everywhere
            return UNREADABLE
    else:
        value = value * 1_000.0
    return np.int64(np.rint(value)) if EARLIEST <= value <= LATEST else UNREADABLE
