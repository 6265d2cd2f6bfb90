"""InfluxDB 2 as a source of answers: Flux through the official client."""

import io
import threading
from collections.abc import Callable, Sequence

import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from numpy.typing import NDArray
from urllib3.exceptions import HTTPError

from gateway.history.influx import flux
from gateway.history.influx.answers import NS, Columns, joined, parse, partials
from gateway.history.influx.options import InfluxOptions
from gateway.history.influx.sender import unavailable
from gateway.history.influx.source import Parts
from gateway.history.store import HistoryUnavailable, Last, Resolution

DEVICES = 64
"""Devices in one query: a filter is a comparison for each, and all that is found is in memory at once."""


class InfluxSource:
    """Implements `gateway.history.influx.source.Source`."""

    def __init__(self, client: InfluxDBClient, options: InfluxOptions) -> None:
        self._api = client.query_api()
        self._options = options
        self._bucket = options.bucket
        self._closed = threading.Event()

    def close(self) -> None:
        """Ask nothing more."""
        self._closed.set()

    def points(self, devices: Sequence[str] | None, fields: Sequence[str] | None, start: int, end: int) -> Columns:
        """See `Source`."""

        def script(some: Sequence[str] | None) -> str:
            return flux.points(self._bucket, some, fields, start, end)

        return self._each(devices, script).get("_result", {})

    def windows(
        self, kept: Resolution, devices: Sequence[str], signals: Sequence[str], start: int, end: int, width: int
    ) -> Parts:
        """See `Source`."""

        def script(some: Sequence[str] | None) -> str:
            return flux.windows(self._bucket, kept, some or (), signals, start, end, width)

        return partials(self._each(devices, script))

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """See `Source`."""
        results = self._each(devices, lambda some: flux.last(self._bucket, some or ()))
        found: dict[str, dict[str, Last]] = {}

        def offer(device: str, signal: str, ts: int, value: float) -> None:
            known = found.setdefault(device, {}).get(signal)
            if known is None or ts >= known.ts:
                found[device][signal] = Last(ts, value)

        moments = results.get("last_ts", {})
        for key, column in results.get("last", {}).items():
            if key in moments:
                offer(key.device, key.field, int(moments[key].values[-1]) // NS, float(column.values[-1]))
        for key, column in results.get("raw", {}).items():
            offer(key.device, key.field, int(column.ts[-1]), float(column.values[-1]))
        return found

    def receipts(self, start: int, end: int) -> list[tuple[int, int]]:
        """See `Source`."""
        found = self.ask(flux.receipts(self._bucket, start, end)).get("_result", {})
        return [(key.age, minute) for key, column in found.items() for minute in column.ts.tolist()]

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """See `Source`."""
        found = self.ask(flux.ticks(self._bucket, start, end)).get("_result", {})
        return np.unique(np.concatenate([c.ts for c in found.values()] or [np.empty(0, np.int64)]))

    def first(self, devices: Sequence[str] | None) -> dict[Resolution, int]:
        """See `Source`."""
        results = self._each(devices, lambda some: flux.first(self._bucket, some))
        return {Resolution(name): min(int(c.ts[0]) for c in found.values()) for name, found in results.items()}

    def ask(self, script: str) -> dict[str, Columns]:
        """Send a script; result name → its series."""
        if self._closed.is_set():
            raise HistoryUnavailable("the history is closed")
        try:
            answer = self._api.query_raw(script, self._options.org)
            answer.auto_close = False  # else it closes at its end, under the reader that wraps it
            with answer:
                return parse(io.TextIOWrapper(io.BufferedReader(answer), "utf-8", newline=""))
        except (ApiException, HTTPError, OSError) as e:
            raise unavailable(e, self._options.url) from e
        except (ValueError, KeyError, IndexError) as e:
            raise HistoryUnavailable(f"{self._options.url}: an answer that is no annotated CSV ({e!r})") from e

    def _each(self, devices: Sequence[str] | None, script: Callable[[Sequence[str] | None], str]) -> dict[str, Columns]:
        """Ask for a bounded number of devices at a time, and put the answers together."""
        groups = [None] if devices is None else [devices[i : i + DEVICES] for i in range(0, len(devices), DEVICES)]
        results: dict[str, Columns] = {}
        for some in groups:
            for name, found in self.ask(script(some)).items():
                together = results.setdefault(name, {})
                for key, column in found.items():
                    known = together.get(key)
                    together[key] = column if known is None else joined([known, column])
        return results
