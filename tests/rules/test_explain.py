"""Explanations are made from the stored evidence alone, and say where the rule stands today."""

from typing import Any

import msgspec
import pytest

from community.alert import Alert
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.finding import Finding
from community.severity import Category, Severity
from rules.evidence import Proof
from rules.explain import explain, rule_of, written
from rules.explain_words import DECIDING, MEASURES, NAMES, PHRASES, SENTENCES, WORDS
from rules.kinds.registry import KINDS
from rules.reading import MODELS
from rules.relations.telling import Why
from rules.rulebook import load_rulebook

T0 = 1_795_000_000_000
TEXT = """
[[rule]]
id = "voltage.over"
title = { zh = "过电压", en = "Over-voltage" }
category = "deterioration"
kind = "threshold"
standard = "EN 50160"
clause = "+10 %"
guidance.staff = { zh = "报修。", en = "Report it." }
guidance.resident = { zh = "拔下电器。", en = "Unplug appliances." }
signals = ["voltage"]
steps = [{ severity = "warning", limit = "1.10 * device.nominal_voltage", hold = 60, clear = "1.08 * device.nominal_voltage" }]
"""  # noqa: E501  # one line of TOML
BOOK = load_rulebook(TEXT, "rules.toml")
(RULE,) = BOOK.rules
EVIDENCE = {
    "proof": "reading",
    "since": T0,
    "standard": "EN 50160",
    "clause": "+10 %",
    "signal": "voltage_l2",
    "step": 1,
    "value": 262.1,
    "threshold": 253.0,
    "clear": 248.4,
    "hold_s": 60.0,
    "clear_hold_s": 0.0,
    "first_value": 254.0,
    "peak": 263.0,
    "gap_s": 10.0,
    "limit": "1.10 * device.nominal_voltage",
}


def finding(evidence: dict[str, Any] = EVIDENCE, **given: Any) -> Finding:
    usual: dict[str, Any] = {
        "rule": "voltage.over",
        "rule_version": RULE.version,
        "category": Category.DETERIORATION,
        "device": "d1",
        "household": "h1",
        "community": "village",
        "severity": Severity.WARNING,
        "previous": Severity.NORMAL,
        "ts": T0 + 61_000,
        "since": T0,
        "received_at": T0 + 61_200,
        "value": 262.1,
        "threshold": 253.0,
        "unit": "V",
    }
    return Finding(**{**usual, **given}, evidence=evidence)


def alert(**given: Any) -> Alert:
    f = finding()
    usual: dict[str, Any] = {
        "id": "d1:voltage.over:1",
        "incident": "i1",
        "highest": Severity.WARNING,
        "acknowledged": False,
        "latched": False,
        "raised_at": f.ts,
        "evidence": {"since": f.since, "received_at": f.received_at, **f.evidence},
    }
    shared = {name: getattr(f, name) for name in Alert.__struct_fields__ if hasattr(f, name)}
    return Alert(**{**shared, **usual, **given})


def test_a_finding_in_english() -> None:
    told = explain(finding(), RULE)
    assert told.text.splitlines() == [
        f"Rule voltage.over (Over-voltage), version {RULE.version}.",
        "Judged warning at 2026-11-18 11:07:41 UTC.",
        "voltage_l2 was 262.1 V, the limit is 253 V (1.10 * device.nominal_voltage): beyond it by 9.1 V (3.6 %).",
        "It had been so for 61 s, since 2026-11-18 11:06:40 UTC; 60 s is needed.",
        "In this time the first value was 254 V, the worst 263 V.",
        "The longest gap between readings was 10 s.",
        "It clears beyond 248.4 V.",
        "Source: EN 50160, +10 %.",
        "Duty room: Report it.",
        "Residents: Unplug appliances.",
    ]
    assert told.in_force is True
    assert told.beyond == pytest.approx(9.1)
    assert told.beyond_percent == pytest.approx(3.597, abs=1e-3)
    assert (told.held_s, told.hold_s) == (61.0, 60.0)
    assert told.also == {}
    assert msgspec.json.decode(msgspec.json.encode(told))["limit"] == "1.10 * device.nominal_voltage"


def test_a_finding_in_chinese_and_local_time() -> None:
    lines = explain(finding(), RULE, "zh", zone="Asia/Shanghai").sentences
    assert lines[0] == f"规则 voltage.over（过电压），版本 {RULE.version}。"
    assert lines[1] == "2026-11-18 19:07:41 CST 判定为预警。"
    assert lines[2].startswith("voltage_l2 为 262.1 V，限值 253 V（1.10 * device.nominal_voltage）：超出 9.1 V")
    assert lines[-2:] == ("值班人员：报修。", "住户：拔下电器。")


def test_an_alert_tells_the_same() -> None:
    told = explain(alert(), RULE)
    assert told.also == {}
    assert told.sentences == explain(finding(), RULE).sentences


def test_a_worse_turn_is_told_as_of_its_own_time() -> None:
    later = {**EVIDENCE, "since": T0 + 100_000, "received_at": T0 + 200_000}
    told = explain(alert(evidence=later, severity=Severity.ALARM), RULE)
    assert (told.at, told.since, told.held_s) == (T0 + 200_000, T0 + 100_000, 100.0)


