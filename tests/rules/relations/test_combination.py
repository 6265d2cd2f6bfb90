"""Several signs in one home that together mean more than each alone."""

from typing import Any

import pytest
from pydantic import ValidationError

from community.estate import Estate
from community.severity import Category
from rules.relations import CombinationRule
from tests.rules.relations.makers import (
    ALARM,
    CRITICAL,
    NORMAL,
    STREET,
    WARNING,
    at,
    brief,
    combination,
    plain,
    relations,
    says,
)

SMOKE = plain("smoke.alarm", Category.LIFE)
CO = plain("co.dose", Category.LIFE)
HEAT = plain("heat.rise", Category.LIFE, mode="probe")
ARC = plain("arc.leaky", Category.DETERIORATION)
PARTS = {
    "smoke": {"rules": ["smoke.*"]},
    "co": {"rules": ["co.dose"], "at_least": "alarm"},
    "heat": {"rules": ["heat.rise"]},
}
FIRE = combination(parts=PARTS, condition="smoke and (co or heat)")
PLAIN = (SMOKE, CO, HEAT, ARC)


def test_smoke_and_co_in_one_home_are_a_confirmed_fire() -> None:
    r = relations(*PLAIN, FIRE)
    assert brief(r.take(says("s1a", "smoke.alarm", 0, CRITICAL))) == [("s1a", "smoke.alarm", "critical")]
    assert len(r.take(says("s2b", "co.dose", 20, ALARM))) == 1, "another home"
    assert len(r.take(says("s1b", "co.dose", 30, WARNING))) == 1, "not yet at the severity asked for"
    sign, fire = r.take(says("s1b", "co.dose", 60, ALARM, previous=WARNING))
    assert (sign.rule, fire.rule, fire.device, fire.household) == ("co.dose", "fire.confirmed", "s1b", "h1")
    assert (fire.severity, fire.previous, fire.ts, fire.since) == (CRITICAL, NORMAL, at(60), at(0))
    assert (fire.category, fire.rule_version, fire.community) == (Category.LIFE, FIRE.version, "village")
    assert fire.evidence["parts"] == [
        {"part": "smoke", "rule": "smoke.alarm", "device": "s1a", "since": at(-1), "value": 7.0},
        {"part": "co", "rule": "co.dose", "device": "s1b", "since": at(59), "value": 7.0},
    ]
    assert fire.evidence["standard"] == "GB 50116"


def test_it_ends_when_the_condition_does_and_names_the_same_device() -> None:
    r = relations(*PLAIN, FIRE)
    r.take(says("s1a", "smoke.alarm", 0, CRITICAL))
    r.take(says("s1b", "co.dose", 60, ALARM))
    sign, end = r.take(says("s1a", "smoke.alarm", 90, NORMAL, previous=CRITICAL))
    assert (sign.device, sign.severity) == ("s1a", NORMAL)
    assert (end.device, end.rule, end.severity, end.previous, end.ts) == ("s1b", FIRE.id, NORMAL, CRITICAL, at(90))
    assert end.evidence["proof"] == "condition no longer met"
    assert r.open == {}


def test_a_probe_counts_and_is_not_told() -> None:
    r = relations(*PLAIN, FIRE)
    assert r.take(says("s1b", "heat.rise", 0, WARNING)) == []
    assert brief(r.take(says("s1a", "smoke.alarm", 5))) == [
        ("s1a", "smoke.alarm", "warning"),
        ("s1a", FIRE.id, "critical"),
    ]


def test_smoke_and_an_electrical_anomaly_within_a_quarter_of_an_hour() -> None:
    parts = {"smoke": {"rules": ["smoke.alarm"]}, "anomaly": {"rules": ["arc.*"]}}
    rule = combination("fire.electrical", parts=parts, condition="smoke and anomaly", within=900)
    for first, second in (("smoke.alarm", "arc.leaky"), ("arc.leaky", "smoke.alarm")):
        for gap, expected in ((899, 2), (900, 1)):
            r = relations(*PLAIN, rule)
            r.take(says("p1", first, 0))
            r.take(says("p1", first, 10, NORMAL))
            assert len(r.take(says("s1a", second, 10 + gap))) == expected


def test_what_is_over_ceases_to_count_when_its_time_has_run_out() -> None:
    parts = {"smoke": {"rules": ["smoke.alarm"]}, "anomaly": {"rules": ["arc.*"]}}
    r = relations(*PLAIN, combination(parts=parts, condition="smoke and anomaly", within=900))
    r.take(says("p1", "arc.leaky", 0))
    r.take(says("p1", "arc.leaky", 10, NORMAL))
    r.take(says("s1a", "smoke.alarm", 20))
    assert r.next_deadline == at(910)
    assert r.tick(at(909.999)) == []
    (end,) = r.tick(at(911))
    assert (end.severity, end.ts, end.received_at) == (NORMAL, at(910), at(911))
    assert r.next_deadline is None


