"""From a transition to a finding with its evidence: what decided, against which limit, how long, by which source."""

from enum import StrEnum
from math import isinf, isnan
from typing import Any

from community.estate import Device, Estate, Ratings
from community.finding import Finding
from community.severity import Severity
from rules.expressions import Formula
from rules.kinds.ladder import BY_GATE, BY_READING, BY_SILENCE, BY_STANDING, BY_WILL
from rules.kinds.registry import KINDS
from rules.kinds.silence import SilenceRule
from rules.programs import Programs
from rules.rulebook import Rule


class Proof(StrEnum):
    """What proved a transition: the key `proof` of the evidence."""

    READING = "reading"
    HELD_BY_LAST_READING = "held by last reading"
    DEVICE_RESET = "device was reset"
    EXCUSED = "no supply or breaker open"
    LAST_WILL = "last will"
    SILENCE = "silence"
    DEVICE_REMOVED = "device removed"
    RULE_NO_LONGER_APPLIES = "rule no longer applies"
    RULE_CHANGED = "rule changed"
    RULE_REMOVED = "rule removed"


_BY_REASON = {
    BY_READING: Proof.READING,
    BY_STANDING: Proof.HELD_BY_LAST_READING,
    BY_GATE: Proof.EXCUSED,
    BY_WILL: Proof.LAST_WILL,
    BY_SILENCE: Proof.SILENCE,
}


def finding(
    rule: Rule,
    device: Device,
    estate: Estate,
    severity: Severity,
    previous: Severity,
    *,
    ts: int,
    since: int,
    received_at: int,
    value: float | None,
    threshold: float | None,
    unit: str,
    late: bool = False,
    evidence: dict[str, Any],
) -> Finding:
    """A finding of a rule about a device."""
    return Finding(
        rule=rule.id,
        rule_version=rule.version,
        category=rule.category,
        device=device.id,
        household=device.household,
        community=estate.community_of(device),
        severity=severity,
        previous=previous,
        ts=ts,
        since=since,
        received_at=received_at,
        value=value,
        threshold=threshold,
        unit=unit,
        late=late,
        shadow=rule.mode == "shadow",
        evidence=evidence,
    )


def changed(
    rule: Rule, device: Device, estate: Estate, severity: Severity, previous: Severity, proof: Proof, now: int
) -> Finding:
    """A level that changed because the rules or the estate did, and not because of any reading."""
    evidence = {"proof": proof.value, "reason": proof.value, "standard": rule.standard, "clause": rule.clause}
    return finding(rule, device, estate, severity, previous, ts=now, since=now, received_at=now, value=None,
                   threshold=None, unit=unit_of(rule), evidence=evidence)  # fmt: skip


def unit_of(rule: Rule) -> str:
    """Unit of the rule's values; empty for flags, silence, ratios and scores."""
    kind = KINDS.get(rule.kind)
    return "" if kind is None else kind.unit(rule)


def evidence_of(
    t: Any, rule: Rule, duty: int, programs: Programs, ratings: Ratings, *, up: bool
) -> tuple[float | None, float | None, str, dict[str, Any]]:
    """(deciding value, the limit it crossed, their unit, evidence) of a transition.

    Args:
        t: a `rules.ledger.Transition`.
        ratings: of the device; those that the limit refers to are told.
        up: whether the rule's level rose.
    """
    proof = _BY_REASON[t.reason]
    evidence: dict[str, Any] = {
        "proof": proof.value,
        "since": t.since,
        "standard": rule.standard,
        "clause": rule.clause,
    }
    if isinstance(rule, SilenceRule):
        evidence["silent_s"] = t.gap / 1000
        if not isnan(t.extra_1):
            evidence["allowed_s"] = t.extra_1
        return None, None, "", evidence
    kind = KINDS[rule.kind]
    extras = tuple(t[-4:])
    of_kind = kind.evidence(rule, extras)
    if of_kind.pop("reset", False):
        evidence["proof"] = Proof.DEVICE_RESET.value
    program = programs.all[t.program]
    sign = kind.sign(rule)
    number = max(t.before, t.after)
    at = programs.ladders.steps[t.program] + number
    step = kind.steps(rule)[number]
    value, threshold = _number(sign * t.value), _number(sign * float(programs.ladders.limit[duty, at]))
    expression = getattr(rule, "value", None)
    if rule.kind == "flag":
        return None, None, "", {**evidence, "signal": program.inputs[0], "active": t.value >= 0.5}
    evidence |= {
        "signal": program.inputs[0] if expression is None else str(expression),
        "step": number + 1,
        "value": value,
        "threshold": threshold,
        "clear": _number(sign * float(programs.ladders.clear[duty, at])),
        "hold_s": step.hold,
        "clear_hold_s": step.clear_hold,
        "first_value": _number(sign * t.first),
        "peak": _number(sign * t.peak),
        "gap_s": t.gap / 1000,
        **{name: _number(v) if isinstance(v, float) else v for name, v in of_kind.items()},
    }
    if isinstance(step.limit, Formula):
        evidence["limit"] = str(step.limit)
        evidence["ratings"] = {name: getattr(ratings, name) for name in step.limit.ratings}
    if kind.deciding is not None and up:
        return *kind.deciding(rule, number, value, threshold, extras), evidence
    return value, threshold, kind.unit(rule), evidence


def _number(value: float) -> float | None:
    # Plus nothing: -0.0 becomes 0.0, as a database would give it back.
    return None if isnan(value) or isinf(value) else float(value) + 0.0
