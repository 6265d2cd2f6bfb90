"""What has to go: what is past its time, and when the disk's share is used up, the oldest before its time."""

from collections.abc import Sequence

from gateway.history.duck.snapshot import Segment
from gateway.history.store import WIDTH, Resolution, Retention

_EARLY = (Resolution.RAW, Resolution.MINUTE)
"""What goes when there is not enough room, in this order."""


def expired(segments: Sequence[Segment], retention: Retention, now: int) -> list[Segment]:
    """Segments of which every row is past its time. `now`: UTC ms."""
    keep = {Resolution.RAW: retention.raw_ms, Resolution.MINUTE: retention.minute_ms}
    return [s for s in segments if s.kind in keep and s.last_ts + WIDTH[s.kind] < now - keep[s.kind]]


def superfluous(segments: Sequence[Segment], other_bytes: int, retention: Retention) -> list[Segment]:
    """The oldest segments, as many as must go before their time so that the store takes no more than it may.

    Args:
        segments: those that are within their time.
        other_bytes: what the store takes beside them.
        retention: with the bound.
    """
    excess = other_bytes + sum(s.bytes for s in segments) - retention.max_bytes
    chosen: list[Segment] = []
    for kind in _EARLY:
        for segment in sorted((s for s in segments if s.kind is kind), key=lambda s: s.last_ts):
            if excess <= 0:
                return chosen
            chosen.append(segment)
            excess -= segment.bytes
    return chosen
