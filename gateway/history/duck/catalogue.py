"""The catalogue: one DuckDB file that says what the store holds, and the only place where it is opened.

All that changes goes through `change`, one after the other and each whole or not at all. Questions go through
`snapshot`, and see what one moment held. DuckDB gives each connection one thread here (`threads = 1`): the machine's
cores belong to the evaluation, and a writer, a tender and some questions work beside each other in threads of ours.
"""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from gateway.history.duck.guard import Guard
from gateway.history.duck.schema import SCHEMA, TABLES
from gateway.history.duck.snapshot import Snapshot
from gateway.history.duck.sql import row_of
from gateway.history.store import HistoryUnavailable

NAME = "catalogue.duckdb"
SPILL = "spill"
MEMORY = "512MB"
"""What DuckDB may take for sorting and merging; more than that it puts aside in the folder `SPILL`."""
_MOST_SPILL = "8GB"


class Catalogue:
    """The open catalogue of the store in `folder`.

    Raises:
        HistoryUnavailable: from every method; what was asked did not happen, and may be tried again.
    """

    def __init__(self, folder: Path, guard: Guard) -> None:
        """Open it, and make it where there is none; the folder exists."""
        self._folder = folder
        self._guard = guard
        self._lock = threading.Lock()
        self._cursors_lock = threading.Lock()
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._closed = False
        self._broken = False
        self._connection = self._open()
        with self.change() as cursor:
            _prepare(cursor, self.path)

    @property
    def path(self) -> Path:
        """The catalogue's file."""
        return self._folder / NAME

    @contextmanager
    def change(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that writes: kept when the body ends, forgotten when it raises. One at a time."""
        with self._lock, self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
                cursor.commit()
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    cursor.rollback()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A transaction that reads: what it names stays there, tables and files, until the body ends."""
        # The guard comes first: what is retired after it was entered stays, and the transaction begins after it.
        with self._guard.reading(), self._cursor() as cursor:
            cursor.begin()
            try:
                yield Snapshot(cursor, self._folder)
            finally:
                with contextlib.suppress(duckdb.Error):
                    cursor.rollback()

    def bytes(self) -> int:
        """What it takes on disk, with its write-ahead log."""
        files = (self.path, self.path.with_name(f"{NAME}.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def checkpoint(self) -> None:
        """Put what was written into the file proper, and give the room of dropped heads back."""
        with self._lock, self._cursor() as cursor, contextlib.suppress(duckdb.TransactionException):
            cursor.execute("CHECKPOINT")  # refused while a question runs: the next round does it

    def close(self) -> None:
        """Let go; questions that run are interrupted."""
        with self._cursors_lock:
            self._closed = True
            running = list(self._cursors)
        for cursor in running:
            cursor.interrupt()
        with self._lock, contextlib.suppress(duckdb.Error):
            self._connection.close()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._unavailable(), self._cursors_lock:
            if self._closed:
                raise HistoryUnavailable(f"{self._folder}: the store is closed")
            if self._broken and not self._cursors:
                self._connection.close()
                self._connection = self._open()
                self._broken = False
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
        try:
            with self._unavailable():
                yield cursor
        finally:
            with self._cursors_lock:
                self._cursors.discard(cursor)
            with contextlib.suppress(duckdb.Error):
                cursor.close()

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.FatalException, duckdb.InternalException) as error:
            # DuckDB refuses everything after such a fault until it is opened anew.
            self._broken = True
            raise HistoryUnavailable(f"{self._folder}: {_first_line(error)}") from error
        except (duckdb.Error, OSError) as error:
            raise HistoryUnavailable(f"{self._folder}: {_first_line(error)}") from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": MEMORY,
            "temp_directory": str(self._folder / SPILL),
            "max_temp_directory_size": _MOST_SPILL,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        try:
            connection = duckdb.connect(str(self.path), config=settings)
            connection.execute("SET GLOBAL parquet_metadata_cache = true")
            return connection
        except duckdb.Error as error:
            raise HistoryUnavailable(
                f"{self.path}: cannot be opened: {_first_line(error)}. "
                "If another process holds it, end that; if it is damaged, move the folder away and start again: "
                "the history then begins anew, alerts are not touched"
            ) from error


def _prepare(cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the tables where there are none, and refuse those of another schema."""
    found = row_of(cursor, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'")
    if found == (0,):
        cursor.execute(TABLES)
        cursor.execute("INSERT INTO meta VALUES (?)", [SCHEMA])
        cursor.execute("INSERT INTO position VALUES (0)")
        return
    (schema,) = row_of(cursor, "SELECT schema FROM meta")
    if schema != SCHEMA:
        raise HistoryUnavailable(f"{path}: written with schema {schema}; this release reads schema {SCHEMA}")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
