"""A batch: consecutive records of the readings log as columns, the unit in which a history takes them in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from community.frame import Frame, Record, Tick
from gateway.history.quality import Standing


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings and ticks of the log behind one position up to another; `n` readings, `s` signals.

    Attributes:
        position: of the last record in it. A store that has it skips the batch.
        devices: ids of the devices that occur; `device` indexes this.
        signals: names of the columns of `values`; only such as have a value in some row.
        device: int32[n].
        ts: int64[n], event times, UTC ms.
        received_at: int64[n], receipt times, UTC ms.
        values: float64[n, s]; NaN is missing.
        flags: uint8[n], what speaks against a row (`gateway.history.quality.Flag`); 0: nothing.
        ticks: int64[m], times of the gateway's clock, UTC ms.
    """

    position: int
    devices: tuple[str, ...]
    signals: tuple[str, ...]
    device: NDArray[np.int32]
    ts: NDArray[np.int64]
    received_at: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: NDArray[np.uint8]
    ticks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def value_count(self) -> int:
        """Values that are there."""
        return int(np.count_nonzero(~np.isnan(self.values)))


def batch_of(records: Sequence[tuple[int, Record]], standing: Standing) -> Batch:
    """Put consecutive records into one batch, in their order.

    Changes of estate and rulebook carry no readings; they only move the position on.

    Args:
        records: position and record, positions increasing; at least one.
        standing: flags that stand from earlier batches; it goes on with what this one tells.
    """
    frames = [r for _, r in records if isinstance(r, Frame) and len(r)]
    ticks = np.array([r.ts for _, r in records if isinstance(r, Tick)], np.int64)
    devices: dict[str, int] = {}
    signals: dict[str, int] = {}
    for frame in frames:
        for name in frame.devices:
            devices.setdefault(name, len(devices))
        for name in frame.signals:
            signals.setdefault(name, len(signals))
    n = sum(map(len, frames))
    device, values = np.empty(n, np.int32), np.full((n, len(signals)), np.nan)
    begin = 0
    for frame in frames:
        rows = slice(begin, begin + len(frame))
        numbers = np.array([devices[d] for d in frame.devices], np.int32)
        device[rows] = numbers[frame.device]
        values[rows, [signals[s] for s in frame.signals]] = frame.values
        begin = rows.stop
    ts = np.concatenate([f.ts for f in frames]) if frames else np.empty(0, np.int64)
    received = np.concatenate([f.received_at for f in frames]) if frames else np.empty(0, np.int64)
    used = ~np.isnan(values).all(axis=0)
    names = tuple(s for s, k in signals.items() if used[k])
    values = values if used.all() else np.ascontiguousarray(values[:, used])
    return Batch(
        records[-1][0],
        tuple(devices),
        names,
        device,
        ts,
        received,
        values,
        standing.flag(tuple(devices), device, ts, received, names, values),
        ticks,
    )
