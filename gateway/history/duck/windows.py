"""Windows over time: what minutes, hours and wider widths come to, out of heads and files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.history.duck.schema import MERGED, PARTIALS, column
from gateway.history.duck.segments import source
from gateway.history.duck.snapshot import Snapshot
from gateway.history.partials import Partials, merged
from gateway.history.resolution import Plan, Stretch
from gateway.history.store import WIDTH, Resolution

Key = tuple[int, int]
"""Ids of device and signal."""
_Parts = dict[Key, list[Partials]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in the store's own numbers: ids, at least one of each."""

    devices: frozenset[int]
    signals: frozenset[int]


def windows(view: Snapshot, asked: Asked, way: Plan) -> tuple[int, dict[Key, Partials]]:
    """Width of the windows in ms, and what is in them, for each device and signal that has any."""
    width = way.width
    parts: _Parts = {}
    for stretch in way.stretches:
        found = _stretch(view, asked, stretch, max(width, WIDTH[stretch.level]))
        if found:
            width = max(width, WIDTH[stretch.level])
        for key, some in found.items():
            parts.setdefault(key, []).extend(some)
    return width, {key: merged(some, width) for key, some in parts.items()}


def _stretch(view: Snapshot, asked: Asked, stretch: Stretch, width: int) -> _Parts:
    """Parts out of one resolution: of files, and of the heads that no roll-up was made of yet."""
    level, start, end = stretch
    kept = WIDTH[level]
    parts: _Parts = {}
    if level is Resolution.RAW:
        _aggregated(view, asked, _raw_tables(view, asked, start, end), start, end, width, parts)
        return parts
    # A roll-up stands with all of its minute or hour at both ends of the range.
    start, end = start // kept * kept, -(-end // kept) * kept
    files = [s.path for s in view.segments(level, start, end) if s.signals & asked.signals]
    if files:
        _rolled_up(view, asked, source(files), start, end, width, parts)
    heads = [(h.table, h.signals & asked.signals) for h in view.heads()]
    _aggregated(view, asked, heads, start, end, width, parts)
    return parts


def _raw_tables(view: Snapshot, asked: Asked, start: int, end: int) -> list[tuple[str, frozenset[int]]]:
    """What single readings are selected from, and which of the signals have a column there."""
    tables = [(h.table, h.signals & asked.signals) for h in view.heads()]
    segments = [s for s in view.segments(Resolution.RAW, start, end) if s.signals & asked.signals]
    if segments:
        signals = frozenset().union(*(s.signals for s in segments)) & asked.signals
        tables.append((source([s.path for s in segments]), signals))
    return [(table, signals) for table, signals in tables if signals]


def _aggregated(
    view: Snapshot,
    asked: Asked,
    tables: Sequence[tuple[str, frozenset[int]]],
    start: int,
    end: int,
    width: int,
    parts: _Parts,
) -> None:
    """Windows out of single readings, added to `parts`."""
    terms = _terms(asked, start, end)
    for table, signals in tables:
        if not signals:
            continue
        columns = ", ".join(
            f"min({c}) AS {c}_minimum, max({c}) AS {c}_maximum, sum({c}) AS {c}_sum, count({c}) AS {c}_count, "
            f"arg_max({c}, ts) AS {c}_last, max(ts) FILTER ({c} IS NOT NULL) AS {c}_last_ts, "
            f"count({c}) FILTER (flags = 0) AS {c}_good, "
            f"coalesce(bit_or(flags) FILTER ({c} IS NOT NULL), 0) AS {c}_flags"
            for c in map(column, sorted(signals))
        )
        rows = view.cursor.execute(
            f"SELECT device, ts // {width} * {width} AS since, {columns} FROM {table} WHERE {terms} "
            "GROUP BY ALL ORDER BY device, since"
        ).fetchnumpy()
        for signal in signals:
            c = column(signal)
            here = rows[f"{c}_count"] > 0
            fields = ("minimum", "maximum", "sum", "count", "last", "last_ts", "good", "flags")
            _put(parts, signal, rows["device"][here], [rows["since"], *(rows[f"{c}_{f}"] for f in fields)], here)


