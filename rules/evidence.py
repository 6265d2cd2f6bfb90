"""From a kernel's transition to a finding with its evidence."""

from collections.abc import Mapping
from enum import StrEnum
from math import isnan
from typing import Any

from community.estate import Device, Estate, Ratings
from community.finding import Finding
from community.quantities import QUANTITIES
from community.severity import Severity
from rules.kinds.batch import Transition
from rules.kinds.definition import LadderRule, Limit, Scaled
from rules.kinds.flag import FlagRule
from rules.kinds.rise import RiseRule
from rules.kinds.silence import SilenceRule
from rules.kinds.thermal import ThermalRule
from rules.kinds.threshold import ThresholdRule
from rules.rulebook import Rule, Rulebook


class Proof(StrEnum):
    """What proved a transition: the key `proof` of the evidence. In the order of the kernels' numbers."""

    READING = "reading"
    HELD_BY_LAST_READING = "held by last reading"
    DEVICE_RESET = "device was reset"
    EXCUSED = "no supply or breaker open"
    LAST_WILL = "last will"
    SILENCE = "silence"
    DEVICE_REMOVED = "device removed"
    RULE_NO_LONGER_APPLIES = "rule no longer applies"


_BY_NUMBER = tuple(Proof)


def finding_of(transition: Transition, rulebook: Rulebook, estate: Estate, device: Device) -> Finding:
    """The finding that a transition of `device` means."""
    t = transition
    rule = rulebook.rules[t.rule]
    evidence = _evidence(t, rule, device.ratings)
    value, threshold, unit = _deciding(t, rule)
    return Finding(
        rule=rule.id,
        rule_version=rulebook.versions[t.rule],
        category=rule.category,
        device=device.id,
        household=device.household,
        community=estate.community_of(device),
        severity=Severity(t.severity),
        previous=Severity(t.previous),
        ts=t.ts,
        since=t.since,
        received_at=t.received,
        value=value,
        threshold=threshold,
        unit=unit,
        late=bool(t.late),
        evidence=evidence,
    )


def ended(rule: Rule, version: str, level: Severity, estate: Estate, device: Device, proof: Proof, now: int) -> Finding:
    """The return to normal of a level that can no longer be judged."""
    return Finding(
        rule=rule.id,
        rule_version=version,
        category=rule.category,
        device=device.id,
        household=device.household,
        community=estate.community_of(device),
        severity=Severity.NORMAL,
        previous=level,
        ts=now,
        since=now,
        received_at=now,
        value=None,
        threshold=None,
        unit=unit_of(rule),
        evidence={"proof": proof.value, "reason": proof.value, "standard": rule.standard, "clause": rule.clause},
    )


def _deciding(t: Transition, rule: Rule) -> tuple[float | None, float | None, str]:
    """The value that decided, the limit it crossed, and their unit."""
    if isinstance(rule, FlagRule | SilenceRule):
        return None, None, unit_of(rule)
    if isinstance(rule, ThermalRule) and t.severity > t.previous and t.value < t.threshold:
        # The conductor is not that warm yet: that it will be soon is what was found.
        return round(t.extra_2, 1), rule.steps[t.step].time_to_trip, "s"
    return _number(t.value), _number(t.threshold), unit_of(rule)


def unit_of(rule: Rule) -> str:
    """Unit of the rule's values; empty for flags, silence and the thermal image (a fraction of the trip level)."""
    if isinstance(rule, RiseRule):
        return QUANTITIES[rule.signals[0]].unit.replace("°C", "K") + "/min"
    return QUANTITIES[rule.signals[0]].unit if isinstance(rule, ThresholdRule) else ""


def _evidence(t: Transition, rule: Rule, ratings: Ratings) -> dict[str, Any]:
    proof = _BY_NUMBER[t.reason]
    if isinstance(rule, SilenceRule) and proof is Proof.READING and t.severity:
        proof = Proof.SILENCE
    evidence: dict[str, Any] = {
        "proof": proof.value,
        "since": t.since,
        "standard": rule.standard,
        "clause": rule.clause,
    }
    if isinstance(rule, FlagRule):
        return {**evidence, "signal": rule.event, "active": bool(t.severity) or bool(t.late)}
    if isinstance(rule, SilenceRule):
        silent = {"silent_s": t.gap / 1000}
        return {**evidence, **silent} if isnan(t.extra_1) else {**evidence, **silent, "allowed_s": t.extra_1}
    step = rule.steps[t.step]
    evidence |= {
        "signal": rule.signals[t.channel],
        "step": t.step + 1,
        "value": _number(t.value),
        "threshold": _number(t.threshold),
        "clear": _number(t.clear),
        "hold_s": step.hold,
        "clear_hold_s": step.clear_hold,
        "first_value": _number(t.first),
        "peak": _number(t.peak),
        "gap_s": t.gap / 1000,
    }
    ratings_used = _ratings_used(rule, ratings)
    if ratings_used:
        evidence["ratings"] = ratings_used
    if isinstance(rule, RiseRule):
        evidence |= {"samples": int(t.extra_1), "span_s": t.extra_2}
    if isinstance(rule, ThermalRule):
        trip = t.extra_2 if t.extra_2 != float("inf") else None
        evidence |= {"current": t.extra_1, "time_to_trip_s": trip}
    return evidence


def _ratings_used(rule: LadderRule, ratings: Ratings) -> Mapping[str, float]:
    limits: list[Limit] = [x for s in rule.steps for x in (s.limit, s.clear)]
    names = {x.rating for x in limits if isinstance(x, Scaled)}
    if isinstance(rule, ThermalRule):
        names.add("rated_current")
    return {name: getattr(ratings, name) for name in sorted(names)}


def _number(value: float) -> float | None:
    return None if isnan(value) or value in (float("inf"), float("-inf")) else float(value)
