"""A database in a folder of its own, in which rows are collected until they can be written as one file."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import nanoarrow
import numpy as np
from nanoarrow.ipc import StreamWriter

from community.frame import Frame
from community.quantities import SIGNAL_INDEX
from gateway.history.store import HistoryUnavailable, Series

_MEMORY = "256MB"
_READ = 2**18
_SERIES = (
    "device VARCHAR, signal VARCHAR, ts BIGINT, width_ms BIGINT, min DOUBLE, mean DOUBLE, max DOUBLE, last DOUBLE, "
    "count BIGINT, quality DOUBLE, flags UTINYINT"
)


class Spool:
    """Rows that become a file. Use it as a context: its folder is gone when the block ends, however it ends.

    Raises:
        HistoryUnavailable: from every method; no room, above all.
    """

    def __init__(self, folder: Path) -> None:
        """Collect in a folder below `folder`."""
        self._parent = folder
        self._signals: dict[str, str] = {}

    def __enter__(self) -> Self:
        with _unavailable():
            self._parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=self._parent))
            self._connection = duckdb.connect(
                str(self._folder / "rows.duckdb"),
                config={"threads": 1, "memory_limit": _MEMORY, "temp_directory": str(self._folder / "spill")},
            )
            self._connection.execute("SET TimeZone = 'UTC'")
            self._connection.execute("CREATE TABLE reading (device VARCHAR, ts BIGINT, received_at BIGINT)")
            self._connection.execute(f"CREATE TABLE series ({_SERIES})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add_readings(self, frame: Frame) -> None:
        """A row for each reading, in their order, with a column for each signal."""
        if not len(frame):
            return
        with _unavailable():
            for signal in frame.signals:
                if signal not in self._signals:
                    self._signals[signal] = f"s{len(self._signals)}"
                    self._connection.execute(f"ALTER TABLE reading ADD COLUMN {self._signals[signal]} DOUBLE")
            devices = np.array(frame.devices, object)[frame.device]
            columns = {"device": devices, "ts": frame.ts.copy(), "received_at": frame.received_at.copy()}
            columns |= {self._signals[s]: frame.values[:, k].copy() for k, s in enumerate(frame.signals)}
            self._insert("reading", columns)

    def add_series(self, series: Series, width: int) -> None:
        """A row for each point; `width`: ms that it stands for."""
        n = len(series)
        if not n:
            return
        columns = {
            "device": np.full(n, series.device, object),
            "signal": np.full(n, series.signal, object),
            "ts": series.ts,
            "width_ms": np.full(n, width, np.int64),
            "min": series.minimum,
            "mean": series.mean,
            "max": series.maximum,
            "last": series.last,
            "count": series.count,
            "quality": series.quality,
            "flags": series.flags,
        }
        with _unavailable():
            self._insert("series", columns)

    def content(self, form: str, *, readings: bool) -> Iterator[bytes]:
        """The collected readings, or else series, as a file of this form: `csv`, `parquet` or `arrow`."""
        selection = self._readings(form) if readings else self._series(form)
        path = self._folder / "file"
        with _unavailable():
            if form == "arrow":
                with path.open("wb") as file, StreamWriter.from_writable(file) as writer:
                    writer.write_stream(nanoarrow.c_array_stream(self._connection.sql(selection)))
            else:
                options = "FORMAT parquet, COMPRESSION zstd" if form == "parquet" else "FORMAT csv, HEADER"
                self._connection.execute(f"COPY ({selection}) TO '{path}' ({options})")
        with path.open("rb") as made:
            while piece := made.read(_READ):
                yield piece

    def _readings(self, form: str) -> str:
        known = sorted(self._signals, key=lambda s: SIGNAL_INDEX.get(s, len(SIGNAL_INDEX)))
        signals = "".join(f', {self._signals[s]} AS "{s}"' for s in known)
        return f"SELECT device, {_time('ts', form)}, {_time('received_at', form)}{signals} FROM reading ORDER BY rowid"

    def _series(self, form: str) -> str:
        return f"SELECT * REPLACE ({_time('ts', form)}) FROM series ORDER BY rowid"

    def _insert(self, table: str, columns: dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"]) -> None:
        self._connection.register("given", columns)
        try:
            self._connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM given")
        finally:
            self._connection.unregister("given")


def _time(column: str, form: str) -> str:
    """A column of UTC ms as a time with a zone; in a text as RFC 3339."""
    if form == "csv":
        return f"strftime(epoch_ms({column}), '%Y-%m-%dT%H:%M:%S.%gZ') AS {column}"
    return f"epoch_ms({column}) AT TIME ZONE 'UTC' AS {column}"


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise HistoryUnavailable(f"the export cannot be collected: {str(error).partition(chr(10))[0]}") from error
