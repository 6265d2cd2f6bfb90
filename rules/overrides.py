"""Overrides: a rule's own numbers for one place, one feeder or one device.

Strength, from the weakest: a farther place, a nearer place, the feeder, the device; within one of these the later in
the rulebook is the stronger. Fields are replaced whole, so two overrides of one rule add up where they name different
fields. Where they cannot hold together, the strongest holds alone.

A life rule may be tightened or loosened, but whoever disables it, rehearses it or narrows to whom it applies must give
a `reason`, which is kept with the rulebook for those who ask later.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from community.estate import Device, Estate
from community.severity import Category
from rules.kinds.definition import RuleBase

FIXED = ("id", "kind", "category", "signals", "event", "value")
"""Fields that make a rule what it is: who needs others needs another rule."""

SILENCING = ("mode", "applies")
"""Fields by which a rule can be made to say nothing."""

_WHERE = ("place", "feeder", "device")
_OWN = ("rule", "place", "feeder", "device", "enabled", "reason")


class Override(BaseModel):
    """Other values of a rule's fields for some devices.

    Attributes:
        rule: id of the rule, or a pattern such as `terminal.*` or `*`.
        place, feeder, device: where it holds; exactly one of them.
        enabled: False: the rule does not hold there; True: it does, whatever weaker overrides say.
        reason: why; required to disable a life rule.
        fields: the rule's fields that are replaced, as in the rulebook.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field(min_length=1)
    place: str | None = None
    feeder: str | None = None
    device: str | None = None
    enabled: bool | None = None
    reason: str | None = Field(default=None, min_length=1)
    fields: dict[str, Any] = {}

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Self:
        """Read one `[[override]]` table, in which the rule's fields stand beside the override's own.

        Raises:
            ValidationError: with the faults of the override's own fields.
        """
        own = {k: v for k, v in table.items() if k in _OWN}
        return cls.model_validate({**own, "fields": {k: v for k, v in table.items() if k not in _OWN}})

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if sum(where is not None for where in (self.place, self.feeder, self.device)) != 1:
            raise ValueError("expected exactly one of place, feeder and device")
        if not self.fields and self.enabled is None:
            raise ValueError("changes nothing; expected enabled or a field of the rule")
        return self

    @property
    def silences(self) -> bool:
        """Whether it may keep the rule from being told."""
        return self.enabled is False or self.fields.get("mode", "live") != "live" or "applies" in self.fields

    def describe(self) -> dict[str, Any]:
        """JSON-ready: as it stands in the rulebook."""
        return {**self.model_dump(mode="json", exclude_none=True, exclude={"fields"}), **self.fields}


def matches(pattern: str, rule: str) -> bool:
    """Whether a rule's id is meant: the id itself, everything below a prefix (`smoke.*`), or everything (`*`)."""
    return rule == pattern or (pattern.endswith("*") and rule.startswith(pattern[:-1]))


def changed_by(rule: RuleBase, overrides: Sequence[Override]) -> RuleBase:
    """The rule with the fields of overrides, weakest first.

    Raises:
        ValidationError: the fields are wrong.
    """
    given = {name: getattr(rule, name) for name in rule.model_fields_set}
    for override in overrides:
        given |= override.fields
    return type(rule).model_validate(given)


def resolve(rule: RuleBase, overrides: Sequence[Override]) -> RuleBase | None:
    """The rule as it holds where these overrides do, weakest first; None where it is disabled."""
    said = [o.enabled for o in overrides if o.enabled is not None]
    if said and not said[-1]:
        return None
    changing = [o for o in overrides if o.fields]
    if not changing:
        return rule
    try:
        return changed_by(rule, changing)
    except ValidationError:
        return changed_by(rule, changing[-1:])


def faults(rule: RuleBase, override: Override, memory: Callable[[RuleBase], Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with an override of this rule: (field, message) pairs; field is empty for the whole.

    Args:
        memory: what the engine lays out once for all devices of a rule; no override may change it.
    """
    fixed = [name for name in override.fields if name in FIXED]
    for name in fixed:
        yield name, f"no override may change the {name}; write another rule"
    if rule.category is Category.LIFE and override.reason is None and override.silences:
        yield "", f"{rule.id} is a life rule; expected a reason to disable or narrow it"
    if fixed:
        return
    changed = changed_by(rule, [override])
    steps, before = (len(getattr(r, "steps", ())) for r in (changed, rule))
    if steps != before:
        yield "steps", f"{rule.id} has {before} steps, got {steps}; their number must stay"
    elif memory(changed) != memory(rule):
        yield "", f"changes what {rule.id} reads or remembers; write another rule"


class OverrideIndex:
    """Overrides by where they hold, so that a million devices need not each look at all of them."""

    def __init__(self, overrides: Sequence[Override]) -> None:
        self._of: dict[tuple[str, str], list[int]] = {}
        for number, override in enumerate(overrides):
            for what in _WHERE:
                name = getattr(override, what)
                if name is not None:
                    self._of.setdefault((what, name), []).append(number)

    def applying(self, estate: Estate, device: Device) -> tuple[int, ...]:
        """Numbers of the overrides that hold for a device, weakest first."""
        if not self._of:
            return ()
        places = list(estate.ancestors(estate.households[device.household].place))
        where = [("place", place.id) for place in reversed(places)]
        if device.feeder is not None:
            where.append(("feeder", device.feeder))
        where.append(("device", device.id))
        return tuple(number for key in where for number in self._of.get(key, ()))


def strangers(overrides: Sequence[Override], estate: Estate) -> list[str]:
    """Places, feeders and devices that overrides name and the estate does not know."""
    feeders = {d.feeder for d in estate.device}
    known = {"place": estate.places, "feeder": feeders, "device": estate.devices}
    return [
        f"{what} {name}"
        for override in overrides
        for what in known
        if (name := getattr(override, what)) is not None and name not in known[what]
    ]