def _rolled_up(view: Snapshot, asked: Asked, files: str, start: int, end: int, width: int, parts: _Parts) -> None:
    """Windows out of roll-ups, added to `parts`."""
    signals = ", ".join(map(str, sorted(asked.signals)))
    rows = view.cursor.execute(
        f"SELECT {MERGED} FROM (SELECT * REPLACE (ts // {width} * {width} AS ts) FROM (SELECT {PARTIALS} FROM {files} "
        f"WHERE signal IN ({signals}) AND {_terms(asked, start, end)})) "
        "GROUP BY signal, device, ts ORDER BY signal, device, ts"
    ).fetchnumpy()
    fields = ("ts", "minimum", "maximum", "sum", "count", "last", "last_ts", "good", "flags")
    for signal in np.unique(rows["signal"]).tolist():
        here = rows["signal"] == signal
        _put(parts, signal, rows["device"][here], [rows[f] for f in fields], here)


def singles(view: Snapshot, asked: Asked, start: int, end: int) -> dict[Key, Partials]:
    """Single values from `start` to before `end` (UTC ms), in the order of event time."""
    found: dict[Key, list[Partials]] = {}
    for table, signals in _raw_tables(view, asked, start, end):
        columns = ", ".join(map(column, sorted(signals)))
        rows = view.cursor.execute(
            f"SELECT device, ts, flags, {columns} FROM {table} WHERE {_terms(asked, start, end)} ORDER BY device, ts"
        ).fetchnumpy()
        for signal in signals:
            values = np.ma.filled(rows[column(signal)].astype(np.float64), np.nan)
            here = ~np.isnan(values)
            for device, rows_of in _runs(rows["device"][here]):
                single = Partials.of_points(
                    _plain(rows["ts"], here, np.int64)[rows_of], values[here][rows_of],
                    _plain(rows["flags"], here, np.uint8)[rows_of],
                )  # fmt: skip
                found.setdefault((device, signal), []).append(single)
    return {key: _in_order(parts) for key, parts in found.items()}


def _in_order(parts: Sequence[Partials]) -> Partials:
    fields = Partials.__dataclass_fields__
    together = {name: np.concatenate([getattr(p, name) for p in parts]) for name in fields}
    order = np.argsort(together["ts"], kind="stable")
    return Partials(**{name: values[order] for name, values in together.items()})


def _put(
    parts: _Parts,
    signal: int,
    devices: NDArray[np.int32],
    fields: Sequence[NDArray[Any]],
    here: NDArray[np.bool_],
) -> None:
    """Add rows in the order of devices, each device's as a part of its own."""
    types = (np.int64, np.float64, np.float64, np.float64, np.int64, np.float64, np.int64, np.int64, np.uint8)
    ts, minimum, maximum, total, count, last, last_ts, good, flags = (
        _plain(f, here, t) for f, t in zip(fields, types, strict=True)
    )
    for device, rows in _runs(devices):
        part = Partials(ts[rows], minimum[rows], maximum[rows], total[rows], count[rows], last[rows], last_ts[rows],
                        good[rows], flags[rows])  # fmt: skip
        parts.setdefault((device, signal), []).append(part)


def _plain(values: NDArray[Any], here: NDArray[np.bool_], dtype: Any) -> NDArray[Any]:
    """Rows of a column in which nothing is missing any more; DuckDB gives one with NULL elsewhere as masked."""
    return np.ma.getdata(values)[here].astype(dtype)


def _runs(devices: NDArray[np.int32]) -> Iterator[tuple[int, slice]]:
    """Each device of a sorted column with its rows."""
    if not len(devices):
        return
    begins = np.flatnonzero(np.diff(devices, prepend=devices[:1] - 1))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(devices)], strict=True):
        yield int(devices[begin]), slice(begin, end)


def _terms(asked: Asked, start: int, end: int) -> str:
    # Numbers of our own, written out: a list that DuckDB knows when it plans lets it skip whole row groups.
    return f"device IN ({', '.join(map(str, sorted(asked.devices)))}) AND ts >= {start} AND ts < {end}"
