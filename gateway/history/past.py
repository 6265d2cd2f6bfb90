"""A device's past as the engine would have read it: single readings as far back as there are any, then minutes."""

from collections.abc import Iterator, Sequence

import numpy as np

from community.clock import MINUTE
from community.frame import Frame
from community.quantities import QUANTITIES
from gateway.history.store import MOST_ANSWER, MOST_POINTS, HistoryReader, Query, Resolution, Series


def past(history: HistoryReader, devices: Sequence[str], start: int, end: int) -> Iterator[Frame]:
    """Frames of what devices reported, in the order of time.

    A minute counts as one reading of its means, in its middle. Events are told by single readings only: what happened
    before these is not needed to know what is usual.

    Args:
        history: where it is read from.
        devices: ids.
        start, end: UTC ms, the end excluded.

    Raises:
        HistoryUnavailable
    """
    single = history.usage().oldest.get(Resolution.RAW, end)
    # A whole minute is either of means or of single readings.
    single = max(start, min(end, -(-single // MINUTE) * MINUTE))
    signals = sorted({s for values in history.last(devices).values() for s in values} & QUANTITIES.keys())
    if signals and start < single:
        yield from _minutes(history, devices, signals, start, single)
    yield from history.readings(devices, single, end)


def _minutes(
    history: HistoryReader, devices: Sequence[str], signals: Sequence[str], start: int, end: int
) -> Iterator[Frame]:
    group = max(1, MOST_ANSWER // MOST_POINTS // len(signals))
    points = min(MOST_POINTS, MOST_ANSWER // (group * len(signals)))
    for i in range(0, len(devices), group):
        some = tuple(devices[i : i + group])
        for begin in range(start // MINUTE * MINUTE, end, points * MINUTE):
            stop = min(end, begin + points * MINUTE)
            series = history.read(Query(some, tuple(signals), begin, stop, points, Resolution.MINUTE))
            if series:
                yield _frame(series)


def _frame(series: Sequence[Series]) -> Frame:
    """Minutes of several devices and signals as readings, in the order of time."""
    devices = list(dict.fromkeys(s.device for s in series))
    signals = list(dict.fromkeys(s.signal for s in series))
    moments = {d: np.unique(np.concatenate([s.ts for s in series if s.device == d])) for d in devices}
    begins = dict(zip(devices, np.cumsum([0, *map(len, moments.values())]).tolist(), strict=False))
    n = sum(map(len, moments.values()))
    values = np.full((n, len(signals)), np.nan)
    for s in series:
        rows = begins[s.device] + np.searchsorted(moments[s.device], s.ts)
        values[rows, signals.index(s.signal)] = s.mean
    ts = np.concatenate(list(moments.values())) + MINUTE // 2
    device = np.repeat(np.arange(len(devices), dtype=np.int32), [len(m) for m in moments.values()])
    order = np.argsort(ts, kind="stable")
    return Frame.from_columns(devices, signals, device[order], ts[order], ts[order], values[order])
