"""An alert as everyone sees it, and the events of its life."""

from enum import StrEnum
from typing import Any

import msgspec

from community.severity import Category, Severity


class EventKind(StrEnum):
    """What happened to an alert. The words on the feed, in the journal and in `mingluo replay`."""

    RAISED = "raised"
    ESCALATED = "escalated"
    DE_ESCALATED = "de-escalated"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    RESET = "reset"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of one alert: one rule for one device, from first raise to closure.

    Attributes:
        id: stable and derived from content, so that a replay names it alike: `<device>:<rule>:<raised_at>`.
        severity: present severity; NORMAL once the condition has returned.
        highest: the highest severity reached; never falls while the alert is open.
        acknowledged: a person has taken note of the highest severity. A worse turn withdraws it.
        latched: stays open after return until a person resets it (`life`).
        raised_at, returned_at, acknowledged_at, closed_at: event or action times, UTC ms.
        incident: id of the incident it belongs to.
        late: raised by a reading older than its device's newest.
    """

    id: str
    rule: str
    rule_version: str
    category: Category
    device: str
    household: str
    community: str
    incident: str
    severity: Severity
    highest: Severity
    acknowledged: bool
    latched: bool
    raised_at: int
    returned_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    closed_at: int | None = None
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    late: bool = False
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the life of an alert: what the journal stores and the feed sends.

    Attributes:
        number: position in the journal, given by the database (0 until stored); what `Last-Event-ID` counts.
        ts: when it happened: event time of the finding, or the time of the person's action, UTC ms.
        reason: named reason of the decision that made it, e.g. `worse_turn`.
        actor: account name for a person's action; None for the engine.
        note: what the person wrote.
    """

    number: int = 0
    ts: int
    event: EventKind
    alert: str
    rule: str
    severity: Severity
    category: Category
    device: str
    household: str
    community: str
    incident: str
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    late: bool = False
    reason: str = ""
    actor: str | None = None
    note: str | None = None
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """The JSON object that goes out: severities as words, keys of the contract first."""
        return {
            "ts": self.ts,
            "event": self.event.value,
            "rule": self.rule,
            "severity": self.severity.word,
            "category": self.category.value,
            "device": self.device,
            "household": self.household,
            "community": self.community,
            "incident": self.incident,
            "value": self.value,
            "threshold": self.threshold,
            "unit": self.unit,
            "late": self.late,
            "alert": self.alert,
            "reason": self.reason,
            "actor": self.actor,
            "note": self.note,
            "evidence": self.evidence,
        }
