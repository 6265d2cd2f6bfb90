"""Findings folded into alerts, from the first raise to the return: what people would have been told."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

import msgspec

from community.clock import HOUR, MINUTE
from community.finding import Finding
from community.severity import Category, Severity
from rules.kinds.local_time import local_time

MOST = 100_000
"""Alerts kept of one rulebook, the first ones; more are counted as `left_out`. A pack that says so much is wrong."""

SHIFT = 8 * HOUR
FIRST_SHIFT = 6 * HOUR
"""Shifts change at 06, 14 and 22 local time."""

_NEAR = MINUTE
"""Two alerts of one rule and device are the same one if they overlap, or lie no farther apart than this."""


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """One alert.

    Attributes:
        device, household: as in `Finding`: a group has its own name and no household.
        zone: IANA name of the local time there.
        raised_at: event time of the first proof, UTC ms.
        told_at: receipt of that proof, when people are told, UTC ms.
        called_at: when somebody has to be called: at the raise of a life alert, else at the first alarm, UTC ms;
            None if it never came to that.
        cleared_at: event time of the return, UTC ms; None if it still held at the end.
        highest: word of the highest severity reached.
        value: the value that decided the raise, in `unit`.
    """

    rule: str
    category: Category
    device: str
    household: str
    zone: str
    raised_at: int
    told_at: int
    called_at: int | None
    cleared_at: int | None
    highest: str
    value: float | None
    unit: str

    @property
    def called_at_night(self) -> bool:
        """Whether somebody is called between 22 and 06 local time."""
        return self.called_at is not None and shift_of(self.called_at, self.zone) % 3 == 2


def shift_of(ts: int, zone: str) -> int:
    """Number of the shift of 8 h in which `ts` (UTC ms) lies, in local time; 2 modulo 3 is a night's."""
    return (local_time(ts, zone) - FIRST_SHIFT) // SHIFT


class Alerts:
    """The alerts of one rulebook, as they arise.

    Attributes:
        rehearsed: raises of rules in rehearsal; nobody is told of them.
        left_out: alerts that found no room.
    """

    def __init__(self) -> None:
        self.rehearsed = 0
        self.left_out = 0
        self._open: dict[tuple[str, str], Fired] = {}
        self._over: list[Fired] = []

    def take(self, finding: Finding, zone: str) -> None:
        """Fold one finding."""
        if finding.shadow:
            self.rehearsed += finding.previous is Severity.NORMAL
            return
        key = finding.device, finding.rule
        standing = self._open.get(key)
        if finding.severity is Severity.NORMAL:
            if standing is not None:
                del self._open[key]
                self._keep(msgspec.structs.replace(standing, cleared_at=finding.ts))
            return
        calls = finding.category is Category.LIFE or finding.severity >= Severity.ALARM
        called = finding.received_at if calls else None
        if standing is None:
            self._open[key] = Fired(
                rule=finding.rule, category=finding.category, device=finding.device, household=finding.household,
                zone=zone, raised_at=finding.ts, told_at=finding.received_at, called_at=called, cleared_at=None,
                highest=finding.severity.word, value=finding.value, unit=finding.unit,
            )  # fmt: skip
            return
        self._open[key] = msgspec.structs.replace(
            standing,
            called_at=standing.called_at if standing.called_at is not None else called,
            highest=max(finding.severity, Severity.from_word(standing.highest)).word,
        )

    def all(self) -> list[Fired]:
        """Every alert so far, in the order of their raises."""
        return sorted([*self._over, *self._open.values()], key=lambda a: (a.raised_at, a.device, a.rule))

    def _keep(self, alert: Fired) -> None:
        if len(self._over) < MOST:
            self._over.append(alert)
        else:
            self.left_out += 1


def matched(old: Iterable[Fired], new: Iterable[Fired]) -> Iterator[tuple[Fired | None, Fired | None]]:
    """Pairs of alerts of one rule and device that tell of the same thing; None where the other book told nothing.

    Both are given in the order of their raises.
    """
    waiting: dict[tuple[str, str], deque[Fired]] = defaultdict(deque)
    for alert in new:
        waiting[alert.device, alert.rule].append(alert)
    for alert in old:
        others = waiting[alert.device, alert.rule]
        while others and _before(others[0], alert):
            yield None, others.popleft()
        if others and not _before(alert, others[0]):
            yield alert, others.popleft()
        else:
            yield alert, None
    for others in waiting.values():
        yield from ((None, alert) for alert in others)


def _before(first: Fired, second: Fired) -> bool:
    """Whether the first is over long enough before the second begins."""
    return first.cleared_at is not None and first.cleared_at + _NEAR < second.raised_at