def test_two_detectors_in_three_minutes() -> None:
    rule = combination(parts={"smoke": {"rules": ["smoke.*"]}}, condition="smoke", within=180, distinct_devices=2)
    r = relations(*PLAIN, rule)
    assert len(r.take(says("s1a", "smoke.alarm", 0))) == 1
    assert len(r.take(says("s1a", "smoke.alarm", 30, NORMAL))) == 1
    assert len(r.take(says("s1a", "smoke.alarm", 60))) == 1, "one detector twice"
    assert len(r.take(says("s1a", "smoke.alarm", 70, NORMAL))) == 1
    raised = r.take(says("s1b", "smoke.alarm", 249))
    assert brief(raised)[1:] == [("s1b", rule.id, "critical")]


def test_event_times_may_go_backwards_from_device_to_device() -> None:
    rule = combination(parts={"smoke": {"rules": ["smoke.*"]}}, condition="smoke", within=180, distinct_devices=2)
    r = relations(SMOKE, rule)
    r.take(says("s1a", "smoke.alarm", 100))
    r.take(says("s1a", "smoke.alarm", 110, NORMAL))
    _, fire = r.take(says("s1b", "smoke.alarm", 60, received=200))
    assert (fire.device, fire.ts, fire.since) == ("s1a", at(100), at(60))


def test_a_late_proof_counts_for_as_long_as_one_that_is_over() -> None:
    rule = combination(parts={"smoke": {"rules": ["smoke.*"]}}, condition="smoke", within=180, distinct_devices=2)
    r = relations(SMOKE, rule)
    r.take(says("s1b", "smoke.alarm", 100))
    found = r.take(says("s1a", "smoke.alarm", 60, CRITICAL, late=True))
    found += r.take(says("s1a", "smoke.alarm", 60, NORMAL, previous=CRITICAL, late=True))
    assert brief(found) == [
        ("s1a", "smoke.alarm", "critical"), ("s1b", rule.id, "critical"), ("s1a", "smoke.alarm", "normal"),
    ]  # fmt: skip
    assert brief(r.tick(at(240))) == [("s1b", rule.id, "normal")]


def test_not() -> None:
    parts = {"smoke": {"rules": ["smoke.*"]}, "arc": {"rules": ["arc.*"]}}
    r = relations(*PLAIN, combination("fire.plain", parts=parts, condition="smoke and not arc", within=60))
    r.take(says("p1", "arc.leaky", 0))
    assert len(r.take(says("s1a", "smoke.alarm", 10))) == 1
    r.take(says("p1", "arc.leaky", 20, NORMAL))
    (raised,) = r.tick(at(80))
    assert (raised.severity, raised.ts) == (CRITICAL, at(80))


@pytest.mark.parametrize(("scope", "found"), [("device", 1), ("household", 1), ("building", 2)])
def test_scopes(scope: str, found: int) -> None:
    r = relations(*PLAIN, combination(scope=scope, parts=PARTS, condition="smoke and heat and co or heat and smoke"))
    r.take(says("s1a", "smoke.alarm", 0))
    assert len(r.take(says("s2a", "heat.rise", 1)) + r.take(says("s3a", "smoke.alarm", 2))) == found


def test_a_house_that_stands_in_no_building_is_one() -> None:
    r = relations(*PLAIN, combination(scope="building", parts=PARTS, condition="smoke and heat and not co"))
    r.take(says("pf", "smoke.alarm", 0))
    assert r.take(says("s1a", "heat.rise", 1)) == []
    assert brief(r.take(says("pf", "heat.rise", 2))) == [("pf", "fire.confirmed", "critical")]


def test_devices_to_which_it_does_not_apply_do_not_count() -> None:
    r = relations(*PLAIN, combination(parts=PARTS, condition="smoke and heat and not co", applies={"kinds": ["smoke"]}))
    r.take(says("s1a", "smoke.alarm", 0))
    assert r.take(says("p1", "heat.rise", 1)) == []
    assert len(r.take(says("s1b", "heat.rise", 2))) == 1


def test_a_rehearsed_combination_marks_its_findings() -> None:
    r = relations(*PLAIN, combination(parts=PARTS, condition="smoke and (co or heat)", mode="shadow"))
    r.take(says("s1a", "smoke.alarm", 0))
    (raised,) = r.take(says("s1a", "heat.rise", 1))
    (_, ended) = r.take(says("s1a", "smoke.alarm", 2, NORMAL))
    assert (raised.shadow, ended.shadow) == (True, True)


def test_levels_are_those_that_people_were_told() -> None:
    r = relations(*PLAIN, FIRE)
    r.take(says("s1a", "smoke.alarm", 0))
    r.take(says("s1a", "heat.rise", 1))
    plain_levels = {("s1a", "smoke.alarm"): WARNING, ("s1a", "heat.rise"): WARNING}
    assert r.told(plain_levels) == {("s1a", "smoke.alarm"): WARNING, ("s1a", FIRE.id): CRITICAL}


