"""What one rule over rules has seen in one of its scopes: which devices are bad, since when, and how long that counts.

All times are event times, UTC ms. They may go backwards from device to device.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

import msgspec

from community.finding import Finding
from community.severity import Severity
from rules.relations.definition import CombinationRule, RelationRule

MEMBERS, AGAINST = "members", "against"
"""Roles in a group; those in a combination are the names of its parts."""


class Span(msgspec.Struct):
    """How long one rule has held for one device at the severity asked for.

    Attributes:
        began: when it was proven.
        ended: None while it holds.
        since: when it began to be true.
        value: the deciding value at the beginning.
    """

    began: int
    ended: int | None
    since: int
    value: float | None


class Role:
    """The devices that count in one role, by the time at which they began.

    Attributes:
        spans: device → rule → its span; never an empty one.
    """

    def __init__(self) -> None:
        self.spans: dict[str, dict[str, Span]] = {}
        self._began: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []

    def put(self, device: str, rule: str, span: Span) -> None:
        """Set the span of a device and rule."""
        self.spans.setdefault(device, {})[rule] = span
        self._settle(device)

    def remove(self, device: str, rule: str) -> None:
        """Forget a span."""
        del self.spans[device][rule]
        if not self.spans[device]:
            del self.spans[device]
        self._settle(device)

    def __len__(self) -> int:
        return len(self._order)

    def count(self, first: int | None, last: int | None = None) -> int:
        """Devices that began from `first` to `last`; None: no bound."""
        begin, end = self._bounds(first, last)
        return max(0, end - begin)

    def between(self, first: int | None, last: int | None = None) -> list[tuple[int, str]]:
        """(began, device) of those, in order."""
        begin, end = self._bounds(first, last)
        return self._order[begin:end]

    def _bounds(self, first: int | None, last: int | None) -> tuple[int, int]:
        begin = 0 if first is None else bisect_left(self._order, (first,))
        return begin, len(self._order) if last is None else bisect_left(self._order, (last + 1,))

    def _settle(self, device: str) -> None:
        """Keep the order: a device of several rules began with the last of them that did."""
        old = self._began.pop(device, None)
        if old is not None:
            del self._order[bisect_left(self._order, (old, device))]
        spans = self.spans.get(device)
        if spans:
            self._began[device] = began = max(s.began for s in spans.values())
            insort(self._order, (began, device))


class Scope:
    """All spans of one rule over rules in one scope.

    What is kept: a span for each device and rule that holds, and those that ended less than `within` ago.

    Attributes:
        newest: latest event time of any finding taken; what is over is judged against it.
        roles: by name.
    """

    def __init__(self, rule: RelationRule, newest: int) -> None:
        self.newest = newest
        self._within = rule.within_ms
        self._after_end = isinstance(rule, CombinationRule)
        names: Iterable[str] = rule.parts if isinstance(rule, CombinationRule) else (MEMBERS, AGAINST)
        self.roles = {name: Role() for name in names}
        self._over: list[tuple[int, str, str, str]] = []  # (until, role, device, rule); some may no longer be true

    def __bool__(self) -> bool:
        return any(len(role) for role in self.roles.values())

    def note(self, role: str, at_least: Severity, finding: Finding) -> int | None:
        """Take a finding.

        Returns:
            Until when the span that it ended counts; None if it ended none.
        """
        self.newest = max(self.newest, finding.ts)
        span = self.roles[role].spans.get(finding.device, {}).get(finding.rule)
        holds = span is not None and span.ended is None
        if finding.severity >= at_least and not holds:
            if finding.late and span is not None and finding.ts <= span.began:
                return None  # older than what is known
            # A late proof ends at once: its return has nothing to add.
            ended = finding.ts if finding.late else None
            return self.put(role, finding.device, finding.rule, Span(finding.ts, ended, finding.since, finding.value))
        if span is not None and holds and not finding.late and finding.severity < at_least:
            span.ended = max(finding.ts, span.began)
            return self._end(role, finding.device, finding.rule, span)
        return None

    def put(self, role: str, device: str, rule: str, span: Span) -> int | None:
        """Set a span; until when it counts if it is over, else None."""
        self.roles[role].put(device, rule, span)
        return self._end(role, device, rule, span)

    def expire(self, time: int) -> None:
        """Forget what is over and no longer counts at `time`."""
        while self._over and self._over[0][0] <= time:
            until, role, device, rule = heappop(self._over)
            span = self.roles[role].spans.get(device, {}).get(rule)
            if span is not None and span.ended is not None and self._until(span, span.ended) == until:
                self.roles[role].remove(device, rule)

    def all(self) -> Iterator[tuple[str, str, str, Span]]:
        """(role, device, rule, span) of everything, in order of names."""
        for role, spans in sorted(self.roles.items()):
            for device, rules in sorted(spans.spans.items()):
                for rule, span in sorted(rules.items()):
                    yield role, device, rule, span

    def _end(self, role: str, device: str, rule: str, span: Span) -> int | None:
        if span.ended is None:
            return None
        until = self._until(span, span.ended)
        heappush(self._over, (until, role, device, rule))
        return until

    def _until(self, span: Span, ended: int) -> int:
        return ended + self._within if self._after_end else max(ended, span.began + self._within)
