"""The findings that rules over rules make, and those that they change on the way."""

from enum import StrEnum
from typing import Any

import msgspec

from community.estate import Device
from community.finding import Finding
from community.severity import Severity
from rules.kinds.definition import RuleBase
from rules.relations.book import Book
from rules.relations.definition import GroupRule, RelationRule
from rules.relations.judge import Verdict


class Why(StrEnum):
    """What ended or changed a finding: the key `proof` of the evidence."""

    CONDITION_OVER = "condition no longer met"
    FEW_LEFT = "fewer than half of the devices needed are left"
    TAKEN = "taken into group"
    RELEASED = "still holds after the group's end"
    RULE_CHANGED = "rule changed"
    RULE_REMOVED = "rule removed"
    ESTATE_CHANGED = "estate changed"


class Open(msgspec.Struct, frozen=True):
    """A finding of a rule over rules that holds.

    Attributes:
        finding: its latest.
        first: event time of the first sign, UTC ms; for a group only members that began then or later belong to it.
    """

    finding: Finding
    first: int


def raised(rule: RelationRule, scope: str, verdict: Verdict, book: Book, at: int | None, received: int) -> Finding:
    """What is told when a rule over rules begins to hold.

    Args:
        at: event time, where something else than the last sign proved it.
    """
    group = isinstance(rule, GroupRule)
    return Finding(
        rule=rule.id,
        rule_version=book.version(rule),
        category=rule.category,
        device=scope if group else verdict.device,
        household="" if group else book.devices[verdict.device].household,
        community=book.community(verdict.device),
        severity=rule.severity,
        previous=Severity.NORMAL,
        ts=verdict.last if at is None else max(verdict.last, at),
        since=verdict.first,
        received_at=received,
        value=verdict.value,
        threshold=verdict.threshold,
        unit="devices" if group else "",
        shadow=rule.mode == "shadow",
        evidence=verdict.evidence,
    )


def turned(
    before: Finding, severity: Severity, why: Why, at: int, received: int, detail: dict[str, Any] | None = None
) -> Finding:
    """The same finding at another level. It never goes back behind its own proof."""
    source = {name: before.evidence[name] for name in ("standard", "clause") if name in before.evidence}
    return msgspec.structs.replace(
        before,
        severity=severity,
        previous=before.severity,
        ts=max(at, before.ts),
        received_at=received,
        evidence={"proof": why.value, "reason": why.value, **(detail or {}), **source},
    )


def taken(finding: Finding, group: Finding) -> Finding:
    """The end of a member's finding, because the group's stands for it now."""
    detail = {"reason": f"taken into {group.device}", "group": group.device, "group_rule": group.rule}
    ended = turned(finding, Severity.NORMAL, Why.TAKEN, group.ts, group.received_at, detail)
    return msgspec.structs.replace(ended, taken_into=group.device)


def untold(finding: Finding) -> Finding:
    """A withheld finding, as the first that is told of it."""
    return msgspec.structs.replace(finding, previous=Severity.NORMAL)


def released(finding: Finding, group: Finding) -> Finding:
    """A member's finding that outlives its group's."""
    evidence = {**finding.evidence, "proof": Why.RELEASED.value, "group": group.device, "group_rule": group.rule}
    return msgspec.structs.replace(
        finding,
        previous=Severity.NORMAL,
        ts=max(finding.ts, group.ts),
        received_at=group.received_at,
        evidence=evidence,
    )


def restated(
    rule: RuleBase,
    device: Device,
    community: str,
    severity: Severity,
    previous: Severity,
    *,
    since: int,
    value: float | None,
    shadow: bool,
    now: int,
) -> Finding:
    """A plain rule's level as it is told, or no longer told, because the rule's mode changed."""
    why = Why.RULE_CHANGED.value
    return Finding(
        rule=rule.id,
        rule_version=rule.version,
        category=rule.category,
        device=device.id,
        household=device.household,
        community=community,
        severity=severity,
        previous=previous,
        ts=now,
        since=since,
        received_at=now,
        value=value,
        threshold=None,
        unit="",
        shadow=shadow,
        evidence={"proof": why, "reason": why, "standard": rule.standard, "clause": rule.clause},
    )
