"""Who belongs where: which rules over rules look at a finding, in which scope, and how large each group is."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from community.estate import Device, Estate, group_name
from community.severity import Category, Severity
from rules.kinds.definition import Mode, RuleBase
from rules.relations.definition import CombinationRule, GroupRule, RelationRule, is_relation, named
from rules.relations.scope import AGAINST, MEMBERS


class Rules(Protocol):
    """What is asked of a rulebook."""

    @property
    def rules(self) -> Sequence[RuleBase]:
        """In their order."""

    def resolved(self, number: int, overrides: tuple[int, ...]) -> RuleBase | None:
        """A rule as it holds where these overrides do; None if it does not."""

    def overrides_for(self, estate: Estate, device: Device) -> tuple[int, ...]:
        """The overrides that hold for a device."""


class Watch(NamedTuple):
    """A role in which a rule over rules looks at another rule, from a severity on."""

    relation: RelationRule
    role: str
    at_least: Severity


class Book:
    """A rulebook and an estate together, as rules over rules need them. Made anew when either changes.

    Attributes:
        relations: rules over rules by id.
        devices: by id.
    """

    def __init__(self, rulebook: Rules, estate: Estate, devices: Sequence[Device]) -> None:
        self._rulebook, self._estate = rulebook, estate
        self._numbers = {r.id: n for n, r in enumerate(rulebook.rules)}
        self.devices = {d.id: d for d in devices}
        self.relations = {r.id: r for r in rulebook.rules if isinstance(r, CombinationRule | GroupRule)}
        plain = [r for r in rulebook.rules if not is_relation(r)]
        self._versions = {r: rule.version for r, rule in self.relations.items()}
        self._watches = {r.id: tuple(_watches(self.relations.values(), r.id)) for r in plain}
        self._absorbers = {
            r.id: tuple(
                g for g in self.relations.values()
                if isinstance(g, GroupRule) and g.mode == "live" and r.category is not Category.LIFE
                and named(g.absorbs, r.id) and (not isinstance(r, GroupRule) or g.wider_than(r))
            )
            for r in rulebook.rules if not isinstance(r, CombinationRule)
        }  # fmt: skip
        self._members: dict[str, dict[str, list[str]]] = {}
        self._first: dict[str, str] = {}
        groups = [g for g in self.relations.values() if isinstance(g, GroupRule)]
        if groups:
            self._count(groups)

    def watches(self, rule: str) -> tuple[Watch, ...]:
        """Who looks at findings of this rule."""
        return self._watches.get(rule, ())

    def absorbers(self, rule: str) -> tuple[GroupRule, ...]:
        """The live group rules that may absorb findings of this rule; none for life rules and combinations."""
        return self._absorbers.get(rule, ())

    def version(self, relation: RelationRule) -> str:
        """Version of a rule over rules."""
        return self._versions[relation.id]

    def rule(self, rule: str, device: Device) -> RuleBase | None:
        """A rule as it holds for a device; None if it does not."""
        number = self._numbers.get(rule)
        if number is None:
            return None
        found = self._rulebook.resolved(number, self._rulebook.overrides_for(self._estate, device))
        return found if found is not None and self._applies(found, device) else None

    def mode(self, rule: str, device: str) -> Mode:
        """How a rule is told for a device; `probe` where it does not hold."""
        relation = self.relations.get(rule)
        if relation is not None:
            return relation.mode
        known = self.devices.get(device)
        found = None if known is None else self.rule(rule, known)
        return "probe" if found is None else found.mode

    def scope_of(self, relation: RelationRule, device: str) -> str | None:
        """The scope of a rule over rules to which a device belongs; None if it does not apply to it.

        A group belongs where its first device does.
        """
        known = self.devices.get(self._first.get(device, device))
        if known is None or not self._applies(relation, known):
            return None
        if isinstance(relation, CombinationRule) and relation.scope == "device":
            return device
        groups = self._estate.groups_of(known)
        if isinstance(relation, GroupRule):
            return group_name(relation.over, groups[relation.over]) if relation.over in groups else None
        level = relation.scope if relation.scope in groups else "household"
        return group_name(level, groups[level])

    def members(self, relation: RelationRule, scope: str) -> Sequence[str]:
        """Devices of a group to which a rule that it looks at applies, in the order of the estate."""
        return self._members.get(relation.id, {}).get(scope, ())

    def base(self, rule: str) -> RuleBase | None:
        """A rule as it stands in the rulebook."""
        number = self._numbers.get(rule)
        return None if number is None else self._rulebook.rules[number]

    def community(self, device: str) -> str:
        """The community of a device."""
        return self._estate.community_of(self.devices[device])

    def _applies(self, rule: RuleBase, device: Device) -> bool:
        flags = self._estate.flags_of(self._estate.households[device.household])
        return rule.applies.to(device.kind, device.ratings, flags)

    def _count(self, groups: Sequence[GroupRule]) -> None:
        looked_at = {
            g.id: [n for r, n in self._numbers.items() if named(g.rules, r) and r not in self.relations] for g in groups
        }
        known: dict[tuple[object, ...], list[GroupRule]] = {}
        for device in self.devices.values():
            overrides = self._rulebook.overrides_for(self._estate, device)
            flags = self._estate.flags_of(self._estate.households[device.household])
            key = device.kind, device.ratings, flags, overrides
            if key not in known:
                holding = {
                    n for numbers in looked_at.values() for n in numbers
                    if (r := self._rulebook.resolved(n, overrides)) is not None and self._applies(r, device)
                }  # fmt: skip
                known[key] = [g for g in groups if self._applies(g, device) and holding.intersection(looked_at[g.id])]
            of = self._estate.groups_of(device)
            for group in known[key]:
                if group.over in of:
                    name = group_name(group.over, of[group.over])
                    self._members.setdefault(group.id, {}).setdefault(name, []).append(device.id)
                    self._first.setdefault(name, device.id)


def _watches(relations: Iterable[RelationRule], rule: str) -> list[Watch]:
    found = []
    for relation in relations:
        if isinstance(relation, CombinationRule):
            parts = relation.parts.items()
            found += [Watch(relation, name, part.at_least) for name, part in parts if named(part.rules, rule)]
            continue
        if named(relation.rules, rule):
            found.append(Watch(relation, MEMBERS, relation.at_least))
        if relation.against is not None and named(relation.against.rules, rule):
            found.append(Watch(relation, AGAINST, relation.against.at_least))
    return found
