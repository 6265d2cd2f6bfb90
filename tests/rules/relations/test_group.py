"""One thing that many devices report at once is told once."""

from typing import Any

import pytest
from pydantic import ValidationError

from community.estate import Estate
from community.finding import Finding
from community.severity import Category, Severity
from rules.relations import absorbed_life, dangling
from tests.rules.relations.makers import (
    ALARM,
    NORMAL,
    STREET,
    WARNING,
    at,
    brief,
    combination,
    group,
    plain,
    relations,
    says,
    street,
)

SILENT = plain("device.silent", applies={"kinds": ["electrical_protector"]})
UNDER = plain("voltage.under", Category.DETERIORATION, applies={"kinds": ["electrical_protector"]})
SHOCK = plain("residual.shock", Category.LIFE)
OUTAGE = group(rules=["device.silent"], absorbs=["device.*"], wait=90, share=0.3)
SAG = group("supply.sag", over="feeder", rules=["voltage.under"], absorbs=["voltage.under"], wait=60, within=60)


def silent(n: int, seconds: float, severity: Severity = WARNING) -> Finding:
    return says(f"p{n}", "device.silent", seconds, severity)


def test_mass_silence_of_forty_devices_is_one_alert() -> None:
    r = relations(SILENT, OUTAGE)
    told = [f for n in range(40) for f in r.take(silent(n, n))]
    (outage,) = told
    assert (outage.device, outage.household, outage.community) == ("building:b1", "", "village")
    assert (outage.severity, outage.previous, outage.ts, outage.since) == (ALARM, NORMAL, at(11), at(0))
    assert (outage.value, outage.threshold) == (12.0, 12.0), "a share of 0.3 of 40"
    evidence = outage.evidence
    assert evidence["members"] == [f"p{n}" for n in range(12)]
    assert (evidence["count"], evidence["of"], evidence["share"]) == (12, 40, 0.3)
    assert (evidence["first"], evidence["last"]) == (at(0), at(11))
    assert r.tick(at(600)) == [], "their wait is over, but the outage stands for them"
    told = [f for n in range(40) for f in r.take(silent(n, 700 + n, NORMAL))]
    (end,) = [f for f in told if f.rule == OUTAGE.id]
    assert (end.severity, end.device, end.ts) == (NORMAL, "building:b1", at(734))
    assert r.tick(at(2_000)) == []
    assert r.withheld == 40


WIDE = group("supply.dark", over="community", rules=["device.silent"], absorbs=["supply.*", "device.*"], least=20,
             wait=30)  # fmt: skip


def test_a_wider_group_stands_for_the_narrower() -> None:
    r = relations(SILENT, OUTAGE, WIDE)
    (dark,) = [f for n in range(40) for f in r.take(silent(n, n))] + r.tick(at(600))
    assert (dark.device, dark.rule) == ("community:village", WIDE.id)
    assert set(r.open) == {(OUTAGE.id, "building:b1"), (WIDE.id, "community:village")}
    assert set(r.told({})) == {("community:village", WIDE.id)}
    (end,) = [f for n in range(40) for f in r.take(silent(n, 700 + n / 2, NORMAL))] + r.tick(at(2_000))
    assert (end.device, end.severity) == ("community:village", NORMAL)


def test_a_narrower_group_that_outlives_the_wider_is_told_then() -> None:
    r = relations(SILENT, group(rules=["device.silent"], absorbs=["device.*"], least=5), WIDE)
    for n in range(40):
        r.take(silent(n, n))
    r.tick(at(600))
    told = [f for n in range(31) for f in r.take(silent(n, 700 + n, NORMAL))]
    told += r.tick(at(770))
    assert brief(told) == [("community:village", WIDE.id, "normal"), ("building:b1", "supply.outage", "alarm")]
    assert told[1].evidence["group"] == "community:village"


def test_a_narrower_group_waits_and_is_told_where_no_wider_one_comes() -> None:
    r = relations(SILENT, OUTAGE, WIDE)
    assert [f for n in range(15) for f in r.take(silent(n, n))] == []
    (outage,) = r.tick(at(60))
    assert (outage.rule, outage.device, outage.ts) == (OUTAGE.id, "building:b1", at(11))
    dark, taken = [f for n in range(15, 40) for f in r.take(silent(n, 60 + n))]
    assert (dark.rule, taken.rule, taken.taken_into) == (WIDE.id, OUTAGE.id, "community:village")


