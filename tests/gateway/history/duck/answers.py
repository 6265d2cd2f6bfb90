"""What a history has to answer, told in the plainest way: from a list of rows."""

from collections.abc import Sequence

import numpy as np

from gateway.history.store import WIDTH, Query, Series
from tests.gateway.history.duck.contents import Row, rolled_up


def edge_of(query: Query, width: int) -> int:
    """ms of the windows that stand whole at both ends of a range, where everything is kept at every resolution."""
    if query.resolution is not None:
        return max(1, WIDTH[query.resolution])
    return max(1, *(w for w in WIDTH.values() if w <= width))


def require_answer(series: Sequence[Series], rows: Sequence[Row], query: Query) -> None:
    """The series say of their windows, or of single readings, exactly what the rows say."""
    assert len({s.width for s in series}) <= 1
    width = series[0].width if series else 1
    edge = edge_of(query, width)
    start, end = query.start // edge * edge, -(-query.end // edge) * edge
    inside = [(r[0], r[1], r[2], r[3], tuple((n, v) for n, v in r[4] if n in query.signals)) for r in rows]
    inside = [r for r in inside if r[0] in query.devices and start <= r[1] < end and r[4]]
    there = {(r[0], name) for r in inside for name, _ in r[4]}
    assert [(s.device, s.signal) for s in series] == [
        (d, s) for d in query.devices for s in query.signals if (d, s) in there
    ]
    for s in series:
        assert 0 < len(s) <= query.points
        if width:
            _require_windows(s, inside)
        else:
            _require_singles(s, inside)


def _require_windows(s: Series, rows: Sequence[Row]) -> None:
    expected = {
        ts: rolled
        for (device, signal, ts), rolled in sorted(rolled_up(rows, s.width).items())
        if (device, signal) == (s.device, s.signal)
    }
    assert s.ts.tolist() == list(expected)
    for i, rolled in enumerate(expected.values()):
        assert (s.minimum[i], s.maximum[i]) == (rolled.minimum, rolled.maximum)
        assert rolled.minimum <= s.mean[i] <= rolled.maximum
        np.testing.assert_allclose(s.mean[i], rolled.sum / rolled.values, rtol=1e-12)
        assert s.last[i] in rolled.last
        assert (s.count[i], s.flags[i]) == (rolled.values, rolled.flags)
        assert s.quality[i] == rolled.good / rolled.values


def _require_singles(s: Series, rows: Sequence[Row]) -> None:
    assert (np.diff(s.ts) >= 0).all()
    got = zip(s.ts.tolist(), s.last.tolist(), s.flags.tolist(), strict=True)
    assert sorted(got) == sorted(
        (ts, value, flags) for device, ts, _, flags, pairs in rows for name, value in pairs
        if (device, name) == (s.device, s.signal)
    )  # fmt: skip
    assert s.minimum.tolist() == s.maximum.tolist() == s.mean.tolist() == s.last.tolist()
    assert s.count.tolist() == [1] * len(s)
    assert s.quality.tolist() == [float(f == 0) for f in s.flags.tolist()]
