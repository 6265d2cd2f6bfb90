"""Questions to the DuckDB store: each sees the heads and files of one moment."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from community.clock import DAY, MINUTE
from community.frame import Frame
from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.frames import Received, received_span
from gateway.history.duck.schema import column
from gateway.history.duck.snapshot import Snapshot
from gateway.history.duck.sql import row_of
from gateway.history.duck.windows import Asked, singles, windows
from gateway.history.resolution import plan
from gateway.history.store import WIDTH, Last, Query, Resolution, Series, Usage

FEW, MANY = 50_000, 200_000
"""Readings in one frame of an answer: slices of receipt time grow and shrink to stay between."""


class Reading:
    """The `HistoryReader` of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def read(self, query: Query) -> list[Series]:
        """See `HistoryReader`."""
        with self._catalogue.snapshot() as view:
            devices, signals = view.devices(query.devices), view.signals(query.signals)
            if not devices or not signals:
                return []
            asked = Asked(frozenset(devices.values()), frozenset(signals.values()))
            way = plan(query, _oldest(view))
            width, found = windows(view, asked, way)
            if way.single and all(int(p.count.sum()) <= query.points for p in found.values()):
                width, found = 0, singles(view, asked, query.start, query.end)
        keys = [(d, s) for d in query.devices for s in query.signals if d in devices and s in signals]
        return [found[devices[d], signals[s]].series(d, s, width) for d, s in keys if (devices[d], signals[s]) in found]

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """See `HistoryReader`."""
        with self._catalogue.snapshot() as view:
            ids = {k: name for name, k in view.devices(devices).items()}
            signals = view.signal_names()
            found: dict[str, dict[str, Last]] = {}
            for device, signal, ts, value in _latest(view, ids):
                known = found.setdefault(ids[device], {})
                name = signals[signal]
                if name not in known or ts >= known[name].ts:
                    known[name] = Last(ts, value)
        return {name: found[name] for name in devices if name in found}

    def readings(self, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
        """See `HistoryReader`. In memory at once is about one frame, of at most `MANY` readings.

        Each frame is a question of its own, so whoever takes them slowly holds back neither files nor the writer; what
        comes in meanwhile may be among them.
        """
        with self._catalogue.snapshot() as view:
            first, last = received_span(view)
        at, end, length = max(start, first), min(end, last + 1), MINUTE
        while at < end:
            until = min(end, at + length)
            with self._catalogue.snapshot() as view:
                received = Received(view, devices, at, until)
                count = received.count()
                if count > MANY and until - at > 1:
                    length = max(1, (until - at) * FEW // count)
                    continue
                frame = received.frame() if count else None
            if frame is not None:
                yield frame
            at = until
            if count < FEW:
                length = min(2 * length, DAY)

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """See `HistoryReader`."""
        with self._catalogue.snapshot() as view:
            question = "SELECT ts FROM tick WHERE ts >= ? AND ts < ? ORDER BY ts"
            return view.cursor.execute(question, [start, end]).fetchnumpy()["ts"].astype(np.int64)

    def usage(self) -> Usage:
        """See `HistoryReader`."""
        with self._catalogue.snapshot() as view:
            rows = dict.fromkeys(Resolution, 0)
            size = self._catalogue.bytes()
            asked = "SELECT kind, sum(rows)::BIGINT, sum(bytes)::BIGINT FROM segment GROUP BY kind"
            for kind, count, taken in view.cursor.execute(asked).fetchall():
                rows[Resolution(kind)] += count
                size += taken
            for head in view.heads():
                rows[Resolution.RAW] += row_of(view.cursor, f"SELECT count(*) FROM {head.table}")[0]
            return Usage(size, rows, _oldest(view))


def _latest(view: Snapshot, devices: Collection[int]) -> Iterator[tuple[int, int, int, float]]:
    """Device, signal, event time, value: of what is in segments, then of each head."""
    if not devices:
        return
    wanted = f"device IN ({', '.join(map(str, devices))})"
    yield from view.cursor.execute(f"SELECT device, signal, ts, value FROM latest WHERE {wanted}").fetchall()
    for head in view.heads():
        signals = sorted(head.signals)
        if not signals:
            continue
        # arg_max passes over what is NULL by itself; CASE is quicker than FILTER.
        columns = ", ".join(
            f"max(CASE WHEN {c} IS NOT NULL THEN ts END), arg_max({c}, ts)" for c in map(column, signals)
        )
        question = f"SELECT device, {columns} FROM {head.table} WHERE {wanted} GROUP BY device"
        for device, *pairs in view.cursor.execute(question).fetchall():
            for signal, ts, value in zip(signals, pairs[::2], pairs[1::2], strict=True):
                if ts is not None:
                    yield device, signal, ts, value


def _oldest(view: Snapshot) -> dict[Resolution, int]:
    """How far back each resolution is whole, UTC ms; heads count for all, since roll-ups are made of them as needed."""
    rows = view.cursor.execute("SELECT kind, min(first_ts) FROM segment GROUP BY kind").fetchall()
    oldest = {Resolution(kind): first for kind, first in rows}
    for head in view.heads():
        (first,) = row_of(view.cursor, f"SELECT min(ts) FROM {head.table}")
        if first is not None:
            for kind in Resolution:
                oldest[kind] = min(oldest.get(kind, first), first // max(1, WIDTH[kind]) * max(1, WIDTH[kind]))
    removed = dict(view.cursor.execute("SELECT kind, until FROM removed WHERE until IS NOT NULL").fetchall())
    return {kind: max(first, removed.get(kind, first)) for kind, first in oldest.items()}
