"""VictoriaMetrics as a source of answers: single values by its export, windows by its query API.

It keeps single readings only, and aggregates as it is asked: all resolutions are made of them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from community.clock import DAY, MINUTE
from gateway.history.influx import metricsql
from gateway.history.influx.answers import NS, Column, Columns, Key, joined, partials
from gateway.history.influx.lines import READINGS, RECEIPT, TICK
from gateway.history.influx.options import InfluxOptions
from gateway.history.influx.source import Parts
from gateway.history.partials import Partials, merged
from gateway.history.store import HistoryUnavailable, Last, Resolution

DEVICES = 64
"""Devices in one question: all that is found is in memory at once."""
LOOK_BACK = (3 * DAY, 35 * DAY, 36_500 * DAY)
"""How far back last values are looked for: further only for what the nearer did not find."""
_AHEAD = 2 * DAY
"""Event times may be ahead of the server's clock; it takes no later ones."""


class VictoriaSource:
    """Implements `gateway.history.influx.source.Source`."""

    def __init__(self, options: InfluxOptions) -> None:
        headers = {"Authorization": f"Token {options.token}"} if options.token else {}
        self._url = options.url.rstrip("/")
        self._http = httpx.Client(timeout=options.timeout_ms / 1000, headers=headers)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def points(self, devices: Sequence[str] | None, fields: Sequence[str] | None, start: int, end: int) -> Columns:
        """See `Source`."""
        found: Columns = {}
        for some in _groups(devices):
            found.update(self._export(metricsql.selector(some, fields), start, end))
        return found

    def windows(
        self, kept: Resolution, devices: Sequence[str], signals: Sequence[str], start: int, end: int, width: int
    ) -> Parts:
        """See `Source`; windows of less than a minute, and those that the range cuts, are made of single values here.

        The server replaces the latest points of its own answers with older ones where steps are short.
        """
        first, last = -(-start // width) * width, end // width * width
        if width < MINUTE or first >= last:
            return self._own_windows(devices, signals, start, end, width)
        parts = self._own_windows(devices, signals, start, first, width) if start < first else {}
        if last < end:
            _add(parts, self._own_windows(devices, signals, last, end, width))
        for some in _groups(devices):
            series = metricsql.selector(some, signals)
            _add(
                parts,
                partials(
                    {
                        statistic: self._range(metricsql.window(statistic, series, width), first, last, width)
                        for statistic in metricsql.FUNCTIONS
                    }
                ),
            )
        return parts

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """See `Source`."""
        found: dict[str, dict[str, Last]] = {}
        for some in _groups(devices):
            self._last(some or (), found)
        return found

    def receipts(self, start: int, end: int) -> list[tuple[int, int]]:
        """See `Source`."""
        found = self._export(f"{RECEIPT}_n", start // MINUTE * MINUTE, end)
        return [(key.age, minute) for key, column in found.items() for minute in column.ts.tolist()]

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """See `Source`."""
        found = self._export(f"{TICK}_n", start, end)
        return np.unique(np.concatenate([c.ts for c in found.values()] or [np.empty(0, np.int64)]))

    def first(self, devices: Sequence[str] | None) -> dict[Resolution, int]:
        """See `Source`; the minute in which the oldest was received, of all devices: what the server tells quickly."""
        days = self._ask(
            "query_range", query=f"count_over_time({RECEIPT}_n[1d])", start="946684800", step="1d", nocache="1"
        )
        moments = [round(float(s["values"][0][0]) * 1000) for s in days]
        if not moments:
            return {}
        found = self._export(f"{RECEIPT}_n", min(moments) - DAY, min(moments) + DAY)
        return {Resolution.RAW: min(int(c.ts[0]) for c in found.values())} if found else {}

    def flags(self) -> dict[str, str]:
        """What the server was started with: name → value of each flag that was set."""
        found = {}
        for line in self._get("/metrics").splitlines():
            if line.startswith("flag{") and 'is_set="true"' in line:
                labels = dict(part.split("=", 1) for part in line[5 : line.index("}")].split(", "))
                found[labels["name"].strip('"')] = labels["value"].strip('"')
        return found

    def _last(self, devices: Sequence[str], found: dict[str, dict[str, Last]]) -> None:
        series = metricsql.selector(devices, None)
        there = {
            (s["device"], s["__name__"]) for s in self._ask("series", **{"match[]": series, "start": "946684800"})
        } - {(device, f"{READINGS}_received_at") for device in devices}
        for look_back in LOOK_BACK:
            if not there:
                return
            fields = sorted({name.removeprefix(f"{READINGS}_") for _, name in there})
            some = metricsql.selector(sorted({device for device, _ in there}), fields)
            moments = self._instant("tlast_over_time", some, f"{look_back + _AHEAD}ms", f"-{_AHEAD}ms", None)
            if not moments:
                continue
            # At the latest of these moments, so that a value that has come in meanwhile is not taken for it.
            latest = max(moments.values())
            values = self._instant("last_over_time", some, f"{look_back + 2 * _AHEAD}ms", None, latest)
            for key in moments.keys() & values.keys():
                signal, ts = key.field, round(moments[key] * 1000)
                known = found.setdefault(key.device, {}).get(signal)
                if known is None or ts >= known.ts:
                    found[key.device][signal] = Last(ts, values[key])
                there.discard((key.device, f"{READINGS}_{signal}"))

    def _instant(
        self, function: str, series: str, window: str, offset: str | None, at: float | None
    ) -> dict[Key, float]:
        moved = "" if offset is None else f" offset {offset}"
        more = {} if at is None else {"time": metricsql.seconds(round(at * 1000))}
        query = f"{function}({series}[{window}]{moved}) keep_metric_names"
        return {_key(s["metric"]): float(s["value"][1]) for s in self._ask("query", query=query, **more)}

    def _own_windows(self, devices: Sequence[str], signals: Sequence[str], start: int, end: int, width: int) -> Parts:
        parts: Parts = {}
        for key, column in self.points(devices, signals, start, end).items():
            flags = np.full(len(column.ts), key.flags, np.uint8)
            part = Partials.of_points(column.ts, column.values.astype(np.float64), flags)
            parts.setdefault((key.device, key.field), []).append(merged([part], width))
        return parts

    def _range(self, query: str, start: int, end: int, width: int) -> Columns:
        """A statistic of each window that begins from `start` to before `end`."""
        moments = {"start": metricsql.seconds(start + width - 1), "end": metricsql.seconds(end - 1)}
        found: Columns = {}
        for series in self._ask("query_range", query=query, step=f"{width}ms", nocache="1", **moments):
            ts = np.array([round(float(t) * 1000) for t, _ in series["values"]], np.int64) // width * width
            values = np.array([v for _, v in series["values"]], object).astype(np.float64)
            if "tlast_over_time" in query:
                values = np.round(values * 1000) * NS
            found[_key(series["metric"])] = Column(ts, values)
        return found

    def _export(self, series: str, start: int, end: int) -> Columns:
        """Single values; of several with one time the one that came last (a batch that was sent twice)."""
        form = {"match[]": series, "start": metricsql.seconds(start), "end": metricsql.seconds(end - 1)}
        pieces: dict[Key, list[Column]] = {}
        for line in self._stream("/api/v1/export", form):
            found = json.loads(line)
            values = np.array([np.nan if v is None else v for v in found["values"]], np.float64)
            column = Column(np.array(found["timestamps"], np.int64), values)
            pieces.setdefault(_key(found["metric"]), []).append(column)
        return {key: _once(joined(columns)) for key, columns in pieces.items()}

    def _ask(self, what: str, **form: str) -> list[Any]:
        try:
            data = json.loads(self._get(f"/api/v1/{what}", form))["data"]
            found = data if what == "series" else data["result"]
            if not isinstance(found, list):
                raise TypeError(f"a list was expected, got {type(found).__name__}")
        except (ValueError, KeyError, TypeError) as e:
            raise HistoryUnavailable(f"{self._url}: an answer that is not as expected ({e!r})") from e
        return found

    def _get(self, path: str, form: Mapping[str, str] | None = None) -> str:
        return "\n".join(self._stream(path, form or {}))

    def _stream(self, path: str, form: Mapping[str, str]) -> Iterator[str]:
        try:
            with self._http.stream("POST", self._url + path, data=dict(form)) as answer:
                if answer.is_error:
                    answer.read()
                    raise HistoryUnavailable(f"{self._url} answers {answer.status_code}: {answer.text[:300]}")
                yield from answer.iter_lines()
        except (httpx.HTTPError, RuntimeError) as e:  # RuntimeError: the client was closed meanwhile
            raise HistoryUnavailable(f"{self._url}: {e!r}") from e


def _key(metric: Mapping[str, str]) -> Key:
    name = metric["__name__"].removeprefix(f"{READINGS}_")
    return Key(metric.get("device", ""), int(metric.get("flags", 0)), name, int(metric.get("age", 0)))


def _once(column: Column) -> Column:
    last = np.append(column.ts[1:] != column.ts[:-1], True)
    return column if last.all() else Column(column.ts[last], column.values[last])


def _add(parts: Parts, more: Parts) -> None:
    for name, some in more.items():
        parts.setdefault(name, []).extend(some)


def _groups(devices: Sequence[str] | None) -> list[Sequence[str] | None]:
    return [None] if devices is None else [devices[i : i + DEVICES] for i in range(0, len(devices), DEVICES)]
