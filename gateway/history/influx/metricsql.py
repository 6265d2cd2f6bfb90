"""The MetricsQL that we send to VictoriaMetrics, and its times.

The server names a series by measurement and field (`readings_voltage`), with our tags as labels. A rollup such as
`min_over_time(m[60s])` at time t covers what is after t - 60 s and up to t; ours are asked for at the last millisecond
of a window, and so cover exactly the window.
"""

import re
from collections.abc import Sequence

from gateway.history.influx.lines import READINGS

FUNCTIONS = {
    "minimum": "min_over_time",
    "maximum": "max_over_time",
    "sum": "sum_over_time",
    "count": "count_over_time",
    "last": "last_over_time",
    "last_ts": "tlast_over_time",
}
"""Statistic → the function that makes it."""


def selector(devices: Sequence[str] | None, fields: Sequence[str] | None) -> str:
    """The series of these fields (None: all) of these devices (None: all)."""
    names = ".+" if fields is None else _either(fields)
    labels = [f"__name__=~{_quoted(f'{READINGS}_({names})')}"]
    if devices is not None:
        labels.append(f"device=~{_quoted(_either(devices))}")
    return f"{{{','.join(labels)}}}"


def window(statistic: str, series: str, width: int) -> str:
    """A statistic of each series over the `width` ms before; series keep their names."""
    return f"{FUNCTIONS[statistic]}({series}[{width}ms]) keep_metric_names"


def seconds(ms: int) -> str:
    """A time as the server reads it. It cuts what it reads down to whole ms: half of one more keeps ours whole."""
    whole, rest = divmod(ms * 10 + 5, 10_000)
    return f"{whole}.{rest:04d}"


def _either(texts: Sequence[str]) -> str:
    return "|".join(map(re.escape, texts))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
