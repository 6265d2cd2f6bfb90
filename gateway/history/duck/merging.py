"""Merging: many small files of one period become one, so that a question opens few."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import duckdb

from gateway.history.duck.schema import MERGED, PARTIALS, PERIOD, SCATTERED
from gateway.history.duck.sealing import STORED
from gateway.history.duck.segments import readings, segment_of, source, write_file
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Segment
from gateway.history.store import Resolution

FILES = 8
"""So many files of about one size are merged while their period lasts; afterwards two are enough."""
MOST_ROWS = 16_000_000
"""No merged file has more rows: this bounds how long merging takes and what it needs beside."""


def candidates(segments: Iterable[Segment], now: int) -> list[list[Segment]]:
    """Groups of files to be merged, each of one kind and period and of about one size.

    Only files whose sizes are within a factor of `FILES` meet, so that a row is rewritten a few times in all, however
    many files there are.

    Args:
        segments: that there are.
        now: UTC ms, which says what periods are over.
    """
    tiers: dict[tuple[Resolution, int, int], list[Segment]] = defaultdict(list)
    for segment in segments:
        tiers[segment.kind, segment.period, _tier(segment.rows)].append(segment)
    groups = []
    for (kind, period, _), members in sorted(tiers.items(), key=lambda item: item[0]):
        over = period != SCATTERED and (period + 1) * PERIOD[kind] < now
        groups += [g for g in _bounded(members) if len(g) >= (2 if over else FILES)]
    return groups


def merge(cursor: duckdb.DuckDBPyConnection, shelf: Shelf, group: Sequence[Segment]) -> Segment:
    """Write one file with everything that is in those of `group`; the catalogue does not know it yet."""
    kind, period = group[0].kind, group[0].period
    signals = frozenset[int]().union(*(s.signals for s in group))
    paths = [s.path for s in group]
    if kind is Resolution.RAW:
        selection = f"{readings(paths, signals)} ORDER BY device, ts, received_at"
    else:
        partials = f"SELECT {MERGED} FROM (SELECT {PARTIALS} FROM {source(paths)}) GROUP BY signal, device, ts"
        selection = f"SELECT {STORED} FROM ({partials}) ORDER BY signal, device, ts"
    file = shelf.fresh(kind, period)
    write_file(cursor, selection, file, kind)
    return segment_of(cursor, file, kind, period, signals)


def _tier(rows: int) -> int:
    return max(rows.bit_length() - 1, 0) // 3


def _bounded(members: list[Segment]) -> list[list[Segment]]:
    """The members in groups of at most `MOST_ROWS` rows, by their times."""
    groups: list[list[Segment]] = [[]]
    room = MOST_ROWS
    for segment in sorted(members, key=lambda s: (s.first_ts, s.path)):
        if segment.rows > room:
            groups.append([])
            room = MOST_ROWS
        groups[-1].append(segment)
        room -= segment.rows
    return groups
