"""What stores in a server have in common: lines out, the position beside them, questions to a source."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient
from numpy.typing import NDArray

from community.frame import Frame
from community.vitals import Vitals
from gateway.history.batch import Batch
from gateway.history.influx.assembly import readings
from gateway.history.influx.lines import lines_of, not_finite
from gateway.history.influx.options import InfluxOptions
from gateway.history.influx.progress import Progress
from gateway.history.influx.reading import read
from gateway.history.influx.sender import Sender
from gateway.history.influx.source import Source
from gateway.history.store import HistoryUnavailable, Last, Query, Series, Usage


def client_of(options: InfluxOptions, timeout_ms: int | None = None) -> InfluxDBClient:
    """The official client. It connects when it is used, and tries nothing again by itself: `Sender` does."""
    return InfluxDBClient(
        options.url,
        options.token,
        org=options.org,
        timeout=timeout_ms or options.timeout_ms,
        enable_gzip=True,
        retries=False,
    )


class ServerStore:
    """`gateway.history.store.HistoryStore` but for `tend`.

    A batch is sent in several requests: while `write` runs, and after it failed, questions may see a part of it.
    Readings of one device with the same event time and flags are one point there: a later one replaces the values that
    both have.
    """

    def __init__(self, options: InfluxOptions, vitals: Vitals, source: Source, bucket: str) -> None:
        """Reads and makes what is ours in `options.folder`; the server is not asked.

        Raises:
            HistoryUnavailable: the folder cannot be made.
        """
        self._options = options
        self._vitals = vitals
        self._source = source
        self._client = client_of(options)
        try:
            self._progress = Progress(options.folder, f"{options.url} {options.org} {bucket}", vitals)
        except OSError as e:
            raise HistoryUnavailable(f"{options.folder}: {e.strerror}") from e
        self._sender = Sender(self._client, options, bucket, vitals)
        self._closed = threading.Event()

    def position(self) -> int:
        """See `HistoryStore`."""
        return self._progress.position

    def write(self, batch: Batch) -> None:
        """See `HistoryStore`."""
        self._open()
        if batch.position <= self._progress.position:
            return
        lost = not_finite(batch)
        # Before, so that answers do not trust the roll-ups from now on; after, in case they were just being made.
        self._progress.touch(batch.ts)
        self._sender.send(lines_of(batch))
        self._progress.touch(batch.ts)
        if lost:
            self._vitals.count("history_refused_lines", lost, reason="not_finite")
        self._save(batch.position)

    def read(self, query: Query) -> list[Series]:
        """See `HistoryReader`."""
        self._open()
        return read(self._source, query, self._lagging())

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """See `HistoryReader`."""
        self._open()
        return self._source.last(devices)

    def readings(self, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
        """See `HistoryReader`."""
        self._open()
        for frame in readings(self._source, devices, start, end):
            yield frame
            self._open()

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """See `HistoryReader`."""
        self._open()
        return self._source.ticks(start, end)

    def usage(self) -> Usage:
        """See `HistoryReader`; the server does not tell bytes or rows."""
        self._open()
        return Usage(None, None, self._source.first(None))

    def close(self) -> None:
        """See `HistoryStore`."""
        self._closed.set()
        self._sender.close()
        self._client.close()

    def _lagging(self) -> list[tuple[int, int]]:
        """Stretches of event time [start, end) whose roll-ups are not up to date, in order, apart from one another."""
        return []

    def _open(self) -> None:
        if self._closed.is_set():
            raise HistoryUnavailable("the history is closed")

    def _save(self, position: int | None = None) -> None:
        try:
            self._progress.save(position)
        except OSError as e:
            raise HistoryUnavailable(f"{self._options.folder}: {e.strerror}") from e
