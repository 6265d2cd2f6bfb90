"""What the findings of one log record make of the open alerts: many pure decisions, few questions to the journal."""

from collections.abc import Sequence

from alerts.decisions import alert_id, on_finding
from alerts.incidents import home_of, incident_of
from alerts.journal import Transaction
from community.alert import Alert, AlertEvent
from community.finding import Finding
from community.severity import Severity


class Outcome:
    """The outcome of a series of findings, each decided on what the former ones left.

    Attributes:
        events: what happened, in order, without numbers.
    """

    def __init__(self, work: Transaction, findings: Sequence[Finding]) -> None:
        self.events: list[AlertEvent] = []
        self._work = work
        near = work.open_near({f.device for f in findings}, {f.household for f in findings if f.household})
        self._open = {(a.device, a.rule): a for a in near}
        self._at_home: dict[str, dict[str, Alert]] = {}
        for alert in near:
            self._at_home.setdefault(home_of(alert), {})[alert.id] = alert
        self._new: dict[str, Alert] = {}
        self._old: dict[str, Alert] = {}
        self._taken = work.taken({alert_id(f) for f in findings if f.severity is not Severity.NORMAL})
        for finding in findings:
            self._judge(finding)

    @property
    def opened(self) -> list[Alert]:
        """New alerts, as they stand in the end."""
        return list(self._new.values())

    @property
    def changed(self) -> list[Alert]:
        """Known alerts that changed, as they stand in the end."""
        return list(self._old.values())

    def _judge(self, finding: Finding) -> None:
        before = self._open.get((finding.device, finding.rule))
        if before is None:
            incident = incident_of(finding, self._at_home.get(home_of(finding), {}).values())
            decision = on_finding(None, finding, incident, self._free_id(alert_id(finding)))
        else:
            decision = on_finding(before, finding, before.incident)
        if not decision.events or decision.alert is None:
            return
        self.events += decision.events
        self._keep(before, decision.alert)

    def _keep(self, before: Alert | None, alert: Alert) -> None:
        if before is None or alert.id in self._new:
            self._new[alert.id] = alert
        else:
            self._old[alert.id] = alert
        if before is not None:
            self._at_home[home_of(before)].pop(before.id, None)
        if alert.closed_at is None:
            self._open[alert.device, alert.rule] = alert
            self._at_home.setdefault(home_of(alert), {})[alert.id] = alert
        else:
            self._open.pop((alert.device, alert.rule), None)

    def _free_id(self, wanted: str) -> str:
        # Only after a closure within one millisecond of event time: rare, so it may ask the database each time.
        if wanted not in self._taken and wanted not in self._new:
            return wanted
        n = 2
        while self._work.taken([f"{wanted}-{n}"]) or f"{wanted}-{n}" in self._new:
            n += 1
        return f"{wanted}-{n}"