def test_another_rulebook_keeps_what_holds_and_ends_what_does_not() -> None:
    r = relations(*PLAIN, FIRE)
    r.take(says("s1a", "smoke.alarm", 0))
    r.take(says("s1b", "heat.rise", 1))
    book = r.book
    assert r.change(book._rulebook, STREET, STREET.device, at(5)) == []
    milder = FIRE.model_copy(update={"severity": ALARM})
    (eased,) = r.change(relations(*PLAIN, milder).book._rulebook, STREET, STREET.device, at(6))
    assert (eased.device, eased.severity, eased.previous) == ("s1b", ALARM, CRITICAL)
    needs_co = combination(parts={n: PARTS[n] for n in ("smoke", "co")}, condition="smoke and co")
    (ended,) = r.change(relations(*PLAIN, needs_co).book._rulebook, STREET, STREET.device, at(7))
    assert (ended.severity, ended.previous, ended.ts) == (NORMAL, ALARM, at(7))
    (begun,) = r.change(relations(*PLAIN, FIRE).book._rulebook, STREET, STREET.device, at(8))
    assert (begun.severity, begun.ts) == (CRITICAL, at(8))
    (removed,) = r.change(relations(*PLAIN).book._rulebook, STREET, STREET.device, at(9))
    assert removed.evidence["proof"] == "rule removed"
    assert r.told({}) == {}


def test_a_device_that_moved_out_takes_its_signs_with_it() -> None:
    r = relations(*PLAIN, FIRE)
    r.take(says("s1a", "smoke.alarm", 0))
    r.take(says("s1b", "heat.rise", 1))
    moved = tuple(d.model_copy(update={"household": "h2"}) if d.id == "s1b" else d for d in STREET.device)
    estate = Estate(place=STREET.place, household=STREET.household, device=moved)
    (ended,) = r.change(r.book._rulebook, estate, estate.device, at(5))
    assert (ended.device, ended.household, ended.severity) == ("s1b", "h1", NORMAL)
    (begun,) = [f for f in r.take(says("s2a", "smoke.alarm", 6)) if f.rule == FIRE.id]
    assert begun.household == "h2"


def test_a_fire_is_named_anew_when_its_device_moves_away_from_the_others() -> None:
    rule = combination(scope="building", parts={"smoke": {"rules": ["smoke.*"]}}, condition="smoke")
    r = relations(SMOKE, rule)
    r.take(says("s1a", "smoke.alarm", 0))
    r.take(says("s2a", "smoke.alarm", 1))
    moved = tuple(d.model_copy(update={"household": "farm"}) if d.id == "s1a" else d for d in STREET.device)
    estate = Estate(place=STREET.place, household=STREET.household, device=moved)
    told = r.change(r.book._rulebook, estate, estate.device, at(5))
    assert [(f.device, f.household, f.severity) for f in told] == [
        ("s1a", "h1", NORMAL), ("s2a", "h2", CRITICAL), ("s1a", "farm", CRITICAL),
    ]  # fmt: skip


def test_a_rule_whose_mode_changes_is_told_or_no_longer() -> None:
    r = relations(*PLAIN, FIRE)
    assert r.take(says("s1a", "heat.rise", 0, ALARM)) == []
    shadowed = plain("heat.rise", Category.LIFE, mode="shadow")
    live = plain("heat.rise", Category.LIFE)

    def now(rule: object, seconds: float) -> list[tuple[str, bool, str]]:
        told = r.change(relations(SMOKE, CO, rule, ARC, FIRE).book._rulebook, STREET, STREET.device, at(seconds))  # type: ignore[arg-type] # a rule
        return [(f.rule, f.shadow, f.severity.word) for f in told]

    assert now(shadowed, 1) == [("heat.rise", True, "alarm")]
    assert now(live, 2) == [("heat.rise", True, "normal"), ("heat.rise", False, "alarm")]
    assert now(HEAT, 3) == [("heat.rise", False, "normal")]
    assert now(HEAT, 4) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"condition": "smoke and fire"}, "no part is named fire"),
        ({"condition": "smoke"}, "parts.co: the condition does not use it"),
        ({"condition": "not smoke and not co and not heat"}, "true although no part is"),
        ({"scope": "device", "distinct_devices": 2}, "only one"),
        ({"mode": "probe"}, "live or shadow"),
        ({"parts": {"smoke": {"rules": ["Smoke*"]}}}, "pattern"),
        ({"parts": {}}, "at least 1"),
    ],
)
def test_a_wrong_definition_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        combination(**{"parts": PARTS, "condition": "smoke and (co or heat)", **changed})


def test_a_definition_can_be_written_and_read_and_its_version_follows_it() -> None:
    again = CombinationRule.model_validate(FIRE.model_dump())
    assert (again, again.version) == (FIRE, FIRE.version)
    assert combination(parts=PARTS, condition="smoke and co and heat").version != FIRE.version