def test_no_two_groups_stand_for_each_other() -> None:
    one = group("supply.one", rules=["device.silent"], absorbs=["supply.*", "device.*"])
    other = group("supply.two", rules=["device.silent"], absorbs=["supply.*", "device.*"])
    r = relations(SILENT, one, other)
    told = [f for n in range(6) for f in r.take(silent(n, n))]
    assert sorted(f.rule for f in told if f.severity is ALARM) == ["supply.one", "supply.two"]


def test_those_that_are_left_when_the_group_s_has_ended_are_told_then_and_returned_later() -> None:
    r = relations(SILENT, OUTAGE)
    for n in range(40):
        r.take(silent(n, n))
    told = [f for n in range(40) if n not in (7, 9) for f in r.take(silent(n, 700 + n, NORMAL))]
    (end,) = told
    assert brief(told) == [("building:b1", OUTAGE.id, "normal")]
    left = r.tick(end.received_at + 90_000)
    assert brief(left) == [("p7", "device.silent", "warning"), ("p9", "device.silent", "warning")]
    assert all((f.previous, f.evidence["group"], f.ts) == (NORMAL, "building:b1", end.ts) for f in left)
    assert brief(r.take(silent(9, 900, NORMAL))) == [("p9", "device.silent", "normal")]


def test_one_device_alone_is_told_after_its_wait() -> None:
    r = relations(SILENT, OUTAGE)
    finding = silent(3, 0)
    assert r.take(finding) == []
    assert r.told({("p3", "device.silent"): WARNING}) == {}
    assert r.next_deadline == finding.received_at + 90_000
    assert r.tick(finding.received_at + 89_999) == []
    assert r.tick(finding.received_at + 90_000) == [finding]
    assert r.told({("p3", "device.silent"): WARNING}) == {("p3", "device.silent"): WARNING}
    assert brief(r.take(silent(3, 300, NORMAL))) == [("p3", "device.silent", "normal")]


def test_a_withheld_raise_that_got_worse_is_told_once_at_its_latest() -> None:
    r = relations(SILENT, OUTAGE)
    r.take(silent(3, 0))
    assert r.take(says("p3", "device.silent", 30, ALARM, previous=WARNING)) == []
    (told,) = r.tick(at(120))
    assert (told.severity, told.previous, told.ts) == (ALARM, NORMAL, at(30))


def test_what_is_over_before_its_wait_is_never_told() -> None:
    r = relations(SILENT, OUTAGE)
    assert r.take(silent(3, 0)) + r.take(silent(3, 20, NORMAL)) + r.tick(at(500)) == []
    assert r.withheld == 1


def test_nothing_waits_where_no_group_is_large_enough() -> None:
    r = relations(SILENT, OUTAGE)
    assert brief(r.take(says("pf", "device.silent", 0))) == [("pf", "device.silent", "warning")]
    small = street(4)
    r = relations(SILENT, OUTAGE, estate=small)
    assert brief(r.take(says("p1", "device.silent", 0, estate=small))) == [("p1", "device.silent", "warning")]


def test_members_that_were_told_before_are_taken_into_the_group() -> None:
    r = relations(SILENT, group(rules=["device.silent"], absorbs=["device.silent"]))
    told = [f for n in range(4) for f in r.take(silent(n, 10 * n))]
    assert brief(told) == [(f"p{n}", "device.silent", "warning") for n in range(4)]
    outage, *taken = r.take(silent(4, 40))
    assert outage.device == "building:b1"
    assert brief(taken) == [(f"p{n}", "device.silent", "normal") for n in range(4)]
    assert {f.taken_into for f in taken} == {"building:b1"}
    assert {f.evidence["reason"] for f in taken} == {"taken into building:b1"}
    assert all((f.previous, f.ts) == (WARNING, at(40)) for f in taken)
    assert r.take(silent(2, 50, NORMAL)) == []


def test_those_bad_long_before_neither_count_nor_are_taken() -> None:
    r = relations(SILENT, group(rules=["device.silent"], absorbs=["device.silent"]))
    told = [f for n in range(4) for f in r.take(silent(n, 0))]
    told += [f for n in range(4, 8) for f in r.take(silent(n, 1_000))]
    assert {f.rule for f in told} == {"device.silent"}
    outage, *taken = r.take(silent(8, 1_010))
    assert outage.value == 5
    assert [f.device for f in taken] == ["p4", "p5", "p6", "p7"]
    told = [f for n in range(4, 7) for f in r.take(silent(n, 1_200, NORMAL))]
    assert brief(told)[0] == ("building:b1", "supply.outage", "normal"), "the old ones do not keep it up"


