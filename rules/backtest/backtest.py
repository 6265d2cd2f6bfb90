"""One pass over recorded readings, through two rulebooks at once."""

from collections import Counter
from collections.abc import Callable, Iterable

from community.estate import Estate
from community.finding import Finding
from community.frame import Frame, Record, Tick
from rules.backtest.alerts import Alerts, Fired
from rules.backtest.incidents import Incident, Incidents
from rules.backtest.report import Load, Report, Span, load, report
from rules.replay import Replayer
from rules.rulebook import Rulebook

USUAL_ZONE = "Asia/Shanghai"
"""Local time of an estate without devices."""


class Backtest:
    """Takes records one after another, and reports what both rulebooks made of them.

    Both hold from the first record to the last: changes of the rulebook in the records are passed over. Records from
    before `begin` warm the engines up (a rule over a fortnight needs one), and what they raise is not counted.
    """

    def __init__(
        self,
        old: Rulebook,
        new: Rulebook,
        estate: Estate,
        *,
        begin: int | None = None,
        estate_of: Callable[[int], Estate] | None = None,
        incidents: Iterable[Incident] = (),
    ) -> None:
        """Begin before the first record.

        Args:
            estate: in force there.
            begin: from when alerts count, UTC ms; None: from the first record on.
            estate_of: gives the estate of a version, for the changes in the records.
            incidents: what really happened, by people's account; without any, what devices report.
        """
        self._versions = old.version, new.version
        self._sides = tuple((Replayer(book, estate, estate_of), Alerts()) for book in (old, new))
        self._incidents = Incidents(incidents)
        self._asked = begin
        self._first: int | None = None
        self._last = 0
        self._records = self._readings = 0

    def take(self, record: Record) -> None:
        """Evaluate one record under both rulebooks."""
        self._records += 1
        if isinstance(record, Frame) and len(record):
            self._readings += len(record)
            self._pass(int(record.received_at.min()), int(record.received_at.max()))
            self._incidents.take(record, self._estate)
        elif isinstance(record, Tick):
            self._pass(record.ts, record.ts)
        for replayer, alerts in self._sides:
            for finding in replayer.take(record):
                alerts.take(finding, self._zone(finding, replayer.estate))

    def report(self) -> Report | None:
        """What the records so far came to; None before the first reading or tick."""
        if self._first is None:
            return None
        begin = self._first if self._asked is None else min(max(self._asked, self._first), self._last)
        span = Span(
            asked=self._asked,
            warm_up_from=self._first,
            begin=begin,
            end=self._last,
            records=self._records,
            readings=self._readings,
            households=len({d.household for d in self._estate.device}),
        )
        (_, old), (_, new) = self._sides
        found = old.all(), new.all()
        happened = [i for i in self._incidents.found if begin <= i.at <= self._last]
        loads = self._load(old, found[0], span), self._load(new, found[1], span)
        return report(self._versions, span, found, loads, happened)

    def _load(self, alerts: Alerts, found: Iterable[Fired], span: Span) -> Load:
        counted = [a for a in found if a.raised_at >= span.begin]
        return load(counted, span, self._usual_zone(), alerts.rehearsed, alerts.left_out)

    def _pass(self, first: int, last: int) -> None:
        self._first = first if self._first is None else min(self._first, first)
        self._last = max(self._last, last)

    @property
    def _estate(self) -> Estate:
        return self._sides[0][0].estate

    def _usual_zone(self) -> str:
        zones = Counter(self._estate.zone_of(d) for d in self._estate.device)
        return zones.most_common(1)[0][0] if zones else USUAL_ZONE

    def _zone(self, finding: Finding, estate: Estate) -> str:
        device = estate.devices.get(finding.device)
        return self._usual_zone() if device is None else estate.zone_of(device)


def backtest(
    records: Iterable[Record],
    old: Rulebook,
    new: Rulebook,
    estate: Estate,
    *,
    begin: int | None = None,
    estate_of: Callable[[int], Estate] | None = None,
    incidents: Iterable[Incident] = (),
) -> Report | None:
    """Compare two rulebooks over the same records; arguments as `Backtest` takes them.

    Returns:
        The comparison; None if there was neither a reading nor a tick.
    """
    test = Backtest(old, new, estate, begin=begin, estate_of=estate_of, incidents=incidents)
    for record in records:
        test.take(record)
    return test.report()
