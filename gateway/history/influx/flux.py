"""The Flux that we send. Nothing else in the project writes Flux.

Buckets: `<bucket>_raw`, `<bucket>_1m`, `<bucket>_1h`. In the first, readings as `gateway.history.influx.lines` writes
them. In the others a measurement for each statistic (minimum, maximum, sum, count, last, last_ts: the event time of
`last`, ns), with the same tags and a field for each signal, at the beginning of its minute or hour. All statistics can
be merged: across flags, and into wider windows.

Windows are aggregated by functions that InfluxDB pushes down to its storage (`aggregateWindow` with min, max, sum,
count, last), never by `reduce`, which interprets a function for each point.
"""

from collections.abc import Iterable, Sequence

from community.clock import MINUTE, format_time
from gateway.history.influx.lines import READINGS, RECEIPT, RECEIVED, TICK
from gateway.history.store import WIDTH, Resolution

_LAST_TS = '(column, tables=<-) => tables |> last(column: column) |> duplicate(column: "_time", as: "_value")'
RAW_FUNCTIONS = {
    "minimum": "min",
    "maximum": "max",
    "sum": "sum",
    "count": "count",
    "last": "last",
    "last_ts": _LAST_TS,
}
"""Statistic → the Flux function that makes it out of single readings."""
MERGE_FUNCTIONS = {"minimum": "min", "maximum": "max", "sum": "sum", "count": "sum", "last": "last", "last_ts": "last"}
"""Statistic → the Flux function that makes it out of the same of narrower windows."""
AHEAD = "2d"
"""End of what has no end: event times may be somewhat ahead of the server's clock."""


def bucket_of(bucket: str, resolution: Resolution) -> str:
    """Name of the bucket of a resolution."""
    return f"{bucket}_{resolution}"


def quoted(text: str) -> str:
    """A Flux string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n")
    return f'"{escaped}"'


def points(bucket: str, devices: Sequence[str] | None, fields: Sequence[str] | None, start: int, end: int) -> str:
    """Single values of these fields (None: all) of these devices (None: all)."""
    return (
        _from(bucket, Resolution.RAW, start, end)
        + _where("_measurement", [READINGS])
        + _where("_field", fields)
        + _where("device", devices)
        + _keep("device", "flags", "_field", "_time", "_value")
    )


def windows(
    bucket: str, kept: Resolution, devices: Sequence[str], signals: Sequence[str], start: int, end: int, width: int
) -> str:
    """All statistics over windows of `width` ms out of what is kept at a resolution; a result for each, by its name."""
    raw = kept is Resolution.RAW
    source = _from(bucket, kept, start, end)
    some = _where("_field", signals) + _where("device", devices)
    parts = []
    for statistic, function in (RAW_FUNCTIONS if raw else MERGE_FUNCTIONS).items():
        measurement = _where("_measurement", [READINGS if raw else statistic])
        parts.append(
            source
            + measurement
            + some
            + _window(f"{width}ms", function, nanoseconds=raw and statistic == "last_ts")
            + _keep("device", "flags", "_field", "_time", "_value")
            + _yield(statistic)
        )
    return "\n\n".join(parts)


def rollup(bucket: str, org: str, into: Resolution, start: int | str, end: int | str) -> str:
    """Make the roll-ups of whole windows, on the server; a result for each statistic says how many it made.

    The result `count` says how many single values they stand for.

    Args:
        into: minutes are made of single readings, hours of minutes.
        start: UTC ms, or a Flux expression; at a window's beginning, else half a window would replace a whole one.
        end: likewise.
    """
    raw = into is Resolution.MINUTE
    source = Resolution.RAW if raw else Resolution.MINUTE
    parts = []
    for statistic, function in (RAW_FUNCTIONS if raw else MERGE_FUNCTIONS).items():
        what = _where("_measurement", [READINGS if raw else statistic])
        if raw:
            what += f"\n  |> filter(fn: (r) => r._field != {quoted(RECEIVED)})"
        parts.append(
            _from(bucket, source, start, end)
            + what
            + _window(f"{WIDTH[into]}ms", function, nanoseconds=raw and statistic == "last_ts")
            + f'\n  |> set(key: "_measurement", value: {quoted(statistic)})'
            + f"\n  |> to(bucket: {quoted(bucket_of(bucket, into))}, org: {quoted(org)})"
            + f"\n  |> group()\n  |> {'sum' if statistic == 'count' else 'count'}()"
            + _yield(statistic)
        )
    return "\n\n".join(parts)


def task(name: str, bucket: str, org: str, into: Resolution, every: str, offset: str, look_back: str) -> str:
    """A task that rolls the last while up again and again: a net below the historian, which does so as data come."""
    unit = "1h"
    return f'import "date"\n\noption task = {{name: {quoted(name)}, every: {every}, offset: {offset}}}\n\n' + rollup(
        bucket,
        org,
        into,
        f"date.truncate(t: -{look_back}, unit: {unit})",
        f"date.truncate(t: now(), unit: {unit})",
    )


def last(bucket: str, devices: Sequence[str]) -> str:
    """The last value of every signal: of what is kept as single readings, and of the hours that outlive them."""
    some = _where("device", devices)
    columns = _keep("device", "flags", "_field", "_time", "_value")
    parts = [
        _from(bucket, Resolution.RAW, "0", AHEAD)
        + _where("_measurement", [READINGS])
        + f"\n  |> filter(fn: (r) => r._field != {quoted(RECEIVED)})"
        + some
        + "\n  |> last()"
        + columns
        + _yield("raw")
    ]
    parts += [
        _from(bucket, Resolution.HOUR, "0", AHEAD)
        + _where("_measurement", [statistic])
        + some
        + "\n  |> last()"
        + columns
        + _yield(statistic)
        for statistic in ("last", "last_ts")
    ]
    return "\n\n".join(parts)


def receipts(bucket: str, start: int, end: int) -> str:
    """How old the readings were that were received in each minute of a stretch."""
    begin = start // MINUTE * MINUTE
    return _from(bucket, Resolution.RAW, begin, end) + _where("_measurement", [RECEIPT]) + _keep("age", "_time")


def ticks(bucket: str, start: int, end: int) -> str:
    """Ticks of the gateway's clock."""
    return _from(bucket, Resolution.RAW, start, end) + _where("_measurement", [TICK]) + _keep("_time")