def test_another_version_and_no_rule_at_all() -> None:
    (other,) = load_rulebook(TEXT.replace("1.10", "1.11"), "rules.toml").rules
    told = explain(finding(), other)
    assert told.in_force is False
    assert (
        told.sentences[1]
        == f"The version in force now is {other.version}; what follows is from the evidence kept then."
    )
    gone = explain(finding(), None)
    assert gone.in_force is False
    assert gone.sentences[0].startswith(f"Rule voltage.over, version {RULE.version}, is no longer in the rulebook")
    assert gone.sentences[2:5] == told.sentences[3:6]
    assert "Source: EN 50160, +10 %." in gone.sentences
    assert gone.guidance == {}


def test_below_a_limit_the_sign_turns() -> None:
    under = {**EVIDENCE, "value": 180.0, "threshold": 207.0, "clear": 211.0, "limit": ""}
    told = explain(finding(under, value=180.0, threshold=207.0), None)
    assert told.beyond == 27.0
    assert "the limit is 207 V: beyond it by 27 V (13 %)." in told.text


def test_the_way_back_is_on_the_safe_side() -> None:
    told = explain(finding(value=240.0, severity=Severity.NORMAL), RULE)
    assert told.beyond == -13.0
    assert "on the safe side of it by 13 V (5.14 %)" in told.text
    assert "Back to normal at" in told.text
    assert "It clears" not in told.text


def test_a_near_trip_is_beyond_though_smaller() -> None:
    near = {**EVIDENCE, "threshold": 1.0, "value": 0.6, "clear": 0.9, "signal": "current"}
    told = explain(finding(near, value=80.0, threshold=120.0, unit="s"), RULE)
    assert told.beyond == 40.0
    assert "current was 80 s, the limit is 120 s" in told.text


def test_silence_flags_and_lateness() -> None:
    silent = {"proof": "silence", "since": T0, "silent_s": 7_200.0, "allowed_s": 180.0}
    told = explain(finding(silent, value=None, threshold=None), RULE)
    assert "The device had been silent for 2 h, 3 min is allowed." in told.sentences
    flag = {"proof": "last will", "since": T0 + 61_000, "signal": "smoke_alarm", "active": True}
    told = explain(finding(flag, value=None, threshold=None, late=True, shadow=True), RULE)
    assert "The device itself reported smoke_alarm." in told.sentences
    assert "The reading came late: newer ones were there already." in told.sentences
    assert "Proven by: the device's last will." in told.sentences
    assert "A rehearsal: recorded, and nobody was told." in told.sentences
    assert told.held_s is None


def test_what_a_kind_found_besides() -> None:
    more = {**EVIDENCE, "median": 0.25, "seems_away": False, "absent": None, "members": [{"device": "d1", "since": T0}]}
    told = explain(finding(more), RULE)
    assert set(told.also) == {"median", "seems_away", "members"}
    assert (
        "Also found: median: 0.25; seems away: false; members: (device: d1; since: 2026-11-18 11:06:40 UTC)."
        in told.sentences
    )


def test_a_kind_of_rule_tells_what_it_made_of_the_signal() -> None:
    text = TEXT.replace("1.10 * device.nominal_voltage", "8").replace("1.08 * device.nominal_voltage", "7")
    (rise,) = load_rulebook(text.replace('"threshold"', '"rise"'), "rules.toml").rules
    evidence = {**EVIDENCE, "value": 8.0, "threshold": 8.0, "clear": 7.0, "limit": ""}
    told = explain(finding(evidence, value=8.0, threshold=8.0, unit="V/min"), rise)
    assert "The rise of voltage_l2 was 8 V/min, and the limit is 8 V/min: just reached." in told.sentences
    # Where the time to the trip decided, the others keep the unit of the measure.
    thermal = rise.model_copy(update={"kind": "thermal"})
    told = explain(finding(evidence, value=88.0, threshold=120.0, unit="s"), thermal)
    assert "The time to trip by voltage_l2 was 88 s, the limit is 120 s: beyond it by 32 s (26.7 %)." in told.sentences
    assert "It clears beyond 7." in told.sentences


def test_every_kind_and_every_proof_has_words() -> None:
    assert set(MODELS) - {"flag", "silence"} == set(MEASURES)
    assert set(DECIDING) == {name for name, kind in KINDS.items() if kind.deciding is not None}
    assert {*(p.value for p in Proof), *(w.value for w in Why), "combination", "group"} <= set(WORDS)


def test_the_rule_is_the_one_that_holds_for_the_device() -> None:
    estate = Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h1", place="village"),),
        device=(Device(id="d1", household="h1", kind=DeviceKind.METER),),
    )
    override = '[[override]]\nrule = "*"\ndevice = "d1"\nmode = "shadow"\n'
    book = load_rulebook(TEXT + override, "rules.toml")
    held = rule_of(finding(), book, estate)
    assert held is not None
    assert held.mode == "shadow"
    assert rule_of(finding(device="feeder:f1"), book, estate) == RULE
    assert rule_of(finding(rule="no.such"), book, estate) is None


def test_every_text_has_both_languages_and_the_same_blanks() -> None:
    for table in (SENTENCES, PHRASES, WORDS, NAMES, MEASURES, DECIDING):
        for key, (zh, en) in table.items():
            assert zh, key
            blanks = [{part.split("}")[0] for part in text.split("{")[1:]} for text in (zh, en)]
            assert blanks[0] == blanks[1], key


@pytest.mark.parametrize(
    ("value", "text"),
    [(253.0, "253"), (1234567.0, "1,234,600"), (0.012345678, "0.012346"), (-3.5, "-3.5"), (-0.0, "0")],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert written(value) == text
