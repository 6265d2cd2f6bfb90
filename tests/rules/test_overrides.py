"""Overrides: which hold for a device and in which order, and which are refused."""

from typing import Any

import pytest

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from rules.kinds.threshold import ThresholdRule
from rules.overrides import matches
from rules.rulebook import Rulebook, RulebookErrors, load_rulebook
from rules.ruletest import load_tests, run_tests

RULE = """
[[rule]]
id = "{id}"
title = {{ zh = "测试", en = "Test" }}
category = "{category}"
kind = "threshold"
standard = "none"
guidance.staff = {{ zh = "看", en = "Look" }}
signals = ["voltage"]
steps = [{{ severity = "warning", limit = 250, hold = 5, clear = 245 }}]
"""

BOOK = "".join(
    RULE.format(id=name, category=category)
    for name, category in (
        ("volts.over", "deterioration"),
        ("volts.odd", "deterioration"),
        ("fire.smoke", "life"),
    )
)


def steps(limit: float) -> str:
    return f'steps = [{{ severity = "alarm", limit = {limit}, clear = 100 }}]'


def override(rule: str, where: str, what: str) -> str:
    return f'\n[[override]]\nrule = "{rule}"\n{where}\n{what}\n'


def book(*overrides: str) -> Rulebook:
    return load_rulebook(BOOK + "".join(overrides), "rules.toml")


def faults(*overrides: str) -> list[str]:
    with pytest.raises(RulebookErrors) as caught:
        book(*overrides)
    return [str(e) for e in caught.value.errors]


def device(name: str, household: str, **given: Any) -> Device:
    return Device(id=name, household=household, kind=DeviceKind.ELECTRICAL_PROTECTOR, **given)


ESTATE = Estate(
    place=(
        Place(id="town", kind=PlaceKind.DISTRICT),
        Place(id="village", kind=PlaceKind.COMMUNITY, parent="town"),
        Place(id="b1", kind=PlaceKind.BUILDING, parent="village"),
    ),
    household=(Household(id="h1", place="b1"), Household(id="h2", place="village")),
    device=(device("d1", "h1", feeder="f1"), device("d2", "h1"), device("d3", "h2")),
)


def limits(rules: Rulebook, rule: str = "volts.over") -> dict[str, Any]:
    """What holds for each device: the limit of the only step, or None."""
    found: dict[str, Any] = {}
    for each in ESTATE.device:
        resolved = rules.resolved(rules.numbers[rule], rules.overrides_for(ESTATE, each))
        assert resolved is None or isinstance(resolved, ThresholdRule)
        found[each.id] = None if resolved is None else resolved.steps[0].limit
    return found


def test_without_overrides_the_rule_is_the_rule() -> None:
    rules = book()
    assert rules.overrides_for(ESTATE, ESTATE.device[0]) == ()
    assert rules.resolved(0, ()) is rules.rules[0]


def test_nearer_is_stronger_whatever_the_order_in_the_rulebook() -> None:
    rules = book(
        override("volts.over", 'device = "d1"', steps(304)),
        override("volts.over", 'feeder = "f1"', steps(303)),
        override("volts.over", 'place = "b1"', steps(302)),
        override("volts.*", 'place = "town"', steps(301)),
    )
    assert limits(rules) == {"d1": 304, "d2": 302, "d3": 301}
    assert limits(rules, "volts.odd") == {"d1": 301, "d2": 301, "d3": 301}
    assert limits(rules, "fire.smoke") == {"d1": 250, "d2": 250, "d3": 250}


def test_within_one_place_the_later_is_stronger() -> None:
    rules = book(override("volts.over", 'place = "b1"', steps(301)), override("volts.over", 'place = "b1"', steps(302)))
    assert limits(rules) == {"d1": 302, "d2": 302, "d3": 250}


def test_overrides_of_different_fields_add_up() -> None:
    rules = book(
        override("volts.over", 'place = "town"', 'mode = "shadow"'),
        override("volts.over", 'place = "b1"', steps(301)),
    )
    first, last = (rules.resolved(0, rules.overrides_for(ESTATE, ESTATE.device[n])) for n in (0, 2))
    assert isinstance(first, ThresholdRule)
    assert isinstance(last, ThresholdRule)
    assert (first.mode, first.steps[0].limit) == ("shadow", 301)
    assert (last.mode, last.steps[0].limit) == ("shadow", 250)
    assert len({first.version, last.version, rules.rules[0].version}) == 3


def test_a_rule_is_disabled_and_enabled_again_nearer() -> None:
    rules = book(
        override("volts.*", 'place = "village"', "enabled = false"),
        override("volts.over", 'device = "d2"', "enabled = true"),
    )
    assert limits(rules) == {"d1": None, "d2": 250, "d3": None}
    assert limits(rules, "volts.odd") == {"d1": None, "d2": None, "d3": None}


def test_two_that_cannot_hold_together_leave_the_stronger() -> None:
    # Each is right alone: the first with the rule's own side, the second with a clear level for the other side.
    below = 'side = "below"\nsteps = [{ severity = "alarm", limit = 200, clear = 210 }]'
    rules = book(
        override("volts.over", 'place = "village"', below), override("volts.over", 'device = "d1"', steps(300))
    )
    first = rules.resolved(0, rules.overrides_for(ESTATE, ESTATE.device[0]))
    assert isinstance(first, ThresholdRule)
    assert (first.side, first.steps[0].limit) == ("above", 300)
    assert limits(rules) == {"d1": 300, "d2": 200, "d3": 200}