def first(bucket: str, devices: Sequence[str] | None) -> str:
    """Time of the first point of each resolution of these devices (None: all); a result for each, by its name."""
    some = _where("device", devices)
    parts = []
    for resolution in Resolution:
        if resolution is Resolution.RAW:
            what = _where("_measurement", [READINGS]) + _where("_field", [RECEIVED])
        else:
            what = _where("_measurement", ["count"])
        parts.append(
            _from(bucket, resolution, "0", AHEAD)
            + what
            + some
            + "\n  |> first()"
            + _keep("_time")
            + '\n  |> group()\n  |> sort(columns: ["_time"])\n  |> limit(n: 1)'
            + _yield(resolution.value)
        )
    return "\n\n".join(parts)


def _from(bucket: str, resolution: Resolution, start: int | str, end: int | str) -> str:
    name = quoted(bucket_of(bucket, resolution))
    return f"from(bucket: {name})\n  |> range(start: {_time(start)}, stop: {_time(end)})"


def _time(at: int | str) -> str:
    return at if isinstance(at, str) else format_time(at)


def _where(column: str, values: Iterable[str] | None) -> str:
    """A filter that the storage understands: comparisons joined by `or`. `contains` would be interpreted by point."""
    if values is None:
        return ""
    return f"\n  |> filter(fn: (r) => {' or '.join(f'r.{column} == {quoted(v)}' for v in values)})"


def _window(every: str, function: str, *, nanoseconds: bool) -> str:
    """Aggregate; the time of a window is its beginning."""
    text = f'\n  |> aggregateWindow(every: {every}, fn: {function}, timeSrc: "_start", createEmpty: false)'
    return text + "\n  |> toInt()" if nanoseconds else text


def _keep(*columns: str) -> str:
    return f"\n  |> keep(columns: [{', '.join(map(quoted, columns))}])"


def _yield(name: str) -> str:
    return f"\n  |> yield(name: {quoted(name)})"
