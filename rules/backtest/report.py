"""What a backtest tells: per rule, per household, and in the words of those who answer alerts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import mean, median

import msgspec

from community.clock import DAY
from community.severity import Category
from rules.backtest.alerts import Fired, matched, shift_of
from rules.backtest.incidents import AT_ONCE, Incident, first_warning

YEAR = 365.25 * DAY
SHOWN = 500
"""Households, and incidents, that a report names; the others are counted."""
EXAMPLES = 50
"""Alerts of only one rulebook that a report shows, the first ones."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What was really covered, UTC ms.

    Attributes:
        asked: from when the person wanted to know; None: from the beginning.
        warm_up_from: first record that was read; from here to `begin` alerts were not counted.
        records, readings: how many were read.
    """

    asked: int | None
    warm_up_from: int
    begin: int
    end: int
    records: int
    readings: int
    households: int

    @property
    def days(self) -> float:
        """Length of what was counted."""
        return (self.end - self.begin) / DAY


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of one rule, or of one household.

    Attributes:
        name: the rule's or the household's id; a group's own name.
        both: alerts that both rulebooks raise; `only_old` would be gone, `only_new` is new.
        first_old, first_new: when each raised its first, UTC ms.
        median_old_s, median_new_s: median time until it was over, s, of those that were over.
        earlier_s: median of how much earlier the new rulebook tells what both tell, s; negative: later.
    """

    name: str
    old: int
    new: int
    both: int
    only_old: int
    only_new: int
    first_old: int | None
    first_new: int | None
    median_old_s: float | None
    median_new_s: float | None
    earlier_s: float | None


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one rulebook asks of the people on duty.

    Attributes:
        alerts: all that were raised; `life` of them in danger of life.
        calls: alerts for which somebody has to be called at once: life, or alarm and worse.
        calls_at_night: those between 22 and 06 local time; `calls_a_night` their mean.
        per_shift_mean, per_shift_median, per_shift_most: alerts in a shift of 8 h.
        per_household_year: alerts in a household and year.
        rehearsed: raises of rules in rehearsal, which nobody is told.
        left_out: alerts that were too many to be compared.
    """

    alerts: int
    life: int
    calls: int
    calls_at_night: int
    calls_a_night: float
    per_shift_mean: float
    per_shift_median: float
    per_shift_most: int
    per_household_year: float
    rehearsed: int
    left_out: int


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """How one rulebook warned of the incidents.

    Attributes:
        before: told more than a minute before; `at_once` within a minute; `missed` not at all.
        median_lead_s: median time of warning of those told before, s.
    """

    before: int
    at_once: int
    missed: int
    median_lead_s: float | None


class IncidentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One incident and its first warnings: `lead_s` is how long before it people were told; None: not at all."""

    household: str
    at: int
    what: str
    old_rule: str | None
    old_lead_s: float | None
    new_rule: str | None
    new_lead_s: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a backtest. `old` and `new` are the two rulebooks' content hashes.

    Attributes:
        gone, added: alerts that only the old, or only the new rulebook raises; the first `EXAMPLES`.
        left_out: households and incidents that are not named for want of room.
    """

    old: str
    new: str
    span: Span
    load_old: Load
    load_new: Load
    warned_old: Warned
    warned_new: Warned
    rules: list[Compared]
    households: list[Compared]
    incidents: list[IncidentLine]
    gone: list[Fired]
    added: list[Fired]
    left_out: int


Pair = tuple[Fired | None, Fired | None]


def compared(pairs: Iterable[Pair], by: str) -> list[Compared]:
    """Pairs gathered by `rule` or `household`, the greatest difference first."""
    gathered: dict[str, list[Pair]] = {}
    for pair in pairs:
        one = pair[0] or pair[1]
        assert one is not None, "a pair has at least one alert"
        name = one.rule if by == "rule" else one.household or one.device
        gathered.setdefault(name, []).append(pair)
    lines = [_compared(name, some) for name, some in gathered.items()]
    return sorted(lines, key=lambda c: (-(c.only_old + c.only_new), -c.both, c.name))


def _compared(name: str, pairs: Sequence[Pair]) -> Compared:
    old = [a for a, _ in pairs if a is not None]
    new = [b for _, b in pairs if b is not None]
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    return Compared(
        name=name,
        old=len(old),
        new=len(new),
        both=len(both),
        only_old=len(old) - len(both),
        only_new=len(new) - len(both),
        first_old=min((a.raised_at for a in old), default=None),
        first_new=min((a.raised_at for a in new), default=None),
        median_old_s=_median([(a.cleared_at - a.raised_at) / 1000 for a in old if a.cleared_at is not None]),
        median_new_s=_median([(a.cleared_at - a.raised_at) / 1000 for a in new if a.cleared_at is not None]),
        earlier_s=_median([(a.told_at - b.told_at) / 1000 for a, b in both]),
    )


def load(alerts: Sequence[Fired], span: Span, zone: str, rehearsed: int, left_out: int) -> Load:
    """What these alerts ask of the people on duty; `zone`: the local time of most devices."""
    calls = [a for a in alerts if a.called_at is not None]
    at_night = sum(a.called_at_night for a in calls)
    first, last = shift_of(span.begin, zone), shift_of(span.end, zone)
    nights = sum(1 for shift in range(first, last + 1) if shift % 3 == 2)
    in_shift = Counter(min(max(shift_of(a.told_at, a.zone), first), last) for a in alerts)
    shifts = [in_shift[shift] for shift in range(first, last + 1)]
    years = span.households * (span.end - span.begin) / YEAR
    return Load(
        alerts=len(alerts),
        life=sum(a.category is Category.LIFE for a in alerts),
        calls=len(calls),
        calls_at_night=at_night,
        calls_a_night=at_night / nights if nights else float(at_night),
        per_shift_mean=mean(shifts),
        per_shift_median=median(shifts),
        per_shift_most=max(shifts),
        per_household_year=len(alerts) / years if years else 0.0,
        rehearsed=rehearsed,
        left_out=left_out,
    )


def incident_lines(
    incidents: Sequence[Incident], old: Sequence[Fired], new: Sequence[Fired]
) -> tuple[list[IncidentLine], Warned, Warned]:
    """Each incident with the first warnings of both rulebooks, and what they come to."""
    homes = [_by_household(old), _by_household(new)]
    lines = []
    for incident in incidents:
        first = [first_warning(incident, home.get(incident.household, ())) for home in homes]
        leads = [None if a is None else (incident.at - a.told_at) / 1000 for a in first]
        rules = [None if a is None else a.rule for a in first]
        lines.append(
            IncidentLine(
                household=incident.household, at=incident.at, what=incident.what,
                old_rule=rules[0], old_lead_s=leads[0], new_rule=rules[1], new_lead_s=leads[1],
            )
        )  # fmt: skip
    return lines, _warned([line.old_lead_s for line in lines]), _warned([line.new_lead_s for line in lines])


def _warned(leads: Sequence[float | None]) -> Warned:
    before = [lead for lead in leads if lead is not None and lead > AT_ONCE / 1000]
    told = sum(lead is not None for lead in leads)
    return Warned(
        before=len(before), at_once=told - len(before), missed=len(leads) - told, median_lead_s=_median(before)
    )


def report(
    versions: tuple[str, str],
    span: Span,
    alerts: tuple[Sequence[Fired], Sequence[Fired]],
    loads: tuple[Load, Load],
    incidents: Sequence[Incident],
) -> Report:
    """Compare.

    Args:
        versions: content hashes of the old and the new rulebook.
        alerts: theirs, in the order of their raises, those of the warming up among them.
        loads: of the counted ones.
    """
    old, new = ([a for a in some if a.raised_at >= span.begin] for some in alerts)
    pairs = list(matched(old, new))
    homes = compared(pairs, "household")
    lines, warned_old, warned_new = incident_lines(incidents, *alerts)
    return Report(
        old=versions[0],
        new=versions[1],
        span=span,
        load_old=loads[0],
        load_new=loads[1],
        warned_old=warned_old,
        warned_new=warned_new,
        rules=compared(pairs, "rule"),
        households=homes[:SHOWN],
        incidents=lines[:SHOWN],
        gone=_first(a for a, b in pairs if a is not None and b is None),
        added=_first(b for a, b in pairs if b is not None and a is None),
        left_out=max(0, len(homes) - SHOWN) + max(0, len(lines) - SHOWN),
    )


def _first(alerts: Iterable[Fired]) -> list[Fired]:
    return sorted(alerts, key=lambda a: (a.raised_at, a.device, a.rule))[:EXAMPLES]


def _by_household(alerts: Iterable[Fired]) -> dict[str, list[Fired]]:
    found: dict[str, list[Fired]] = {}
    for alert in alerts:
        found.setdefault(alert.household, []).append(alert)
    return found


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
