"""Telling a message that came twice from two messages that say the same.

Brokers send again what was not acknowledged, devices what they believe lost, and a restarted gateway is sent what
it already wrote. Two readings of one device with equal time and equal values are one and the same; equal time and
different values are two.
"""

import numpy as np
from numpy.typing import NDArray

from community.clock import MINUTE
from community.quantities import SIGNALS

WIDTH = 64
"""Readings remembered of each device; 8 bytes each, 514 bytes a device in all."""

BUCKET = 10 * MINUTE
"""A message without a time of its own is taken for a repetition only within one to two of these. Without the limit a
device that counts from 0 at every wake-up would repeat itself for ever, and seem silent."""

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, as in splitmix64
_MULTIPLY = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT_1, _SHIFT_2 = np.uint64(30), np.uint64(27)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit of each number over all (the first rounds of splitmix64's finaliser)."""
    y: NDArray[np.uint64] = (x ^ (x >> _SHIFT_1)) * _MULTIPLY
    return y ^ (y >> _SHIFT_2)


# From 1001 on: the salt of signal 0 must not be what the value 0.0 is mixed to, or that cell would vanish.
_SIGNAL_SALT = _mix(np.arange(1_001, len(SIGNALS) + 1_001, dtype=np.uint64) * _ODD)


def content_hash(values: NDArray[np.float64], columns: NDArray[np.intp]) -> NDArray[np.uint64]:
    """A number for what each row says, the same in whatever columns the row is held.

    Args:
        values: float64[n, k]; NaN is missing.
        columns: intp[k], index of each column's signal in `SIGNALS`.

    Returns:
        uint64[n].
    """
    bits = (values + 0.0).view(np.uint64)  # + 0.0 makes -0.0 and 0.0 one value, and a copy in C order
    cells = _mix(_mix(bits + _ODD) ^ _SIGNAL_SALT[columns])
    cells[np.isnan(values)] = 0
    total: NDArray[np.uint64] = np.sum(cells, axis=1, dtype=np.uint64)
    return total


def fingerprint(rows: NDArray[np.int64], moments: NDArray[np.int64], content: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number for device, time and content together; never 0. All arguments have length n."""
    key = _mix(moments.astype(np.uint64) * _ODD + rows.astype(np.uint64)) + content
    return _mix(key) | np.uint64(1)


class DuplicateWindow:
    """The last `WIDTH` fingerprints of each device, in rings."""

    def __init__(self) -> None:
        self._ring: NDArray[np.uint64] = np.zeros((0, WIDTH), np.uint64)
        self._next: NDArray[np.uint16] = np.zeros(0, np.uint16)

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return self._ring.nbytes + self._next.nbytes

    def resize(self, rows: int, fresh: NDArray[np.int64]) -> None:
        """Make room for `rows` devices, and forget what was remembered in the rows `fresh`."""
        if rows > len(self._ring):
            more = rows - len(self._ring)
            self._ring = np.concatenate([self._ring, np.zeros((more, WIDTH), np.uint64)])
            self._next = np.concatenate([self._next, np.zeros(more, np.uint16)])
        self._ring[fresh] = 0
        self._next[fresh] = 0

    def seen(self, rows: NDArray[np.int64], fingerprints: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """bool[n]: whether the device of each row is remembered with this fingerprint."""
        found: NDArray[np.bool_] = (self._ring[rows] == fingerprints[:, None]).any(axis=1)
        return found

    def add(self, rows: NDArray[np.int64], fingerprints: NDArray[np.uint64]) -> None:
        """Remember, in order; a device may occur any number of times."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(rows) else np.zeros(0, np.intp)
        counts = np.diff(np.r_[starts, len(rows)])
        rank = np.arange(len(rows)) - np.repeat(starts, counts)
        # More than a ring's worth of one device: only the last ones, else two would be written to one cell.
        last = rank >= np.repeat(counts, counts) - WIDTH
        place = (self._next[ordered] + rank) % WIDTH
        self._ring[ordered[last], place[last]] = fingerprints[order][last]
        devices = ordered[starts]
        self._next[devices] = (self._next[devices] + counts) % WIDTH


def repeated(fingerprints: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """bool[n]: whether an equal fingerprint stands earlier in the same array."""
    _, first = np.unique(fingerprints, return_index=True)
    later = np.ones(len(fingerprints), bool)
    later[first] = False
    return later
