"""Mergeable parts of an aggregate: what minutes, hours and wider windows are made of, whatever they were made from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.history.store import Series


@dataclass(frozen=True, slots=True)
class Partials:
    """Aggregates of one signal of one device; several rows for one window are allowed until they are `merged`.

    Attributes:
        ts: int64[n], beginning of the window, UTC ms.
        minimum: float64[n]
        maximum: float64[n]
        sum: float64[n]
        count: int64[n], > 0.
        last: float64[n], value with the latest event time.
        last_ts: int64[n], its event time, UTC ms.
        good: int64[n], values that no flag speaks against.
        flags: uint8[n], all that occur.
    """

    ts: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    sum: NDArray[np.float64]
    count: NDArray[np.int64]
    last: NDArray[np.float64]
    last_ts: NDArray[np.int64]
    good: NDArray[np.int64]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ts)

    @classmethod
    def of_points(cls, ts: NDArray[np.int64], values: NDArray[np.float64], flags: NDArray[np.uint8]) -> "Partials":
        """Single values, each a part of its own; `ts` are event times."""
        ones = np.ones(len(ts), np.int64)
        return cls(ts, values, values, values, ones, values, ts, (flags == 0).astype(np.int64), flags)

    def series(self, device: str, signal: str, width: int) -> Series:
        """As an answer; call it on what is merged, or on single points (`width` 0)."""
        return Series(
            device,
            signal,
            width,
            self.ts,
            self.minimum,
            # Rounding may put the mean of equal values a hair outside of them.
            np.clip(self.sum / self.count, self.minimum, self.maximum),
            self.maximum,
            self.last,
            self.count,
            self.good / self.count,
            self.flags,
        )


def merged(parts: Sequence[Partials], width: int = 0) -> Partials:
    """All parts as one, a row for each window, in the order of time.

    Args:
        parts: at least one.
        width: ms; windows of this width, aligned to UTC, are made of what begins in them. 0: windows as they are.
    """
    ts = np.concatenate([p.ts for p in parts])
    if width:
        ts = ts // width * width
    last_ts = np.concatenate([p.last_ts for p in parts])
    order = np.lexsort((last_ts, ts))
    ts = ts[order]
    begin = np.flatnonzero(np.diff(ts, prepend=ts[:1] - 1))
    end = np.append(begin[1:], len(ts)) - 1

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(p, name) for p in parts])[order]

    if not len(ts):
        return parts[0]
    return Partials(
        ts[begin],
        np.minimum.reduceat(column("minimum"), begin),
        np.maximum.reduceat(column("maximum"), begin),
        np.add.reduceat(column("sum"), begin),
        np.add.reduceat(column("count"), begin).astype(np.int64),
        column("last")[end],
        last_ts[order][end],
        np.add.reduceat(column("good"), begin).astype(np.int64),
        np.bitwise_or.reduceat(column("flags").astype(np.uint8), begin),
    )
