"""Small ways of asking DuckDB that several rooms of the store need."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray


def row_of(cursor: duckdb.DuckDBPyConnection, question: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
    """The one row of a question that has exactly one.

    All of the answer is fetched: a connection with half an answer refuses what comes next.
    """
    (row,) = cursor.execute(question, list(values)).fetchall()
    return tuple(row)


def columns_of(cursor: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The names of a table's columns, in order."""
    return [name for name, *_ in cursor.execute(f"DESCRIBE {table}").fetchall()]


@contextmanager
def lent(cursor: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, NDArray[np.generic]]) -> Iterator[None]:
    """While the body runs, arrays of one length can be selected from as the table `name`, without being copied.

    DuckDB takes NaN in an array of numpy for NULL, which is what a missing value shall be.
    """
    cursor.register(name, dict(columns))
    try:
        yield
    finally:
        cursor.unregister(name)


def quoted(path: Path) -> str:
    """A path as SQL text."""
    return "'" + str(path).replace("'", "''") + "'"
