"""Whether a combination's condition is met, and whether enough of a group report one thing at once. Pure questions."""

from typing import Any, NamedTuple

from rules.kinds.definition import RuleBase
from rules.relations.definition import CombinationRule, GroupRule, RelationRule
from rules.relations.scope import AGAINST, MEMBERS, Scope, Span

NAMED = 20
"""Parts or members that the evidence names; it tells the number of all."""


class Verdict(NamedTuple):
    """What holds in a scope.

    Attributes:
        device: of the latest sign; for a group the one that completed it.
        first, last: event times at which the first and the last sign began, UTC ms.
        value, threshold: devices counted and needed, for a group.
        evidence: JSON-ready.
    """

    device: str
    first: int
    last: int
    value: float | None
    threshold: float | None
    evidence: dict[str, Any]


def begins(rule: RelationRule, scope: Scope, members: int, around: int | None = None) -> Verdict | None:
    """What begins to hold in a scope, if anything does.

    Args:
        members: devices of the group; of no interest for a combination.
        around: event time of the sign that came last: for a group only what has begun near it is new. None: look at
            everything.
    """
    if isinstance(rule, CombinationRule):
        return _met(rule, scope)
    return _together(rule, scope, members, around)


def holds(rule: RelationRule, scope: Scope, members: int, first: int) -> bool:
    """Whether what began goes on.

    Args:
        first: the verdict's; members that began before are not meant.
    """
    if isinstance(rule, CombinationRule):
        return _met(rule, scope) is not None
    left = 2 * scope.roles[MEMBERS].count(first) >= rule.needed(members)
    return left and (rule.against is None or 2 * scope.roles[AGAINST].count(first) >= rule.against.least)


def _met(rule: CombinationRule, scope: Scope) -> Verdict | None:
    true = frozenset(name for name, role in scope.roles.items() if len(role))
    if not rule.condition.true(true):
        return None
    signs = sorted((s.began, device, id_, part, s) for part, device, id_, s in scope.all())
    if len({device for _, device, _, _, _ in signs}) < rule.distinct_devices:
        return None
    parts = [_part(part, id_, device, span) for _, device, id_, part, span in signs[-NAMED:]]
    said = {"proof": "combination", "condition": str(rule.condition), "parts": parts, "count": len(signs)}
    return Verdict(signs[-1][1], signs[0][0], signs[-1][0], None, None, {**said, **_source(rule)})


def _part(part: str, rule: str, device: str, span: Span) -> dict[str, Any]:
    said = {"part": part, "rule": rule, "device": device, "since": span.since, "value": span.value}
    return said if span.ended is None else {**said, "ended": span.ended}


def _together(rule: GroupRule, scope: Scope, members: int, around: int | None) -> Verdict | None:
    need, within = rule.needed(members), rule.within_ms
    first, last = (None, None) if around is None else (around - within, around + within)
    if not _enough(rule, scope, need, first, last):
        return None
    # Every window that is worth a look begins with somebody's beginning, and takes in `around`.
    roles = scope.roles.values()
    starts = sorted({began for role in roles for began, _ in role.between(first, around)})
    for start in starts:
        if _enough(rule, scope, need, start, start + within):
            return _group(rule, scope, need, members, start, start + within)
    return None


def _enough(rule: GroupRule, scope: Scope, need: int, first: int | None, last: int | None) -> bool:
    return scope.roles[MEMBERS].count(first, last) >= need and (
        rule.against is None or scope.roles[AGAINST].count(first, last) >= rule.against.least
    )


def _group(rule: GroupRule, scope: Scope, need: int, members: int, first: int, end: int) -> Verdict:
    counted = scope.roles[MEMBERS].between(first, end)
    opposite = scope.roles[AGAINST].between(first, end) if rule.against is not None else []
    last = max(began for began, _ in [*counted, *opposite])
    said: dict[str, Any] = {
        "proof": "group",
        "members": [device for _, device in counted[:NAMED]],
        "count": len(counted),
        "of": members,
        "share": round(len(counted) / members, 3) if members else None,
        "first": first,
        "last": last,
    }
    if rule.against is not None:
        said |= {"against": [device for _, device in opposite[:NAMED]], "against_count": len(opposite)}
    return Verdict(counted[-1][1], first, last, float(len(counted)), float(need), {**said, **_source(rule)})


def _source(rule: RuleBase) -> dict[str, str]:
    return {"standard": rule.standard, "clause": rule.clause}
