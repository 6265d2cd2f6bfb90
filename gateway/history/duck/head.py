"""The writer: batches of the log into the open head, exactly once, together with the position that they reach."""

import threading
from typing import NamedTuple

import duckdb
import numpy as np

from community.clock import HOUR
from gateway.history.batch import Batch
from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.schema import READING, column, head_table
from gateway.history.duck.sql import columns_of, lent, row_of

HEAD_ROWS, HEAD_VALUES = 1_000_000, 8_000_000
"""A head takes no more once it has so many readings or values: this bounds the memory that sealing it needs."""
HEAD_AGE = HOUR
"""ms after which a head is sealed however little it holds: it costs more to read than a file."""


class _State(NamedTuple):
    """What the catalogue says, remembered from batch to batch."""

    position: int
    devices: dict[str, int]
    signals: dict[str, int]
    head: int
    columns: frozenset[int]
    rows: int
    values: int


class Writer:
    """Appends to the open head, and begins a new one. Its methods may be called from several threads.

    Raises:
        HistoryUnavailable: from every method; nothing was kept then, and it may be tried again.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._state: _State | None = None
        self._seen: tuple[int, int] | None = None

    def position(self) -> int:
        """The position of the last batch that is kept."""
        with self._lock:
            return self._present().position

    def write(self, batch: Batch) -> None:
        """Keep a batch, unless it is kept already."""
        with self._lock:
            state = self._present()
            if batch.position <= state.position:
                return
            # While the commit runs its outcome is unknown; if it fails, what the catalogue says counts.
            self._state = None
            with self._catalogue.change() as cursor:
                state = _write(cursor, state, batch)
                if state.rows >= HEAD_ROWS or state.values >= HEAD_VALUES:
                    state = _rotate(cursor, state)
            self._state = state

    def close_old(self, now: int) -> None:
        """Begin a new head if `HEAD_AGE` has passed since this method first saw something in the present one.

        Args:
            now: UTC ms.
        """
        with self._lock:
            state = self._present()
            if not state.rows:
                return
            if self._seen is None or self._seen[0] != state.head:
                self._seen = (state.head, now)
            if now - self._seen[1] < HEAD_AGE:
                return
            self._state = None
            with self._catalogue.change() as cursor:
                state = _rotate(cursor, state)
            self._state = state

    def _present(self) -> _State:
        if self._state is None:
            with self._catalogue.change() as cursor:
                state = _load(cursor)
            self._state = state
        return self._state


def _load(cursor: duckdb.DuckDBPyConnection) -> _State:
    """The state as the catalogue has it; with a first head if there is no open one."""
    (position,) = row_of(cursor, "SELECT position FROM position")
    newest, present = row_of(cursor, "SELECT max(number), max(number) FILTER (state = 'open') FROM head")
    devices = dict(cursor.execute("SELECT name, id FROM device").fetchall())
    signals = dict(cursor.execute("SELECT name, id FROM signal").fetchall())
    state = _State(position, devices, signals, present or newest or 0, frozenset(), 0, 0)
    if present is None:
        return _begin(cursor, state)
    names = columns_of(cursor, head_table(present))[4:]
    counts = ", ".join(["count(*)", *(f"count({name})" for name in names)])
    rows, *values = row_of(cursor, f"SELECT {counts} FROM {head_table(present)}")
    return state._replace(columns=frozenset(int(name[1:]) for name in names), rows=rows, values=sum(values))


def _begin(cursor: duckdb.DuckDBPyConnection, state: _State) -> _State:
    number = state.head + 1
    cursor.execute(f"CREATE TABLE {head_table(number)} ({READING})")
    cursor.execute("INSERT INTO head VALUES (?, 'open')", [number])
    return state._replace(head=number, columns=frozenset(), rows=0, values=0)


def _rotate(cursor: duckdb.DuckDBPyConnection, state: _State) -> _State:
    cursor.execute("UPDATE head SET state = 'closed' WHERE number = ?", [state.head])
    return _begin(cursor, state)


def _write(cursor: duckdb.DuckDBPyConnection, state: _State, batch: Batch) -> _State:
    devices = _known(cursor, "device", state.devices, batch.devices)
    signals = _known(cursor, "signal", state.signals, batch.signals)
    ids = [signals[name] for name in batch.signals]
    table = head_table(state.head)
    fresh = sorted(set(ids) - state.columns)
    for signal in fresh:
        cursor.execute(f"ALTER TABLE {table} ADD COLUMN {column(signal)} DOUBLE")
    if len(batch):
        numbers = np.array([devices[name] for name in batch.devices], np.int32)
        columns = {
            "device": numbers[batch.device],
            "ts": batch.ts,
            "received_at": batch.received_at,
            "flags": batch.flags,
            **dict(zip(map(column, ids), np.ascontiguousarray(batch.values.T), strict=True)),
        }
        with lent(cursor, "batch", columns):
            cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM batch")
    if len(batch.ticks):
        with lent(cursor, "batch", {"ts": batch.ticks}):
            cursor.execute("INSERT INTO tick SELECT ts FROM batch")
    cursor.execute("UPDATE position SET position = ?", [batch.position])
    return state._replace(
        position=batch.position,
        devices=devices,
        signals=signals,
        columns=state.columns | set(fresh),
        rows=state.rows + len(batch),
        values=state.values + batch.value_count,
    )


def _known(
    cursor: duckdb.DuckDBPyConnection, table: str, known: dict[str, int], names: tuple[str, ...]
) -> dict[str, int]:
    """`known` and ids for whatever of `names` is new; `known` itself stays as it is, should the commit fail."""
    fresh = [name for name in names if name not in known]
    if not fresh:
        return known
    ids = range(len(known), len(known) + len(fresh))
    cursor.execute(f"INSERT INTO {table} SELECT unnest(?::INTEGER[]), unnest(?::VARCHAR[])", [list(ids), fresh])
    return known | dict(zip(fresh, ids, strict=True))
