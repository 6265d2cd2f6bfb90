"""Whole readings out of the server's series, one for each field, in the order in which they were received."""

from collections.abc import Iterator, Sequence

import numpy as np

from community.clock import MINUTE
from community.frame import Frame
from community.quantities import SIGNAL_INDEX
from gateway.history.influx.answers import Columns
from gateway.history.influx.lines import RECEIVED, ages_of
from gateway.history.influx.source import Source

FEW, MANY = 20_000, 100_000
"""Readings in one slice: slices of receipt time grow and shrink to stay between."""
LONGEST_SLICE = 60 * MINUTE


def readings(source: Source, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
    """See `gateway.history.store.HistoryReader.readings`. What is in memory at once is about one slice."""
    classes: dict[int, set[int]] = {}
    for age, minute in source.receipts(start, end):
        classes.setdefault(minute, set()).add(age)
    minutes = sorted(classes)
    length, i = MINUTE, 0
    while i < len(minutes):
        begin = minutes[i]
        inside = [m for m in minutes[i:] if m < begin + length]
        i += len(inside)
        a, b = max(start, begin), min(end, inside[-1] + MINUTE)
        found: Columns = {}
        for age in sorted({age for m in inside for age in classes[m]}):
            found = _together(found, _received(source, devices, age, a, b))
        frame = assembled(found, a, b)
        if len(frame):
            yield frame
        if len(frame) < FEW:
            length = min(2 * length, LONGEST_SLICE)
        elif len(frame) > MANY:
            length = max(length // 2, MINUTE)


def assembled(columns: Columns, start: int, end: int) -> Frame:
    """Put the fields of each reading together that was received in a stretch (UTC ms, end excluded)."""
    rows: dict[tuple[str, int], slice] = {}
    moments, receipts, numbers = [], [], []
    devices = sorted({key.device for key in columns})
    number = {device: i for i, device in enumerate(devices)}
    n = 0
    for key, column in columns.items():
        if key.field == RECEIVED:
            rows[key.device, key.flags] = slice(n, n + len(column.ts))
            n += len(column.ts)
            moments.append(column.ts)
            receipts.append(column.values.astype(np.int64))
            numbers.append(np.full(len(column.ts), number[key.device], np.int32))
    if not n:
        return Frame.from_readings([])
    ts, received, device = np.concatenate(moments), np.concatenate(receipts), np.concatenate(numbers)
    signals = sorted({k.field for k in columns} - {RECEIVED}, key=lambda s: (SIGNAL_INDEX.get(s, len(SIGNAL_INDEX)), s))
    values = np.full((n, len(signals)), np.nan)
    for key, column in columns.items():
        if key.field == RECEIVED or (key.device, key.flags) not in rows:
            continue
        at = rows[key.device, key.flags]
        row = np.searchsorted(ts[at], column.ts)
        known = row < at.stop - at.start
        known[known] = ts[at][row[known]] == column.ts[known]
        values[at.start + row[known], signals.index(key.field)] = column.values[known]
    order = np.lexsort((device, ts, received))
    order = order[(received[order] >= start) & (received[order] < end)]
    used = ~np.isnan(values[order]).all(axis=0)
    names = [s for s, there in zip(signals, used.tolist(), strict=True) if there]
    occurring, index = np.unique(device[order], return_inverse=True)
    return Frame.from_columns(
        [devices[d] for d in occurring],
        names,
        index.astype(np.int32),
        ts[order],
        received[order],
        values[order][:, used],
    )


def _received(source: Source, devices: Sequence[str] | None, age: int, start: int, end: int) -> Columns:
    """All fields of the readings of one age class that were received in a stretch, and of some more."""
    least, greatest = ages_of(age)
    first, last = start - greatest, end - least
    if age == 0:
        return source.points(devices, None, first, last)
    # Late ones lie anywhere in a long stretch: first look only for when they were received.
    receipts = source.points(devices, [RECEIVED], first, last)
    hits: dict[str, list[int]] = {key.device: [] for key in receipts}
    for key, column in receipts.items():
        hits[key.device] += column.ts[(column.values >= start) & (column.values < end)].tolist()
    late = [device for device, moments in hits.items() if moments]
    if not late:
        return {}
    moments = [ts for found in hits.values() for ts in found]
    return source.points(late, None, min(moments), max(moments) + 1)


def _together(one: Columns, other: Columns) -> Columns:
    """Both; a point that both have is taken once."""
    both = dict(one)
    for key, column in other.items():
        known = both.get(key)
        if known is None:
            both[key] = column
        else:
            ts, first = np.unique(np.concatenate([known.ts, column.ts]), return_index=True)
            both[key] = type(column)(ts, np.concatenate([known.values, column.values])[first])
    return both
