"""Local time in kernels: hours of the day and of the week are those of the people who live there."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled

HOUR, DAY, WEEK = 3_600_000, 86_400_000, 604_800_000  # ms

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
"""Changes to and from summer time are known between these; outside, the nearest known offset holds."""


@compiled
def local_ms(ts, zone, zones):  # type: ignore[no-untyped-def]  # compiled
    """Local time as ms since 1970-01-01T00:00 local: `ts` plus the zone's offset at that moment."""
    low, high = 0, zones.shape[1]
    while high - low > 1:
        middle = (low + high) // 2
        if zones[zone, middle, 0] <= ts:
            low = middle
        else:
            high = middle
    return ts + zones[zone, low, 1]


@compiled
def hour_of_week(local):  # type: ignore[no-untyped-def]  # compiled
    """0..167 from Monday 00:00, of a local time in ms. 1970-01-01 was a Thursday."""
    return (local // HOUR + 72) % 168


def local_time(ts: int, zone: str) -> int:
    """`local_ms` for one zone by name, slowly."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ts)
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return ts + round(offset.total_seconds() * 1000)


def zone_table(names: tuple[str, ...]) -> NDArray[np.int64]:
    """int64[z, t, 2] for `Table.zones`.

    Raises:
        ZoneInfoNotFoundError: for an unknown name.
    """
    changes = [_changes(name) for name in names]
    longest = max((len(c) for c in changes), default=1)
    table = np.zeros((len(names), longest, 2), np.int64)
    for row, change in zip(table, changes, strict=True):
        row[: len(change)] = change
        row[len(change) :] = change[-1]
    return table


@cache
def _changes(name: str) -> list[tuple[int, int]]:
    """(since, offset) of one zone, found by bisecting each month: zone files need not be read for that."""
    zone = ZoneInfo(name)

    def offset(ms: int) -> int:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
        return round((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds() * 1000)

    months = [
        round(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000)
        for year in range(_FIRST_YEAR, _LAST_YEAR)
        for month in range(1, 13)
    ]
    found = [(int(np.iinfo(np.int64).min), offset(months[0]))]
    for begin, end in pairwise(months):
        if offset(end) == found[-1][1]:
            continue
        low, high = begin, end
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
        found.append((high, offset(high)))
    return found