def test_a_sag_of_one_feeder_is_one_alert_and_not_forty() -> None:
    r = relations(UNDER, SAG)
    # Every home reports at its own second of the minute; some have already recovered when others report.
    told = [f for n in range(40) for f in r.take(says(f"p{n}", "voltage.under", 1.4 * n))]
    told += [f for n in range(40) for f in r.take(says(f"p{n}", "voltage.under", 60 + 1.4 * n, NORMAL))]
    told += r.tick(at(300))
    assert brief(told) == [("feeder:f1", "supply.sag", "alarm"), ("feeder:f1", "supply.sag", "normal")]


def test_a_short_dip_that_some_had_left_when_others_told_of_it() -> None:
    r = relations(UNDER, SAG)
    told = []
    for n in range(5):
        told += r.take(says(f"p{n}", "voltage.under", 5 * n))
        told += r.take(says(f"p{n}", "voltage.under", 5 * n + 1, NORMAL))
    assert brief(told) == [("feeder:f1", "supply.sag", "alarm")]
    assert r.tick(at(69)) == []
    assert brief(r.tick(at(80))) == [("feeder:f1", "supply.sag", "normal")]


NEUTRAL = group(
    "neutral.broken", over="phase", category="life", severity="critical", rules=["voltage.over"], least=2,
    within=10, against={"rules": ["voltage.under"], "least": 2},
)  # fmt: skip
OVER = plain("voltage.over", Category.DETERIORATION, mode="probe")
UNDER_PROBE = plain("voltage.under", Category.DETERIORATION, mode="probe")


def test_a_broken_neutral_over_twelve_homes() -> None:
    estate = street(12)
    rule = NEUTRAL.model_copy(update={"over": "building", "least": 3})
    r = relations(OVER, UNDER_PROBE, rule, estate=estate)
    told = []
    for n in range(12):
        move = "voltage.over" if n % 2 else "voltage.under"
        told += r.take(says(f"p{n}", move, 0.5 * n, ALARM, estate=estate))
    (broken,) = told
    assert (broken.device, broken.rule, broken.category) == ("building:b1", "neutral.broken", Category.LIFE)
    assert broken.evidence["members"] == ["p1", "p3", "p5"]
    assert broken.evidence["against"] == ["p0", "p2", "p4"]
    assert r.take(says("p1", "voltage.over", 60, NORMAL, estate=estate)) == []


def test_all_homes_low_is_no_broken_neutral() -> None:
    r = relations(OVER, UNDER_PROBE, NEUTRAL.model_copy(update={"over": "building"}))
    assert [f for n in range(40) for f in r.take(says(f"p{n}", "voltage.under", n / 10))] == []
    assert r.take(says("p0", "voltage.over", 20)) == []


def test_one_phase_is_one_group() -> None:
    r = relations(OVER, UNDER_PROBE, NEUTRAL)
    for n, move in ((0, "over"), (1, "over"), (3, "under"), (4, "under")):
        assert r.take(says(f"p{n}", f"voltage.{move}", n)) == []
    assert r.take(says("p6", "voltage.under", 6)) == []
    assert brief(r.take(says("p9", "voltage.over", 7))) == [("phase:f1/l1", "neutral.broken", "critical")]


def test_life_is_never_absorbed() -> None:
    r = relations(SHOCK, SILENT, group(rules=["device.silent"], absorbs=["residual.*", "device.*"], wait=60))
    for n in range(6):
        r.take(silent(n, n))
    assert brief(r.take(says("p1", "residual.shock", 8))) == [("p1", "residual.shock", "warning")]
    assert brief(r.take(says("p1", "residual.shock", 9, NORMAL))) == [("p1", "residual.shock", "normal")]


def test_a_late_proof_never_waits_but_is_absorbed_with_its_return() -> None:
    r = relations(SILENT, UNDER, SAG)
    late = [says("p1", "voltage.under", 5, late=True), says("p1", "voltage.under", 5, NORMAL, late=True)]
    assert [f for x in late for f in r.take(x)] == late
    for n in range(2, 6):
        r.take(says(f"p{n}", "voltage.under", 6))
    assert list(r.told({})) == [("feeder:f1", "supply.sag")]
    late = [says("p9", "voltage.under", 7, late=True), says("p9", "voltage.under", 7, NORMAL, late=True)]
    assert [f for x in late for f in r.take(x)] == []


