"""Tending: heads are sealed, small files merged, and what is past its time removed, while writing goes on."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.damage import Damage
from gateway.history.duck.guard import Guard
from gateway.history.duck.head import Writer
from gateway.history.duck.merging import candidates, merge
from gateway.history.duck.retention import expired, superfluous
from gateway.history.duck.rollup import Partials, columns
from gateway.history.duck.schema import head_table
from gateway.history.duck.sealing import seal
from gateway.history.duck.segments import delete, insert
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Head, Segment
from gateway.history.duck.sql import lent
from gateway.history.store import WIDTH, HistoryUnavailable, Resolution, Retention, Tended

MERGES = 8
"""In one round; the next does the rest."""
_LATEST = """
CREATE OR REPLACE TEMP TABLE fresh AS
    SELECT device, signal, max(ts) AS ts, arg_max(value, ts) AS value FROM (
        SELECT device, signal, ts, value FROM latest
        UNION ALL
        SELECT device, signal, last_ts AS ts, last AS value FROM partials
    ) GROUP BY device, signal
"""


class Tender:
    """Does one round after the other, for one thread.

    Every step makes its files first, then one transaction lets them count in place of what they replace: whatever
    happens in between, the store holds everything once.

    Raises:
        HistoryUnavailable: from `tend`; steps done before stay done, and the next round does the rest.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        shelf: Shelf,
        guard: Guard,
        writer: Writer,
        damage: Damage,
        retention: Retention,
    ) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._shelf = shelf
        self._guard = guard
        self._writer = writer
        self._damage = damage
        self._retention = retention

    def tend(self, now: int) -> Tended:
        """One round; `now`: UTC ms."""
        if self._shelf.unfinished():
            self._shelf.discard_unfinished(self._segments())
        # First of all room is made, or a full disk would never have any again.
        removed, early = self._retire(now)
        self._writer.close_old(now)
        rolled_up = sum(self._seal(head) for head in self._closed())
        if rolled_up:
            self._catalogue.checkpoint()  # what the heads took is free from here on
            more, also_early = self._retire(now)
            removed, early = removed + more, early or also_early
        for group in candidates(self._segments(), now)[:MERGES]:
            self._merge_or_mend(group)
        self._catalogue.checkpoint()
        return Tended(rolled_up, dict(removed), early)

    def _closed(self) -> list[Head]:
        with self._catalogue.snapshot() as view:
            closed = {
                number for (number,) in view.cursor.execute("SELECT number FROM head WHERE state = 'closed'").fetchall()
            }
            return [head for head in view.heads() if head.number in closed]

    def _segments(self) -> list[Segment]:
        with self._catalogue.snapshot() as view:
            return [s for kind in Resolution for s in view.segments(kind)]

    def _seal(self, head: Head) -> int:
        with self._catalogue.snapshot() as view:
            sealed = seal(view.cursor, self._shelf, head)
        self._shelf.sync(s.path for s in sealed.segments)
        with self._catalogue.change() as cursor:
            insert(cursor, self._folder, sealed.segments)
            if sealed.hours is not None:
                _note_latest(cursor, sealed.hours)
            cursor.execute("DELETE FROM head WHERE number = ?", [head.number])
            cursor.execute(f"DROP TABLE {head_table(head.number)}")
        self._shelf.kept()
        return sealed.rows

    def _merge_or_mend(self, group: Sequence[Segment]) -> None:
        try:
            self._merge(group)
        except HistoryUnavailable as error:
            # Without the damaged file the next round merges the others; a round that fails for ever seals nothing.
            if not self._damage.found(error, lambda view: group):
                raise

    def _merge(self, group: Sequence[Segment]) -> None:
        with self._catalogue.snapshot() as view:
            merged = merge(view.cursor, self._shelf, group)
        self._shelf.sync([merged.path])
        with self._catalogue.change() as cursor:
            if not delete(cursor, self._folder, group):
                raise HistoryUnavailable(f"{merged.path}: a file that it was made of was set aside meanwhile")
            insert(cursor, self._folder, [merged])
        self._shelf.kept()
        self._guard.retire([s.path for s in group])

    def _retire(self, now: int) -> tuple[Counter[Resolution], bool]:
        segments = self._segments()
        old = expired(segments, self._retention, now)
        kept = [s for s in segments if s not in old]
        early = superfluous(kept, self._catalogue.bytes(), self._retention)
        gone = [*old, *early]
        with self._catalogue.change() as cursor:
            delete(cursor, self._folder, gone)
            _note_removed(cursor, gone)
            cursor.execute("DELETE FROM tick WHERE ts < ?", [now - self._retention.raw_ms])
        self._guard.retire([s.path for s in gone])
        removed: Counter[Resolution] = Counter()
        for segment in gone:
            removed[segment.kind] += segment.rows
        return removed, bool(early)


def _note_removed(cursor: duckdb.DuckDBPyConnection, gone: Sequence[Segment]) -> None:
    """Let it be known how far back each kind is whole."""
    for segment in gone:
        until = segment.last_ts + max(1, WIDTH[segment.kind])
        cursor.execute("UPDATE removed SET until = greatest(until, ?) WHERE kind = ?", [until, segment.kind.value])


def _note_latest(cursor: duckdb.DuckDBPyConnection, hours: Partials) -> None:
    """Let the latest values of what leaves a head stand where they are found without opening a file."""
    with lent(cursor, "partials", columns(hours)):
        cursor.execute(_LATEST)
    cursor.execute("DELETE FROM latest")
    cursor.execute("INSERT INTO latest SELECT device, signal, ts, value FROM fresh")
    cursor.execute("DROP TABLE fresh")
