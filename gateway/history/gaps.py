"""Gaps: stretches of a series in which a device should have reported and did not."""

from gateway.history.store import Series

MISSED = 3
"""A gap is longer than so many usual intervals: one lost message is none."""


def gaps(series: Series, start: int, end: int, interval: int) -> list[tuple[int, int]]:
    """Stretches that certainly hold no value, from and to, UTC ms; those at both ends of the range too.

    Where in its width a point's values lie is not known, so a stretch is counted from the end of one point to the
    beginning of the next.

    Args:
        series: of a quantity; of an event silence says nothing, since it is told when it changes.
        start, end: the range that was asked for, UTC ms.
        interval: ms after which the device usually reports again.
    """
    begins = [start, *(min(end, t + series.width) for t in series.ts.tolist())]
    ends = [*(max(start, t) for t in series.ts.tolist()), end]
    return [(a, b) for a, b in zip(begins, ends, strict=True) if b - a > MISSED * interval]
