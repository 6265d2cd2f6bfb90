"""Batches of the log, and what a history must answer of them."""

from collections.abc import Iterable, Sequence

import numpy as np

from community.frame import Frame, Reading
from gateway.history.batch import Batch
from gateway.history.quality import LATE_MS
from gateway.history.store import Query, Series


def batch(position: int, readings: Sequence[Reading], ticks: Iterable[int] = ()) -> Batch:
    """A batch of these readings; late ones are flagged."""
    frame = Frame.from_readings(readings)
    return Batch(
        position,
        frame.devices,
        frame.signals,
        frame.device,
        frame.ts,
        frame.received_at,
        frame.values,
        np.where(frame.received_at - frame.ts > LATE_MS, np.uint8(1), np.uint8(0)),
        np.array(list(ticks), np.int64),
    )


Points = dict[tuple[str, str], list[tuple[int, float, bool]]]


def points(readings: Iterable[Reading], query: Query, edge: int = 1) -> Points:
    """(device, signal) → (event time, value, whether it was in time) in the range, in order; `edge`: see `expected`."""
    found: Points = {}
    start, end = query.start // edge * edge, -(-query.end // edge) * edge
    for r in sorted(readings, key=lambda r: r.ts):
        for signal, value in r.values.items():
            if r.device in query.devices and signal in query.signals and start <= r.ts < end:
                late = r.received_at - r.ts > LATE_MS
                found.setdefault((r.device, signal), []).append((r.ts, value, not late))
    return found


def check(series: list[Series], readings: Sequence[Reading], query: Query, edge: int = 1) -> None:
    """The answer says of each window what the readings say; `edge`: whole windows of so many ms at the range's ends."""
    known = points(readings, query, edge)
    assert [(s.device, s.signal) for s in series] == [
        (d, s) for d in query.devices for s in query.signals if (d, s) in known
    ]
    for s in series:
        assert len(s) <= query.points
        assert (np.diff(s.ts) > (0 if s.width else -1)).all()
        windows: dict[int, list[tuple[int, float, bool]]] = {}
        for i, point in enumerate(known[s.device, s.signal]):
            windows.setdefault(point[0] // s.width * s.width if s.width else i, []).append(point)
        assert s.ts.tolist() == [w if s.width else p[0][0] for w, p in windows.items()]
        for i, inside in enumerate(windows.values()):
            values = [v for _, v, _ in inside]
            assert (s.minimum[i], s.maximum[i], s.count[i]) == (min(values), max(values), len(values))
            np.testing.assert_allclose(s.mean[i], sum(values) / len(values), rtol=1e-12, atol=1e-12)
            assert s.last[i] == values[-1]
            assert s.quality[i] == sum(good for *_, good in inside) / len(inside)
            assert s.flags[i] == (0 if all(good for *_, good in inside) else 1)
