"""A street of homes, plain rules without any kernel, and findings of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.finding import Finding
from community.severity import Category, Severity
from rules.kinds.definition import RuleBase
from rules.relations import CombinationRule, GroupRule
from rules.relations.relations import Relations

NORMAL, WARNING, ALARM, CRITICAL = Severity
T0 = 1_795_000_000_000
TEXT = {"zh": "文", "en": "text"}
COMMON: dict[str, Any] = {"title": TEXT, "standard": "GB 50116", "guidance": {"staff": TEXT}}


def plain(rule: str, category: Category = Category.SUPERVISORY, **given: Any) -> RuleBase:
    """A plain rule; what it measures is of no interest here."""
    return RuleBase.model_validate({"id": rule, "kind": "flag", "category": category, **COMMON, **given})


def combination(rule: str = "fire.confirmed", **given: Any) -> CombinationRule:
    """A combination; life unless told otherwise."""
    return CombinationRule.model_validate(
        {"id": rule, "category": "life", "severity": "critical", **COMMON, **given}  # given may replace any of these
    )


def group(rule: str = "supply.outage", **given: Any) -> GroupRule:
    """A group rule; supervisory unless told otherwise."""
    usual = {"over": "building", "least": 5, "within": 120}
    return GroupRule.model_validate(
        {"id": rule, "category": "supervisory", "severity": "alarm", **COMMON, **usual, **given}
    )


@dataclass
class Book:
    """A rulebook with overrides of modes only: device → rule → mode, or None where the rule does not hold."""

    rules: Sequence[RuleBase]
    modes: dict[str, dict[str, str | None]] = field(default_factory=dict)

    def resolved(self, number: int, overrides: tuple[int, ...]) -> RuleBase | None:
        """A rule as it holds for the device whose number is the override."""
        rule = self.rules[number]
        for n in overrides:
            changed = list(self.modes.values())[n]
            if rule.id in changed:
                mode = changed[rule.id]
                return None if mode is None else rule.model_copy(update={"mode": mode})
        return rule

    def overrides_for(self, estate: Estate, device: Device) -> tuple[int, ...]:
        """The device's own."""
        return tuple(n for n, name in enumerate(self.modes) if name == device.id)


def street(homes: int = 40, detectors: int = 2) -> Estate:
    """A building `b1` on feeder `f1` with homes `h0`, `h1` ...: each a protector `p0`, on phase l1, l2 or l3 in turn,
    and detectors `s0a`, `s0b` ...; a house `farm` with protector `pf` stands in no building.
    """
    places = (
        Place(id="village", kind=PlaceKind.COMMUNITY),
        Place(id="b1", kind=PlaceKind.BUILDING, parent="village"),
    )
    households = [Household(id=f"h{n}", place="b1") for n in range(homes)]
    devices = []
    for n in range(homes):
        devices.append(
            Device(
                id=f"p{n}", household=f"h{n}", kind=DeviceKind.ELECTRICAL_PROTECTOR, feeder="f1", phase=f"l{n % 3 + 1}"
            )
        )
        devices += [
            Device(id=f"s{n}{letter}", household=f"h{n}", kind=DeviceKind.SMOKE) for letter in "abcd"[:detectors]
        ]
    farm = Household(id="farm", place="village")
    devices.append(Device(id="pf", household="farm", kind=DeviceKind.ELECTRICAL_PROTECTOR))
    return Estate(place=places, household=(*households, farm), device=tuple(devices))


STREET = street()


def relations(
    *rules: RuleBase, estate: Estate = STREET, modes: dict[str, dict[str, str | None]] | None = None
) -> Relations:
    """Rules over rules of a book of these rules."""
    return Relations(Book(rules, modes or {}), estate, estate.device)


def says(
    device: str,
    rule: str,
    seconds: float,
    severity: Severity = WARNING,
    *,
    previous: Severity | None = None,
    late: bool = False,
    received: float | None = None,
    category: Category = Category.SUPERVISORY,
    estate: Estate = STREET,
) -> Finding:
    """A finding of a plain rule so many seconds after T0."""
    ts = T0 + round(seconds * 1000)
    back = WARNING if severity is NORMAL else NORMAL
    return Finding(
        rule=rule,
        rule_version="v1",
        category=category,
        device=device,
        household=estate.devices[device].household,
        community="village",
        severity=severity,
        previous=back if previous is None else previous,
        ts=ts,
        since=ts - 1_000,
        received_at=ts + 100 if received is None else T0 + round(received * 1000),
        value=7.0,
        threshold=5.0,
        unit="mA",
        late=late,
        evidence={"proof": "reading"},
    )


def at(seconds: float) -> int:
    """UTC ms."""
    return T0 + round(seconds * 1000)


def brief(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """(device, rule, severity) of each finding."""
    return [(f.device, f.rule, f.severity.word) for f in findings]
