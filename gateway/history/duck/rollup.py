"""Partials: what a minute or an hour of a signal comes to, in numbers that can be merged with those of other readings.

The mean is `sum / count` and the quality `good / count`, both only when they are read; minima and maxima are kept at
every width, so that no spike is ever hidden.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Partials:
    """`n` rows in the order of (`signal`, `device`, `ts`), each for one device, one signal and one stretch of time.

    Attributes:
        signal: int16[n], ids.
        device: int32[n], ids.
        ts: int64[n], the beginning of the stretch, UTC ms.
        minimum, maximum, sum: float64[n]
        count: int32[n], values in it, > 0.
        last: float64[n], the value with the latest event time, `last_ts`: int64[n], UTC ms.
        good: int32[n], values that no flag speaks against.
        flags: uint8[n], all flags that occur.
    """

    signal: NDArray[np.int16]
    device: NDArray[np.int32]
    ts: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    sum: NDArray[np.float64]
    count: NDArray[np.int32]
    last: NDArray[np.float64]
    last_ts: NDArray[np.int64]
    good: NDArray[np.int32]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ts)


def of_values(
    signal: int,
    device: NDArray[np.int32],
    ts: NDArray[np.int64],
    flags: NDArray[np.uint8],
    values: NDArray[np.float64],
    width: int,
) -> Partials:
    """Partials of single values of one signal.

    Args:
        signal: its id.
        device: int32[n], ids; the values are in the order of (`device`, `ts`).
        ts: int64[n], event times, UTC ms.
        flags: uint8[n]
        values: float64[n], none missing.
        width: ms of a stretch; stretches begin at its multiples.
    """
    ones = np.ones(len(ts), np.int32)
    good = (flags == 0).astype(np.int32)
    single = Partials(
        np.full(len(ts), signal, np.int16), device, ts, values, values, values, ones, values, ts, good, flags
    )
    return coarser(single, width)


def coarser(partials: Partials, width: int) -> Partials:
    """The same, with stretches of `width` ms (a multiple of the present width)."""
    n = len(partials)
    if n == 0:
        return partials
    ts = partials.ts // width * width
    begins = np.empty(n, bool)
    begins[0] = True
    np.not_equal(ts[1:], ts[:-1], out=begins[1:])
    begins[1:] |= partials.device[1:] != partials.device[:-1]
    begins[1:] |= partials.signal[1:] != partials.signal[:-1]
    first = np.flatnonzero(begins)
    if len(first) == n:  # one in each: the usual case of a device that reports once a minute
        return replace(partials, ts=ts)
    final = np.append(first[1:], n) - 1
    return Partials(
        partials.signal[first],
        partials.device[first],
        ts[first],
        np.minimum.reduceat(partials.minimum, first),
        np.maximum.reduceat(partials.maximum, first),
        np.add.reduceat(partials.sum, first),
        np.add.reduceat(partials.count, first, dtype=np.int32),
        partials.last[final],
        partials.last_ts[final],
        np.add.reduceat(partials.good, first, dtype=np.int32),
        np.bitwise_or.reduceat(partials.flags, first),
    )


def joined(parts: list[Partials]) -> Partials:
    """All rows of `parts` (at least one), one part after the other."""
    every = zip(*(columns(part).values() for part in parts), strict=True)
    return Partials(*(np.concatenate(column) for column in every))


def columns(partials: Partials) -> dict[str, NDArray[np.generic]]:
    """The columns by name, as DuckDB takes them."""
    return {f.name: getattr(partials, f.name) for f in fields(Partials)}
