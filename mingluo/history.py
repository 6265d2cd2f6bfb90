"""Which store keeps the history, by setting; opened when it is first needed, so that no start waits for it or fails."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from community.clock import DAY
from community.frame import Frame
from community.vitals import Vitals
from gateway.history.batch import Batch
from gateway.history.duck.store import DuckStore
from gateway.history.influx.options import InfluxOptions
from gateway.history.store import HistoryStore, HistoryUnavailable, Last, Query, Retention, Series, Tended, Usage
from mingluo.settings import Settings, SettingsError


def retention(settings: Settings) -> Retention:
    """How long what is kept."""
    return Retention(
        raw_ms=round(settings.history_raw_d * DAY),
        minute_ms=round(settings.history_minute_d * DAY),
        max_bytes=settings.history_max_bytes,
        min_free_bytes=settings.history_min_free_bytes,
    )


def make_history(settings: Settings, vitals: Vitals) -> "LateHistory | None":
    """The history that the settings name; None: none is kept.

    Raises:
        SettingsError: they contradict themselves.
    """
    if settings.history == "none":
        return None
    folder = settings.data_dir / "history"
    if settings.history == "duckdb":
        return LateHistory(lambda: DuckStore(folder, retention(settings), vitals))
    options = server_options(settings, folder)

    def server() -> HistoryStore:
        # Imported when it is wanted: InfluxData's client alone costs each command half a second.
        from gateway.history.influx.store import InfluxStore
        from gateway.history.influx.victoria import VictoriaStore

        return (InfluxStore if settings.history == "influxdb" else VictoriaStore)(options, vitals)

    return LateHistory(server)


def server_options(settings: Settings, folder: Path) -> InfluxOptions:
    """How to reach the server of the history; `folder` keeps the position.

    Raises:
        SettingsError: something is missing.
    """
    if settings.history_url is None:
        raise SettingsError(f"history_url: history = {settings.history!r} needs the address of its server")
    return InfluxOptions(
        url=str(settings.history_url).rstrip("/"),
        folder=folder,
        token=settings.history_token or "",
        org=settings.history_org,
        bucket=settings.history_bucket,
        retention=retention(settings),
    )


class LateHistory:
    """A store (`gateway.history.store.HistoryStore`) that is opened by the first who needs it.

    What cannot be opened now is `HistoryUnavailable`, and tried again by the next.
    """

    def __init__(self, opener: Callable[[], HistoryStore]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._opened: HistoryStore | None = None
        self._closed = False

    def position(self) -> int:
        """See `HistoryStore`."""
        return self._store().position()

    def write(self, batch: Batch) -> None:
        """See `HistoryStore`."""
        self._store().write(batch)

    def tend(self, now: int) -> Tended:
        """See `HistoryStore`."""
        return self._store().tend(now)

    def read(self, query: Query) -> list[Series]:
        """See `HistoryReader`."""
        return self._store().read(query)

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """See `HistoryReader`."""
        return self._store().last(devices)

    def readings(self, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
        """See `HistoryReader`."""
        return self._store().readings(devices, start, end)

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """See `HistoryReader`."""
        return self._store().ticks(start, end)

    def usage(self) -> Usage:
        """See `HistoryReader`."""
        return self._store().usage()

    def close(self) -> None:
        """Close the store, if it was opened; from now on there is none."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _store(self) -> HistoryStore:
        with self._lock:
            if self._closed:
                raise HistoryUnavailable("the history is closed")
            if self._opened is None:
                self._opened = self._opener()
            return self._opened
