"""Series for `gateway.history.store.HistoryReader`, out of what a `Source` gives."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from gateway.history.influx.source import Parts, Source
from gateway.history.partials import Partials, merged
from gateway.history.resolution import plan
from gateway.history.store import WIDTH, Query, Resolution, Series

STRETCHES = 8
"""Stretches of one question that are aggregated from single readings because their roll-ups lag; nearer ones join."""

Span = tuple[int, int]
"""[start, end), UTC ms."""


def read(source: Source, query: Query, lagging: Sequence[Span]) -> list[Series]:
    """See `HistoryReader.read`.

    Roll-ups are taken where they are up to date, else single readings are aggregated; both are parts of the same
    windows. At the ends of the range a roll-up stands with all of its minute or hour.

    Args:
        source: the server.
        query: the question.
        lagging: where roll-ups are not up to date, in order, apart from one another.
    """
    first = {} if query.resolution is not None else source.first(query.devices)
    planned = plan(query, first)
    width = planned.width
    parts: Parts = {}
    for level, begin, stop in planned.stretches:
        found = _kept(source, query, level, (begin, stop), max(width, WIDTH[level]), lagging)
        if found:
            width = max(width, WIDTH[level])
        for name, some in found.items():
            parts.setdefault(name, []).extend(some)
    whole = {name: merged(some, width) for name, some in parts.items()}
    if planned.single and all(p.count.sum() <= query.points for p in whole.values()):
        width, whole = 0, _single(source, query)
    return [
        whole[device, signal].series(device, signal, width)
        for device in query.devices
        for signal in query.signals
        if (device, signal) in whole
    ]


def _kept(source: Source, query: Query, level: Resolution, stretch: Span, width: int, lagging: Sequence[Span]) -> Parts:
    """Parts out of one resolution; of single readings where its roll-ups lag."""
    if level is Resolution.RAW:
        return source.windows(level, query.devices, query.signals, *stretch, width)
    parts: Parts = {}
    for behind, begin, end in split(stretch, lagging, WIDTH[level]):
        which = Resolution.RAW if behind else level
        for name, some in source.windows(which, query.devices, query.signals, begin, end, width).items():
            parts.setdefault(name, []).extend(some)
    return parts


def split(stretch: Span, lagging: Sequence[Span], width: int) -> Iterator[tuple[bool, int, int]]:
    """Cut a stretch, widened to whole windows of `width` ms, into what lags (True) and what does not, in order."""
    start, end = stretch[0] // width * width, -(-stretch[1] // width) * width
    behind: list[list[int]] = []
    for a, b in lagging:
        begin, stop = max(start, a // width * width), min(end, -(-b // width) * width)
        if begin >= stop:
            continue
        if behind and begin <= behind[-1][1]:
            behind[-1][1] = max(stop, behind[-1][1])
        else:
            behind.append([begin, stop])
    while len(behind) > STRETCHES:
        gaps = [after[0] - before[1] for before, after in pairwise(behind)]
        nearest = int(np.argmin(gaps))
        behind[nearest : nearest + 2] = [[behind[nearest][0], behind[nearest + 1][1]]]
    at = start
    for begin, stop in behind:
        if at < begin:
            yield False, at, begin
        yield True, begin, stop
        at = stop
    if at < end:
        yield False, at, end


def _single(source: Source, query: Query) -> dict[tuple[str, str], Partials]:
    """Single values as parts of their own, in the order of event time."""
    parts: Parts = {}
    for key, column in source.points(query.devices, query.signals, query.start, query.end).items():
        flags = np.full(len(column.ts), key.flags, np.uint8)
        part = Partials.of_points(column.ts, column.values.astype(np.float64), flags)
        parts.setdefault((key.device, key.field), []).append(part)
    return {name: in_order(some) for name, some in parts.items()}


def in_order(parts: Sequence[Partials]) -> Partials:
    """All rows of all parts, none merged, in the order of time."""
    order = np.argsort(np.concatenate([p.ts for p in parts]), kind="stable")
    return Partials(
        *(np.concatenate([getattr(p, name) for p in parts])[order] for name in Partials.__dataclass_fields__)
    )
