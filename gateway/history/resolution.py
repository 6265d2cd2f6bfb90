"""How finely a question is answered: the width of a point, and which of what is kept reaches how far back."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple

from community.clock import DAY, HOUR, MINUTE, SECOND
from gateway.history.store import WIDTH, Query, Resolution

_NICE = (
    *(SECOND * k for k in (1, 2, 5, 10, 15, 30)),
    *(MINUTE * k for k in (1, 2, 5, 10, 15, 30)),
    *(HOUR * k for k in (1, 2, 3, 6, 12)),
)


class Stretch(NamedTuple):
    """What answers for [`start`, `end`), UTC ms."""

    level: Resolution
    start: int
    end: int


class Plan(NamedTuple):
    """How a question is answered.

    Attributes:
        width: ms of a point, if windows are needed at all.
        stretches: the latest first, apart from one another; together they cover the question.
        single: whether single readings reach over all of it, and may be given if they are few enough.
    """

    width: int
    stretches: tuple[Stretch, ...]
    single: bool


def plan(query: Query, first: Mapping[Resolution, int]) -> Plan:
    """How `query` is answered.

    The coarsest resolution that is as fine as the points are wide is taken; where it does not reach back, the next
    coarser one that does. `first`: event time of the oldest of each resolution, UTC ms; absent: nothing of it.
    """
    width = step(query.start, query.end, query.points)
    if query.resolution is not None:
        level = query.resolution
        whole = (Stretch(level, query.start, query.end),)
        return Plan(step(query.start, query.end, query.points, WIDTH[level]), whole, level is Resolution.RAW)
    finest = next(r for r in reversed(Resolution) if WIDTH[r] <= width)
    raw = reach(first, Resolution.RAW, query.start, query.end)
    single = [s.level for s in raw] == [Resolution.RAW]
    return Plan(width, tuple(reach(first, finest, query.start, query.end)), single)


def step(start: int, end: int, points: int, least: int = 0) -> int:
    """The least usual width, in ms, at which [`start`, `end`) takes at most `points` points aligned to UTC."""
    return next(w for w in _widths() if w >= least and (end - 1) // w - start // w + 1 <= points)


def _widths() -> Iterator[int]:
    yield from _NICE
    for days in count(1):
        yield days * DAY


def reach(first: Mapping[Resolution, int], finest: Resolution, start: int, end: int) -> list[Stretch]:
    """What answers for which stretch of [`start`, `end`): `finest`, and before it reaches back the next coarser.

    Args:
        first: event time of the oldest of each resolution, UTC ms; absent: nothing of it.
        finest: the finest that is wanted.
        start, end: UTC ms.

    Returns:
        The latest first, without overlap; the boundary lies where a window of the coarser one begins.
    """
    found: list[Stretch] = []
    level: Resolution | None = finest
    while level is not None and (not found or start < end):
        oldest = first.get(level, end)
        older = next((r for r in _coarser(level) if first.get(r, end) < oldest // WIDTH[r] * WIDTH[r]), None)
        begin = start if older is None else max(start, min(end, -(-oldest // WIDTH[older]) * WIDTH[older]))
        if begin < end:
            found.append(Stretch(level, begin, end))
        level, end = older, begin
    return found


def _coarser(level: Resolution) -> list[Resolution]:
    return [r for r in Resolution if WIDTH[r] > WIDTH[level]]
