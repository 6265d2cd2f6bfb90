"""Sealing: what a closed head holds goes into files, with its roll-ups, and counts from one transaction on."""

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from gateway.history.duck.rollup import Partials, coarser, columns, joined, of_values
from gateway.history.duck.schema import PERIOD, SCATTERED, column
from gateway.history.duck.segments import segment_of, source, write_file
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Head, Segment
from gateway.history.duck.sql import lent, row_of
from gateway.history.store import WIDTH, Resolution

MOST_FILES = 64
"""Files of a kind that one head is sealed into; readings of the days with the fewest share the last of them."""
STORED = (
    "signal, device, ts, nullif(minimum, last) AS minimum, nullif(maximum, last) AS maximum, nullif(sum, last) AS sum, "
    "count, last, (last_ts - ts)::INTEGER AS after, good, flags"
)
"""Partials as a file keeps them; the way back is `gateway.history.duck.schema.PARTIALS`."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a head became.

    Attributes:
        segments: new ones, whose files are written but not yet known to the catalogue.
        hours: all its roll-ups of an hour, which also tell the latest values.
        rows: readings.
    """

    segments: list[Segment]
    hours: Partials | None
    rows: int


def seal(cursor: duckdb.DuckDBPyConnection, shelf: Shelf, head: Head) -> Sealed:
    """Write the files of a closed head: readings and minutes by the day, hours by the month.

    Memory is bounded by the head's size. If an exception comes in between, what was written never counts.
    """
    segments: list[Segment] = []
    hours: list[Partials] = []
    rows = 0
    ts = cursor.execute(f"SELECT ts FROM {head.table}").fetchnumpy()["ts"]
    for period, condition in _parts(ts, PERIOD[Resolution.RAW]):
        raw = _seal_readings(cursor, shelf, head, period, condition)
        rows += raw.rows
        segments.append(raw)
        minutes = _minutes_of(cursor, raw)
        if minutes is not None:
            segments.append(_seal_partials(cursor, shelf, Resolution.MINUTE, period, minutes))
            hours.append(coarser(minutes, WIDTH[Resolution.HOUR]))
    together = joined(hours) if hours else None
    if together is not None:
        for period, condition in _parts(together.ts, PERIOD[Resolution.HOUR]):
            segments.append(_seal_partials(cursor, shelf, Resolution.HOUR, period, together, condition))
    return Sealed(segments, together, rows)


def _parts(ts: NDArray[np.int64], width: int) -> list[tuple[int, str]]:
    """The periods that the times fall into, each with its condition in SQL; a few at most."""
    periods, counts = np.unique(ts // width, return_counts=True)
    own = periods
    if len(periods) > MOST_FILES:
        own = np.sort(periods[np.argsort(counts, kind="stable")[-(MOST_FILES - 1) :]])
    ranges = {int(p): f"ts >= {p * width} AND ts < {(p + 1) * width}" for p in own}
    if len(own) < len(periods):
        ranges[SCATTERED] = f"NOT ({' OR '.join(f'({r})' for r in ranges.values())})"
    return list(ranges.items())


def _seal_readings(cursor: duckdb.DuckDBPyConnection, shelf: Shelf, head: Head, period: int, condition: str) -> Segment:
    candidates = sorted(head.signals)
    counts = ", ".join(["0", *(f"count({column(s)})" for s in candidates)])
    found = row_of(cursor, f"SELECT {counts} FROM {head.table} WHERE {condition}")
    signals = [s for s, count in zip(candidates, found[1:], strict=True) if count]
    names = ", ".join(["device", "ts", "received_at", "flags", *map(column, signals)])
    file = shelf.fresh(Resolution.RAW, period)
    order = "ORDER BY device, ts, received_at"
    write_file(cursor, f"SELECT {names} FROM {head.table} WHERE {condition} {order}", file, Resolution.RAW)
    return segment_of(cursor, file, Resolution.RAW, period, frozenset(signals))


def _minutes_of(cursor: duckdb.DuckDBPyConnection, raw: Segment) -> Partials | None:
    """Roll up a raw file, signal by signal in the order of its rows; None if there is no value in it."""
    parts = []
    for signal in sorted(raw.signals):
        found = cursor.execute(
            f"SELECT device, ts, flags, {column(signal)} AS value FROM {source([raw.path])} WHERE value IS NOT NULL"
        ).fetchnumpy()
        values = (found["device"], found["ts"], found["flags"], found["value"])
        parts.append(of_values(signal, *values, WIDTH[Resolution.MINUTE]))
    return joined(parts) if parts else None


def _seal_partials(
    cursor: duckdb.DuckDBPyConnection,
    shelf: Shelf,
    kind: Resolution,
    period: int,
    partials: Partials,
    condition: str = "true",
) -> Segment:
    file = shelf.fresh(kind, period)
    with lent(cursor, "partials", columns(partials)):
        # Hours of several days come day by day; minutes are in order already, for which sorting costs little.
        write_file(cursor, f"SELECT {STORED} FROM partials WHERE {condition} ORDER BY signal, device, ts", file, kind)
    return segment_of(cursor, file, kind, period, frozenset(np.unique(partials.signal).tolist()))
