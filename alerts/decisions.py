"""What becomes of an alert: pure decisions that return a named reason (after ISA-18.2, thin).

Nothing here reads a clock, a database or a setting: the same arguments give the same decision, in a live system, a
replay and a test.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from community.alert import Alert, AlertEvent, EventKind
from community.finding import Finding
from community.severity import Category, Severity


class Reason(StrEnum):
    """Why a decision came out as it did: with events, without any, or refused."""

    BEGAN = "began"
    BEGAN_AGAIN = "began_again"
    WORSE_TURN = "worse_turn"
    EASED = "eased"
    RETURNED = "returned"
    TAKEN_INTO_GROUP = "taken_into_group"
    LATE_PROOF = "late_proof"
    LATE_RETURN = "late_return"
    ACKNOWLEDGED = "acknowledged"
    RESET = "reset"
    # No event:
    UNCHANGED = "unchanged"
    NOTHING_OPEN = "nothing_open"
    ALREADY_KNOWN = "already_known"
    # Refused:
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    WORSE_MEANWHILE = "worse_meanwhile"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    STILL_HOLDS = "still_holds"
    NOT_LATCHED = "not_latched"
    ALREADY_CLOSED = "already_closed"
    UNKNOWN_ALERT = "unknown_alert"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done.

    Attributes:
        reason: why.
        alert: the alert as it is from now on; None if there is none and none arises.
        events: what happened, in order; empty if nothing is to be told.
    """

    reason: Reason
    alert: Alert | None
    events: tuple[AlertEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A person's action that may not be done, with the named reason and a sentence for people."""

    reason: Reason
    detail: str


def alert_id(finding: Finding) -> str:
    """The id of the alert that this finding would open, `<device>:<rule>:<raised_at>`: a replay names it alike."""
    return f"{finding.device}:{finding.rule}:{finding.ts}"


def on_finding(alert: Alert | None, finding: Finding, incident: str, new_id: str | None = None) -> Decision:
    """Judge one transition that the engine reports.

    The alert's own present severity decides, not `finding.previous`: an engine that was rebuilt and says the same
    again changes nothing.

    Args:
        alert: the open alert of this device and rule, or None.
        finding: the transition.
        incident: id of the incident that a new alert joins or founds.
        new_id: id for a new alert, where `alert_id(finding)` is taken by a closed one.
    """
    if finding.late:
        return _on_late_finding(alert, finding, incident, new_id or alert_id(finding))
    if alert is None:
        if finding.severity is Severity.NORMAL:
            return Decision(Reason.NOTHING_OPEN, None)
        opened = _open(finding, incident, new_id or alert_id(finding))
        return Decision(Reason.BEGAN, opened, (_told(EventKind.RAISED, Reason.BEGAN, opened, finding),))
    if finding.severity == alert.severity:
        return Decision(Reason.UNCHANGED, alert)
    if finding.severity is Severity.NORMAL:
        # The group's alert asks to be acknowledged in its place: forty need not be.
        reason = Reason.TAKEN_INTO_GROUP if finding.taken_into and not alert.latched else Reason.RETURNED
        # Acknowledged before: nothing is left to do, unless a person has to reset it.
        over = (alert.acknowledged or reason is Reason.TAKEN_INTO_GROUP) and not alert.latched
        changed = replace(
            alert, severity=Severity.NORMAL, returned_at=finding.ts, closed_at=finding.ts if over else None
        )
        return Decision(reason, changed, (_told(EventKind.CLEARED, reason, changed, finding),))
    if finding.severity < alert.severity:
        changed = replace(alert, severity=finding.severity)
        return Decision(Reason.EASED, changed, (_told(EventKind.DE_ESCALATED, Reason.EASED, changed, finding),))
    changed = replace(_worsened(alert, finding), severity=finding.severity, returned_at=None)
    if alert.severity is Severity.NORMAL:
        changed = replace(changed, late=False)
        told = _told(EventKind.RAISED, Reason.BEGAN_AGAIN, changed, finding)
        return Decision(Reason.BEGAN_AGAIN, changed, (told,))
    return Decision(Reason.WORSE_TURN, changed, (_told(EventKind.ESCALATED, Reason.WORSE_TURN, changed, finding),))


def _on_late_finding(alert: Alert | None, finding: Finding, incident: str, new_id: str) -> Decision:
    """A danger proven by a reading older than its device's newest: told, but not taken for the present state.

    The engine sends a proof and at once its return. Both are told by the proof, because only here is it known to
    which severity the alert goes back; the return that follows then has nothing to add.
    """
    if finding.severity is Severity.NORMAL:
        return Decision(Reason.LATE_RETURN, alert)
    if alert is None:
        opened = _open(finding, incident, new_id)
        back = replace(opened, severity=Severity.NORMAL, returned_at=finding.ts)
        raised = _told(EventKind.RAISED, Reason.LATE_PROOF, opened, finding)
        return Decision(Reason.LATE_PROOF, back, (raised, _told(EventKind.CLEARED, Reason.LATE_RETURN, back, finding)))
    if alert.highest >= finding.severity:
        return Decision(Reason.ALREADY_KNOWN, alert)
    back = _worsened(alert, finding)
    worst = replace(back, severity=finding.severity)
    kind = EventKind.CLEARED if back.severity is Severity.NORMAL else EventKind.DE_ESCALATED
    return Decision(
        Reason.LATE_PROOF,
        back,
        (
            _told(EventKind.ESCALATED, Reason.LATE_PROOF, worst, finding),
            _told(kind, Reason.LATE_RETURN, back, finding),
        ),
    )


def on_acknowledge(
    alert: Alert, actor: str, now: int, note: str | None = None, seen: Severity | None = None
) -> Decision | Refused:
    """A person has taken note of the alert.

    Args:
        alert: the alert.
        actor: account name.
        now: UTC ms.
        note: what the person wrote.
        seen: the *highest* severity that the person was shown. If the alert has meanwhile been worse, it is refused:
            acknowledging one thing never acknowledges another hidden behind it. None: whatever it is.
    """
    if alert.acknowledged:
        return Refused(Reason.ALREADY_ACKNOWLEDGED, f"acknowledged by {alert.acknowledged_by} before")
    if alert.closed_at is not None:
        return Refused(Reason.ALREADY_CLOSED, "closed before: the alert of its group stands for it")
    if seen is not None and alert.highest > seen:
        return Refused(Reason.WORSE_MEANWHILE, f"seen as {seen.word}, but it has reached {alert.highest.word}")
    over = alert.severity is Severity.NORMAL and not alert.latched
    changed = replace(
        alert, acknowledged=True, acknowledged_at=now, acknowledged_by=actor, closed_at=now if over else None
    )
    return Decision(Reason.ACKNOWLEDGED, changed, (_acted(EventKind.ACKNOWLEDGED, changed, actor, now, note),))


def on_reset(alert: Alert, actor: str, now: int, note: str | None = None) -> Decision | Refused:
    """A person ends a latched alert, after having acknowledged it, when its condition has ceased."""
    if alert.closed_at is not None:
        return Refused(Reason.ALREADY_CLOSED, "closed before")
    if not alert.latched:
        return Refused(Reason.NOT_LATCHED, f"alerts of category {alert.category.value} close by themselves")
    if alert.severity is not Severity.NORMAL:
        return Refused(Reason.STILL_HOLDS, f"the condition still holds ({alert.severity.word})")
    if not alert.acknowledged:
        return Refused(Reason.NOT_ACKNOWLEDGED, "acknowledge it first")
    changed = replace(alert, closed_at=now)
    return Decision(Reason.RESET, changed, (_acted(EventKind.RESET, changed, actor, now, note),))


def _open(finding: Finding, incident: str, new_id: str) -> Alert:
    return Alert(
        id=new_id,
        rule=finding.rule,
        rule_version=finding.rule_version,
        category=finding.category,
        device=finding.device,
        household=finding.household,
        community=finding.community,
        incident=incident,
        severity=finding.severity,
        highest=finding.severity,
        acknowledged=False,
        latched=finding.category is Category.LIFE,
        raised_at=finding.ts,
        value=finding.value,
        threshold=finding.threshold,
        unit=finding.unit,
        late=finding.late,
        evidence=_evidence(finding),
    )


def _worsened(alert: Alert, finding: Finding) -> Alert:
    """A worse turn: it needs a person again, shows what alarmed last, and stands where the device is now."""
    return replace(
        alert,
        highest=max(alert.highest, finding.severity),
        acknowledged=False,
        acknowledged_at=None,
        acknowledged_by=None,
        rule_version=finding.rule_version,
        household=finding.household,
        community=finding.community,
        value=finding.value,
        threshold=finding.threshold,
        unit=finding.unit,
        evidence=_evidence(finding),
    )


def _evidence(finding: Finding) -> dict[str, Any]:
    return {"since": finding.since, "received_at": finding.received_at, **finding.evidence}


def _told(kind: EventKind, reason: Reason, alert: Alert, finding: Finding) -> AlertEvent:
    return AlertEvent(
        ts=finding.ts,
        event=kind,
        alert=alert.id,
        rule=alert.rule,
        severity=alert.severity,
        category=alert.category,
        device=alert.device,
        household=alert.household,
        community=alert.community,
        incident=alert.incident,
        value=finding.value,
        threshold=finding.threshold,
        unit=finding.unit,
        late=finding.late,
        reason=reason.value,
        evidence=_evidence(finding),
    )


def _acted(kind: EventKind, alert: Alert, actor: str, now: int, note: str | None) -> AlertEvent:
    return AlertEvent(
        ts=now,
        event=kind,
        alert=alert.id,
        rule=alert.rule,
        severity=alert.severity,
        category=alert.category,
        device=alert.device,
        household=alert.household,
        community=alert.community,
        incident=alert.incident,
        value=alert.value,
        threshold=alert.threshold,
        unit=alert.unit,
        late=alert.late,
        reason=kind.value,
        actor=actor,
        note=note,
    )
