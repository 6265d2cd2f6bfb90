"""Definitions of the rules over rules: combination and group."""

from collections.abc import Iterable
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from community.severity import Category, Severity
from rules.expressions import Condition
from rules.kinds.definition import Model, RuleBase, Seconds, SeverityWord
from rules.overrides import matches

Pattern = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?$")]
"""A rule's id, or `smoke.*` for every rule whose id begins with `smoke.`."""

Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=64)]
PartName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

_RELATIONS = ("combination", "group")
_WIDTH = ("phase", "building", "feeder", "community")
"""Only a wider group may absorb another group, so that no two stand for each other and nobody is told."""


class Part(Model):
    """One part of a combination: true while any of these rules holds for a device of the scope.

    Attributes:
        rules: ids or patterns of rules in any mode; rules over rules are never meant.
        at_least: from this severity on.
    """

    rules: Patterns
    at_least: SeverityWord = Severity.WARNING


class Relation(RuleBase):
    """What combination and group have in common.

    Attributes:
        severity: of the finding.
        applies: the devices whose findings count.
    """

    severity: SeverityWord

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.mode == "probe":
            raise ValueError("a rule over rules is live or shadow: no rule looks at it, so as a probe it did nothing")
        return self


class CombinationRule(Relation):
    """Several signs that together mean more than each alone (multi-criteria fire: EN 54-31, ISO 7240-8).

    A part counts while one of its rules holds, and for `within` after that has ended; all times are event times.
    The finding names the device of the latest sign, and holds while the condition does.

    Attributes:
        scope: what the signs must have in common: one device, one household, or one building; a household that stands
            in no building is one.
        parts: by name.
        condition: over the parts' names, e.g. `smoke and (co or heat)`.
        within: s for which a sign that is over still counts.
        distinct_devices: the signs must come from at least so many devices.
    """

    kind: Literal["combination"] = "combination"
    scope: Literal["device", "household", "building"] = "household"
    parts: dict[PartName, Part] = Field(min_length=1, max_length=16)
    condition: Condition
    within: Seconds = 0
    distinct_devices: int = Field(default=1, ge=1, le=16)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unknown = sorted(set(self.condition.names) - set(self.parts))
        unused = sorted(set(self.parts) - set(self.condition.names))
        if unknown:
            raise ValueError(f"condition: no part is named {unknown[0]}; expected {', '.join(self.parts)}")
        if unused:
            raise ValueError(f"parts.{unused[0]}: the condition does not use it")
        if self.scope == "device" and self.distinct_devices > 1:
            raise ValueError("distinct_devices: in the scope of one device there is only one")
        return self

    @property
    def within_ms(self) -> int:
        """`within` in ms."""
        return round(self.within * 1000)


class Against(Model):
    """What other members of a group must report at the same time, e.g. the opposite move of a voltage.

    Attributes:
        rules: ids or patterns.
        least: devices.
    """

    rules: Patterns
    at_least: SeverityWord = Severity.WARNING
    least: int = Field(default=1, ge=1)


class GroupRule(Relation):
    """One thing that many devices of a building, feeder, phase or community report at once.

    It begins when enough devices began to be bad within `within` of each other (event times), and ends when fewer than
    half of the number that it needed are left. A device counts while it is bad, and for `within` after it began. Those
    that were bad long before do not count.

    Attributes:
        over: the groups; every one is judged by itself.
        rules: ids or patterns of the rules, often probes, whose findings count.
        at_least: from this severity on.
        least: devices needed.
        share: of the devices to which one of the rules applies, needed too.
        within: s.
        against: opposite findings of other devices in the same time, without which there is nothing to tell.
        absorbs: ids or patterns of rules whose findings are not told one by one while the group's holds. Never a life
            rule; of group rules only those over narrower groups (phase, building, feeder, community). Those that were
            told just before are ended as taken into the group; those that still hold when the group's has ended are
            told then, after `wait`.
        wait: s for which raises of absorbed rules are withheld, to see whether the group's comes, in groups of at
            least `least` devices. What is over before that is never told.
    """

    kind: Literal["group"] = "group"
    over: Literal["building", "feeder", "phase", "community"]
    rules: Patterns
    at_least: SeverityWord = Severity.WARNING
    least: int = Field(ge=2)
    share: float = Field(default=0, ge=0, le=1)
    within: float = Field(gt=0, le=86_400)
    against: Against | None = None
    absorbs: tuple[Pattern, ...] = ()
    wait: float = Field(default=0, ge=0, le=900)

    @model_validator(mode="after")
    def _waits_for_something(self) -> Self:
        if self.wait and not self.absorbs:
            raise ValueError("wait: nothing is absorbed, so nothing waits")
        return self

    @property
    def within_ms(self) -> int:
        """`within` in ms."""
        return round(self.within * 1000)

    @property
    def wait_ms(self) -> int:
        """`wait` in ms."""
        return round(self.wait * 1000)

    def wider_than(self, other: "GroupRule") -> bool:
        """Whether its groups are of a wider kind."""
        return _WIDTH.index(self.over) > _WIDTH.index(other.over)

    def needed(self, members: int) -> int:
        """Devices that must report it in a group of so many."""
        # A share of 0.3 of 10 is 3, though 0.3 * 10 is a hair above it.
        return max(self.least, ceil(round(self.share * members, 9)))


RelationRule = CombinationRule | GroupRule


def is_relation(rule: RuleBase) -> bool:
    """Whether a rule is one over rules."""
    return rule.kind in _RELATIONS


def named(patterns: Iterable[str], rule: str) -> bool:
    """Whether any of the patterns means this rule id."""
    return any(matches(pattern, rule) for pattern in patterns)


def dangling(rule: RelationRule, ids: Iterable[str], groups: Iterable[str] = ()) -> list[str]:
    """The patterns of a rule over rules that mean no rule, each once, in its order.

    Args:
        ids: of the plain rules.
        groups: of the group rules, which a wider group may absorb, and nothing else refer to.
    """
    known = list(ids)
    absorbable = [*known, *(g for g in groups if g != rule.id)]
    if isinstance(rule, CombinationRule):
        asked = [(p, known) for part in rule.parts.values() for p in part.rules]
    else:
        against = rule.against.rules if rule.against else ()
        asked = [(p, known) for p in (*rule.rules, *against)] + [(p, absorbable) for p in rule.absorbs]
    return list(dict.fromkeys(p for p, among in asked if not any(matches(p, i) for i in among)))


def absorbed_life(rule: RelationRule, rules: Iterable[RuleBase]) -> list[str]:
    """Ids of the life rules that a group would absorb; none may."""
    absorbs = rule.absorbs if isinstance(rule, GroupRule) else ()
    return [r.id for r in rules if r.category is Category.LIFE and named(absorbs, r.id)]