def test_a_rehearsed_group_absorbs_nothing() -> None:
    r = relations(SILENT, OUTAGE.model_copy(update={"mode": "shadow"}))
    told = [f for n in range(40) for f in r.take(silent(n, n))]
    assert len([f for f in told if f.rule == "device.silent"]) == 40
    assert [f.shadow for f in told if f.rule == OUTAGE.id] == [True]
    assert ("building:b1", OUTAGE.id) not in r.told({})


def test_a_device_where_the_rule_does_not_hold_is_no_member() -> None:
    modes: dict[str, dict[str, str | None]] = {f"p{n}": {"device.silent": None} for n in range(35)}
    r = relations(SILENT, group(rules=["device.silent"], least=2, share=1.0), modes=modes)
    assert len(r.book.members(r.book.relations["supply.outage"], "building:b1")) == 5


def test_another_rulebook_without_the_group_tells_what_it_stood_for() -> None:
    r = relations(SILENT, OUTAGE)
    for n in range(20):
        r.take(silent(n, n))
    r.tick(at(200))
    book = relations(SILENT).book._rulebook
    told = r.change(book, STREET, STREET.device, at(300))
    assert brief(told)[0] == ("building:b1", OUTAGE.id, "normal")
    assert sorted(brief(told)[1:]) == sorted((f"p{n}", "device.silent", "warning") for n in range(20))
    assert brief(r.take(silent(4, 400, NORMAL))) == [("p4", "device.silent", "normal")]


def test_another_estate_with_fewer_devices_ends_the_group() -> None:
    r = relations(SILENT, OUTAGE)
    for n in range(12):
        r.take(silent(n, n))
    away = {f"p{n}" for n in range(8)}
    moved = tuple(d.model_copy(update={"household": "farm"}) if d.id in away else d for d in STREET.device)
    estate = Estate(place=STREET.place, household=STREET.household, device=moved)
    told = r.change(r.book._rulebook, estate, estate.device, at(300))
    assert brief(told)[0] == ("building:b1", OUTAGE.id, "normal")
    assert {f.device for f in told[1:] + r.tick(at(390))} == {f"p{n}" for n in range(12)}


def test_a_device_of_several_rules_began_with_the_last_of_them() -> None:
    r = relations(SILENT, UNDER, group(rules=["device.silent", "voltage.under"], least=3))
    for n in range(3):
        assert len(r.take(says(f"p{n}", "voltage.under", 1_000 * n))) == 1
    for n in range(2):
        assert len(r.take(silent(n, 9_000 + n))) == 1
    assert brief(r.take(silent(2, 9_002)))[1:] == [("building:b1", "supply.outage", "alarm")]


def test_a_group_that_goes_into_rehearsal_is_over_for_people_and_lets_its_members_go() -> None:
    r = relations(SILENT, OUTAGE)
    for n in range(12):
        r.take(silent(n, n))
    r.tick(at(200))
    rehearsed = OUTAGE.model_copy(update={"mode": "shadow"})
    told = r.change(relations(SILENT, rehearsed).book._rulebook, STREET, STREET.device, at(300))
    assert [(f.severity, f.shadow) for f in told if f.rule == OUTAGE.id] == [(NORMAL, False), (ALARM, True)]
    assert len(told) == 2 + 12, "a rehearsal withholds nothing"


def test_nothing_ends_before_it_began() -> None:
    r = relations(SILENT, OUTAGE)
    for n in range(12):
        r.take(silent(n, n))
    (end, *_) = r.change(relations(SILENT).book._rulebook, STREET, STREET.device, 0)
    assert (end.severity, end.ts) == (NORMAL, at(11))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"wait": 60}, "nothing waits"), ({"least": 1}, "greater than or equal to 2"), ({"share": 1.1}, "less than"),
     ({"over": "street"}, "over"), ({"mode": "probe"}, "live or shadow")],
)  # fmt: skip
def test_a_wrong_definition_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        group(**{"rules": ["device.silent"], **changed})


def test_dangling_patterns_and_absorbed_life_are_found() -> None:
    rule = group("supply.outage", rules=["device.silent", "supply.*"], absorbs=["device.*", "residual.*"],
                 against={"rules": ["volts"]})  # fmt: skip
    ids = ["device.silent", "residual.shock", "supply.outage"]
    assert dangling(rule, ids[:2], ids[2:]) == ["supply.*", "volts"]
    assert absorbed_life(rule, [SILENT, SHOCK]) == ["residual.shock"]
    fire = combination(parts={"smoke": {"rules": ["smoke.*"]}}, condition="smoke")
    assert (dangling(fire, ids), absorbed_life(fire, [SHOCK])) == (["smoke.*"], [])
