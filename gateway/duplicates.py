"""Telling a message that came twice from two messages that say the same.

Brokers send again what was not acknowledged, devices what they believe lost, and a restarted gateway is sent what
it already wrote. Two readings of one device with equal time and equal values are one and the same; equal time and
different values are two.
"""

import numpy as np
from numpy.typing import NDArray

from community.clock import MINUTE
from community.compiler import compiled, inner
from community.quantities import SIGNALS
from gateway.collector import Rows

WIDTH = 64
"""Readings remembered of each device; 8 bytes each, 514 bytes a device in all."""

BUCKET = 10 * MINUTE
"""A message without a time of its own is taken for a repetition only within one to two of these. Without the limit a
device that counts from 0 at every wake-up would repeat itself for ever, and seem silent."""

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, as in splitmix64
_MULTIPLY = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT_1, _SHIFT_2 = np.uint64(30), np.uint64(27)
_ONE = np.uint64(1)
_WIDTH = np.int64(WIDTH)
_BUCKET = np.int64(BUCKET)


@inner
def _mix(x):  # type: ignore[no-untyped-def]  # compiled
    """Spread every bit of a number over all (the first rounds of splitmix64's finaliser)."""
    y = (x ^ (x >> _SHIFT_1)) * _MULTIPLY
    return y ^ (y >> _SHIFT_2)


def _salts(signals: int) -> NDArray[np.uint64]:
    # From 1001 on: the salt of signal 0 must not be what the value 0.0 is mixed to, or that cell would vanish.
    x = np.arange(1_001, signals + 1_001, dtype=np.uint64) * _ODD
    y: NDArray[np.uint64] = (x ^ (x >> _SHIFT_1)) * _MULTIPLY
    return y ^ (y >> _SHIFT_2)


_SALT = _salts(len(SIGNALS))


@compiled
def content_of(bits, missing, salt, content):  # type: ignore[no-untyped-def]  # compiled
    """A number for what each row says, the same in whatever columns the row is held.

    Args:
        bits: uint64[n, k], the values' bits, -0.0 made 0.0.
        missing: bool[n, k].
        salt: uint64[k], of each column's signal.
        content: uint64[n], the result.
    """
    for i in range(len(bits)):
        total = np.uint64(0)
        for j in range(bits.shape[1]):
            if not missing[i, j]:
                total += _mix(_mix(bits[i, j] + _ODD) ^ salt[j])
        content[i] = total


@inner
def _fingerprint(row, moment, content):  # type: ignore[no-untyped-def]  # compiled
    """A number for device, time and content together; never 0."""
    return _mix(_mix(np.uint64(moment) * _ODD + np.uint64(row)) + content) | _ONE


@inner
def _undated(bucket, seq):  # type: ignore[no-untyped-def]  # compiled
    """Stands for the time of a message that has none; negative, so that it meets no real one of our age."""
    return np.int64(-1) - np.int64(_mix(np.uint64(seq) * _ODD + np.uint64(bucket)) >> _ONE)


@compiled
def recognise(rows, ts, received_at, dated, seq, dup, content, keep, rings, places, again):  # type: ignore[no-untyped-def]  # compiled
    """Tell which rows came before, in order; the others of `keep` are remembered.

    A row without a time of its own is judged only if it has a running number or the broker marked it, and within the
    bucket of its receipt and the one before.

    Args:
        rows, ts, received_at, dated, seq, dup, content, keep: as `gateway.collector.Rows`, of length n.
        rings: uint64[devices, WIDTH], fingerprints.
        places: uint16[devices], where the next one goes.
        again: bool[n], the result.
    """
    for i in range(len(rows)):
        if not keep[i]:
            continue
        row = rows[i]
        ring = rings[row]
        if dated[i]:
            print_ = _fingerprint(row, ts[i], content[i])
            found = False
            for j in range(_WIDTH):
                found |= ring[j] == print_
        else:
            bucket = received_at[i] // _BUCKET
            print_ = _fingerprint(row, _undated(bucket, seq[i]), content[i])
            found = False
            if dup[i] or seq[i] >= 0:
                earlier = _fingerprint(row, _undated(bucket - np.int64(1), seq[i]), content[i])
                for j in range(_WIDTH):
                    found |= (ring[j] == print_) | (ring[j] == earlier)
        if found:
            again[i] = True
        else:
            ring[places[row]] = print_
            places[row] = (places[row] + 1) % WIDTH


class DuplicateWindow:
    """The last `WIDTH` fingerprints of each device, in rings."""

    def __init__(self) -> None:
        self._rings: NDArray[np.uint64] = np.zeros((0, WIDTH), np.uint64)
        self._places: NDArray[np.uint16] = np.zeros(0, np.uint16)

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return self._rings.nbytes + self._places.nbytes

    def resize(self, rows: int, fresh: NDArray[np.int64]) -> None:
        """Make room for `rows` devices, and forget what was remembered in the rows `fresh`."""
        if rows > len(self._rings):
            more = rows - len(self._rings)
            self._rings = np.concatenate([self._rings, np.zeros((more, WIDTH), np.uint64)])
            self._places = np.concatenate([self._places, np.zeros(more, np.uint16)])
        self._rings[fresh] = 0
        self._places[fresh] = 0

    def recognise(self, rows: Rows, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """bool[n]: which rows of `keep` came before. The others of `keep` are remembered."""
        values = rows.values + 0.0  # -0.0 and 0.0 are one value; a copy in C order
        content = np.empty(len(rows), np.uint64)
        content_of(values.view(np.uint64), np.isnan(values), _SALT[rows.columns], content)
        again = np.zeros(len(rows), np.bool_)
        recognise(
            rows.row, rows.ts, rows.received_at, rows.dated, rows.seq, rows.dup, content, keep,
            self._rings, self._places, again,
        )  # fmt: skip
        return again
