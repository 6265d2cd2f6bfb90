"""Answers of a server as columns: InfluxDB's annotated CSV, and statistics put together into partials."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.history.partials import Partials
from gateway.history.store import HistoryUnavailable

NS = 1_000_000
"""Nanoseconds in a millisecond."""


class Key(NamedTuple):
    """What tells one series of the server from another; empty (or 0) where an answer has no such column."""

    device: str
    flags: int
    field: str
    age: int


class Column(NamedTuple):
    """Points of one series, in the order of time: times in UTC ms, and values (int64 where the server has integers).

    Times are 0 in an answer without any.
    """

    ts: NDArray[np.int64]
    values: NDArray[np.float64] | NDArray[np.int64]


Columns = dict[Key, Column]


def parse(lines: Iterable[str]) -> dict[str, Columns]:
    """Read annotated CSV: result name → its series.

    Raises:
        HistoryUnavailable: the server broke off with an error inside the answer.
    """
    results: dict[str, dict[Key, list[Column]]] = {}
    for layout, rows in _tables(lines):
        key, column = _column(layout, rows)
        results.setdefault(layout.result, {}).setdefault(key, []).append(column)
    return {name: {key: joined(columns) for key, columns in series.items()} for name, series in results.items()}


def partials(statistics: Mapping[str, Columns]) -> dict[tuple[str, str], list[Partials]]:
    """Put the six statistics of each series together: (device, signal) → a part for each flags.

    Data may come in between the statistics of one answer: only windows that all six have are taken, the others belong
    to a moment that has not settled.
    """
    found: dict[tuple[str, str], list[Partials]] = {}
    for key, counted in statistics.get("count", {}).items():
        six = {name: statistics.get(name, {}).get(key) for name in _STATISTICS}
        columns = {name: column for name, column in six.items() if column is not None}
        if len(columns) < len(_STATISTICS):
            continue
        ts = counted.ts
        for column in columns.values():
            if not np.array_equal(column.ts, ts):
                ts = np.intersect1d(ts, column.ts)
        value = {name: column.values[np.searchsorted(column.ts, ts)] for name, column in columns.items()}
        count = value["count"].astype(np.int64)
        part = Partials(
            ts,
            value["minimum"].astype(np.float64),
            value["maximum"].astype(np.float64),
            value["sum"].astype(np.float64),
            count,
            value["last"].astype(np.float64),
            value["last_ts"].astype(np.int64) // NS,
            count if key.flags == 0 else np.zeros_like(count),
            np.full(len(ts), key.flags, np.uint8),
        )
        found.setdefault((key.device, key.field), []).append(part)
    return found


_STATISTICS = ("minimum", "maximum", "sum", "count", "last", "last_ts")


class _Layout(NamedTuple):
    """What the annotations and the header say of the rows behind them."""

    result: str
    names: list[str]
    types: list[str]


def _tables(lines: Iterable[str]) -> Iterator[tuple[_Layout, list[list[str]]]]:
    """The rows of one series after the other, with their layout."""
    annotations: dict[str, list[str]] = {}
    layout: _Layout | None = None
    rows: list[list[str]] = []
    for row in csv.reader(lines):
        if row and not row[0].startswith("#") and layout is not None and "error" not in layout.names:
            if rows and rows[0][layout.names.index("table")] != row[layout.names.index("table")]:
                yield layout, rows
                rows = []
            rows.append(row)
        elif row and layout is not None and not row[0].startswith("#"):
            raise HistoryUnavailable(f"the server broke off its answer: {row[layout.names.index('error')]}")
        elif row and row[0].startswith("#"):
            if layout is not None and rows:
                yield layout, rows
            layout, rows = None, []
            annotations[row[0]] = row
        elif row:
            default = annotations.get("#default", [])
            result = default[row.index("result")] if "result" in row and default else ""
            layout = _Layout(result, row, annotations.get("#datatype", []))
    if layout is not None and rows:
        yield layout, rows


def _column(layout: _Layout, rows: list[list[str]]) -> tuple[Key, Column]:
    at = {name: i for i, name in enumerate(layout.names)}

    def one(name: str) -> str:
        return rows[0][at[name]] if name in at else ""

    key = Key(one("device"), int(one("flags") or 0), one("_field"), int(one("age") or 0))
    times = [row[at["_time"]].rstrip("Z") for row in rows] if "_time" in at else ["1970-01-01"] * len(rows)
    ts = np.array(times, "datetime64[ms]").astype(np.int64)
    if "_value" not in at:
        return key, Column(ts, np.zeros(len(rows)))
    text = np.array([row[at["_value"]] for row in rows], object)
    whole = layout.types[at["_value"]] == "long"
    return key, Column(ts, text.astype(np.int64) if whole else text.astype(np.float64))


def joined(columns: Sequence[Column]) -> Column:
    """Pieces of one series as one, in the order of time."""
    if len(columns) == 1:
        return columns[0]
    ts = np.concatenate([c.ts for c in columns])
    order = np.argsort(ts, kind="stable")
    return Column(ts[order], np.concatenate([c.values for c in columns])[order])
