"""One consistent view of the store: the heads and files there were at one moment, for one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from gateway.history.duck.schema import head_table
from gateway.history.duck.sql import columns_of
from gateway.history.store import Resolution

LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Head:
    """A table with the newest readings, in the order in which they came.

    Attributes:
        number: of the table; the larger, the newer.
        signals: ids of the signals that have a column.
    """

    number: int
    signals: frozenset[int]

    @property
    def table(self) -> str:
        """Its name."""
        return head_table(self.number)


@dataclass(frozen=True, slots=True)
class Segment:
    """A file: fields as in the table `segment` (`gateway.history.duck.schema`)."""

    path: Path
    kind: Resolution
    period: int
    first_ts: int
    last_ts: int
    first_received: int | None
    last_received: int | None
    rows: int
    bytes: int
    signals: frozenset[int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one transaction sees. Made by `Catalogue.snapshot`, good while its body runs, for one thread at a time.

    Attributes:
        cursor: in that transaction; ask it whatever else is wanted.
        folder: the store's.
    """

    cursor: duckdb.DuckDBPyConnection
    folder: Path

    def heads(self) -> list[Head]:
        """The heads, oldest first."""
        rows = self.cursor.execute("SELECT number FROM head ORDER BY number").fetchall()
        return [Head(number, self._columns(number)) for (number,) in rows]

    def segments(self, kind: Resolution, start: int = -LARGEST, end: int = LARGEST) -> list[Segment]:
        """Files of `kind` with rows whose `ts` is from `start` to before `end`, the earliest first.

        Those of roll-ups begin at `ts`: ask from one width before the first moment that is of interest.
        """
        return self._segments("kind = ? AND last_ts >= ? AND first_ts < ?", [kind.value, start, end])

    def received(self, start: int, end: int) -> list[Segment]:
        """Raw files with readings received from `start` to before `end`."""
        terms = "kind = ? AND last_received >= ? AND first_received < ?"
        return self._segments(terms, [Resolution.RAW.value, start, end])

    def devices(self, names: Sequence[str]) -> dict[str, int]:
        """Ids by name; names that were never stored are absent."""
        return self._ids("device", names)

    def signals(self, names: Sequence[str]) -> dict[str, int]:
        """The same for signals."""
        return self._ids("signal", names)

    def device_names(self) -> dict[int, str]:
        """The name of every device by its id."""
        return dict(self.cursor.execute("SELECT id, name FROM device").fetchall())

    def signal_names(self) -> dict[int, str]:
        """The name of every signal by its id."""
        return dict(self.cursor.execute("SELECT id, name FROM signal").fetchall())

    def _ids(self, table: str, names: Sequence[str]) -> dict[str, int]:
        asked = f"SELECT name, id FROM {table} WHERE name IN (SELECT unnest(?::VARCHAR[]))"
        return dict(self.cursor.execute(asked, [list(names)]).fetchall())

    def _columns(self, number: int) -> frozenset[int]:
        return frozenset(int(name[1:]) for name in columns_of(self.cursor, head_table(number))[4:])

    def _segments(self, terms: str, values: list[object]) -> list[Segment]:
        fields = "file, kind, period, first_ts, last_ts, first_received, last_received, rows, bytes, signals"
        rows = self.cursor.execute(
            f"SELECT {fields} FROM segment WHERE {terms} ORDER BY first_ts, file", values
        ).fetchall()
        return [
            Segment(self.folder / file, Resolution(kind), period, t0, t1, r0, r1, count, size, frozenset(signals))
            for file, kind, period, t0, t1, r0, r1, count, size, signals in rows
        ]