TESTS = """
[[place]]
id = "village"
kind = "community"
[[place]]
id = "b1"
kind = "building"
parent = "village"
[[household]]
id = "h1"
place = "b1"
[[household]]
id = "h2"
place = "village"
[[device]]
id = "near"
household = "h1"
[[device]]
id = "far"
household = "h2"
[[device]]
id = "off"
household = "h2"
[[test]]
name = "the engine judges every device by its own limits"
interval = "5s"
series = [{ signal = "voltage", values = "230 260 310 230" }]
expect = [
  { rule = "volts.over", device = "near", between = ["10s", "10s"], severity = "alarm", value = 310 },
  { rule = "volts.over", device = "far", between = ["10s", "10s"], severity = "warning", value = 310 },
  { rule = "volts.over", device = "off", never = true },
  { rule = "volts.over", between = ["0s", "15s"], count = 2 },
]
"""


def test_the_engine_judges_every_device_by_its_own_limits() -> None:
    rules = book(
        override("volts.over", 'place = "b1"', steps(300)), override("volts.over", 'device = "off"', "enabled = false")
    )
    (outcome,) = run_tests(load_tests(TESTS, "tests.toml", str, rules))
    assert outcome.passed, outcome.failures


@pytest.mark.parametrize(
    ("rule", "where", "what", "message"),
    [
        ("volts.ovr", 'place = "b1"', "enabled = false", "no such rule; did you mean volts.over?"),
        ("gas.*", 'place = "b1"', "enabled = false", "'gas.*': no such rule"),
        ("volts.over", "", "enabled = false", "exactly one of place, feeder and device"),
        ("volts.over", 'place = "b1"\ndevice = "d1"', "enabled = false", "exactly one of place, feeder and device"),
        ("volts.over", 'place = "b1"', "", "changes nothing"),
        ("volts.over", 'place = "b1"', 'id = "a.b"', "no override may change the id"),
        ("volts.over", 'place = "b1"', 'signals = ["current"]', "no override may change the signals"),
        ("volts.over", 'place = "b1"', 'unless = { signal = "breaker_closed", equals = 0 }', "reads or remembers"),
        ("volts.over", 'place = "b1"', "stebs = []", "unknown key; did you mean steps?"),
        ("volts.over", 'place = "b1"', "steps = [3]", "steps.1: "),
        ("volts.over", 'place = "b1"', "steps = []", "at least 1"),
        ("volts.over", 'place = "b1"', "enabled = 3", "enabled: "),
        ("volts.over", 'place = "b1"', 'mode = "quiet"', "for volts.over: Input should be 'live', 'shadow'"),
        ("fire.smoke", 'place = "b1"', "enabled = false", "fire.smoke is a life rule; expected a reason"),
        ("*", 'place = "b1"', 'mode = "probe"', "fire.smoke is a life rule; expected a reason"),
        ("fire.smoke", 'place = "b1"', 'applies.kinds = ["smoke"]', "fire.smoke is a life rule"),
    ],
)
def test_what_is_refused(rule: str, where: str, what: str, message: str) -> None:
    told = faults(override(rule, where, what))
    assert len(told) == 1
    assert message in told[0]
    assert told[0].startswith("rules.toml:")


def test_the_number_of_steps_stays() -> None:
    two = steps(300).replace("]", ', { severity = "critical", limit = 400, clear = 100 }]')
    (told,) = faults(override("volts.over", 'place = "b1"', two))
    assert told == "rules.toml:35: override volts.over.steps: volts.over has 1 steps, got 2; their number must stay"


def test_a_life_rule_is_loosened_freely_and_disabled_with_a_reason() -> None:
    rules = book(
        override("fire.smoke", 'place = "village"', steps(300)),
        override("fire.smoke", 'device = "d1"', 'enabled = false\nreason = "detector over the stove, replaced in May"'),
    )
    assert limits(rules, "fire.smoke") == {"d1": None, "d2": 300, "d3": 300}
    assert rules.overrides[1].describe() == {
        "rule": "fire.smoke",
        "device": "d1",
        "enabled": False,
        "reason": "detector over the stove, replaced in May",
    }


def test_the_version_follows_the_overrides() -> None:
    versions = {
        book().version,
        book(override("volts.over", 'place = "b1"', steps(301))).version,
        book(override("volts.over", 'place = "b1"', steps(302))).version,
        book(override("volts.over", 'place = "b2"', steps(302))).version,
    }
    assert len(versions) == 4


def test_who_is_named_and_not_there() -> None:
    rules = book(
        override("volts.over", 'place = "b1"', steps(301)),
        override("volts.over", 'place = "b9"', steps(301)),
        override("volts.over", 'feeder = "f9"', steps(301)),
        override("volts.over", 'device = "d9"', steps(301)),
    )
    assert rules.strangers(ESTATE) == ["place b9", "feeder f9", "device d9"]


@pytest.mark.parametrize(
    ("pattern", "rule", "expected"),
    [
        ("volts.over", "volts.over", True),
        ("volts.over", "volts.overs", False),
        ("volts.*", "volts.over", True),
        ("volts.*", "voltsover", False),
        ("*", "volts.over", True),
    ],
)
def test_patterns(pattern: str, rule: str, expected: bool) -> None:
    assert matches(pattern, rule) is expected
