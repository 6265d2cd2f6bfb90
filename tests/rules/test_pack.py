"""The standard pack at its limits: just below nothing, at the limit it fires."""

from pathlib import Path

import pytest

from community.estate import DeviceKind, Ratings
from community.quantities import EVENTS
from community.severity import Category
from rules.docs import rules_page
from rules.kinds.definition import NEVER_RAISE, Text
from rules.kinds.flag import FlagRule
from rules.kinds.registry import KINDS
from rules.relations import CombinationRule, GroupRule, dangling
from rules.rulebook import Rule, standard_rulebook
from tests.rules.makers import device, engine, reading, run, series, tick, told

FLAGS = ("lives_alone", "needs_help", "activity_consent", "may_wander")

STEPS = [  # rule, signal, value at the limit, just short of it, hold, severity
    ("residual.early", "residual_current", 15, 14.99, 60, "warning"),
    ("residual.shock", "residual_current", 24, 23.99, 10, "alarm"),
    ("residual.shock", "residual_current", 30, 29.99, 0, "critical"),
    ("residual.fire", "residual_current", 200, 199.9, 60, "warning"),
    ("residual.fire", "residual_current", 300, 299.9, 30, "alarm"),
    ("residual.fire", "residual_current", 500, 499.9, 30, "critical"),
    ("terminal.temperature", "terminal_temperature", 60, 59.9, 300, "warning"),
    ("terminal.temperature", "terminal_temperature_n", 70, 69.9, 60, "alarm"),
    ("terminal.temperature", "terminal_temperature", 85, 84.9, 30, "critical"),
    ("terminal.temperature", "terminal_temperature", 100, 99.9, 0, "critical"),
    ("voltage.over", "voltage", 253, 252.9, 60, "warning"),
    ("voltage.over", "voltage_l3", 264.5, 264.4, 10, "alarm"),
    ("voltage.over", "voltage", 276, 275.9, 1, "critical"),
    ("voltage.over", "voltage", 287.5, 287.4, 0, "critical"),
    ("voltage.under", "voltage", 207, 207.1, 60, "warning"),
    ("voltage.under", "voltage", 195.5, 195.6, 30, "alarm"),
    ("voltage.under", "voltage_l1", 172.5, 172.6, 5, "critical"),
    ("smoke.obscuration", "smoke_obscuration", 0.15, 0.149, 60, "warning"),
    ("smoke.obscuration", "smoke_obscuration", 0.3, 0.299, 30, "alarm"),
    ("smoke.obscuration", "smoke_obscuration", 0.73, 0.729, 15, "critical"),
    ("smoke.obscuration", "smoke_obscuration", 2, 1.99, 5, "critical"),
]


def severities(rule: str, signal: str, value: float, hold: float) -> list[str]:
    """What the rule says of a value that stays for just so long, read once at each end and in between."""
    times = sorted({0.0, *(t for t in (60.0, 120.0, 180.0, 240.0) if t < hold), hold})
    found = run(engine(), [reading(t, **{signal: value}) for t in times])
    return [f.severity.word for f in found if f.rule == rule]


@pytest.mark.parametrize(("rule", "signal", "at", "short", "hold", "severity"), STEPS)
def test_steps_fire_at_their_limit_and_hold(
    rule: str, signal: str, at: float, short: float, hold: float, severity: str
) -> None:
    assert severities(rule, signal, at, hold)[-1:] == [severity]
    if hold:
        assert severity not in severities(rule, signal, at, hold - 0.001)
    if (rule, severity) != ("terminal.temperature", "critical") or hold:
        assert severity not in severities(rule, signal, short, hold)


def test_shock_is_judged_up_to_100_ma_and_fire_always() -> None:
    assert told(run(engine(device(ratings={"rated_residual": 100})), [reading(0, residual_current=100)])) == [
        ("residual.shock", "normal", "critical")
    ]
    assert run(engine(device(ratings={"rated_residual": 300})), [reading(0, residual_current=400)]) == []


def test_no_supply_and_an_open_breaker_are_not_under_voltage() -> None:
    assert told(run(engine(), series("voltage", [22.9] * 10, every=10))) == [("voltage.lost", "normal", "warning")]
    assert run(engine(), [reading(t, voltage=v, breaker_closed=0) for t in (0, 60) for v in (150, 0)]) == []
    low = [reading(t, voltage=150, breaker_closed=1) for t in (0, 60)]
    found = run(engine(), [*low, reading(61, voltage=0)])
    assert told(found) == [("voltage.under", "normal", "critical"), ("voltage.under", "critical", "normal")]
    assert found[1].evidence["proof"] == "no supply or breaker open"


def test_kitchen_steam_passes() -> None:
    steam = [(0, 0.0), (1, 0.6), (5, 1.4), (9, 1.0), (14, 0.4), (25, 0.2), (40, 0.1)]
    e = engine(device("d", kind="smoke"))
    assert run(e, [x for t, v in steam for x in (reading(t, smoke_obscuration=v), tick(t + 0.5))]) == []


@pytest.mark.parametrize("event", sorted(set(EVENTS) - NEVER_RAISE))
def test_every_event_that_may_raise_has_its_rule(event: str) -> None:
    found = run(engine(), [reading(0, **{event: 1}), reading(1, **{event: 1}), reading(2, **{event: 0})])
    assert [bool(f.severity) for f in found] == [True, False]


def test_category_life_is_what_threatens_life() -> None:
    life = {r.event for r in standard_rulebook().rules if isinstance(r, FlagRule) and r.category is Category.LIFE}
    assert life == {
        "fire_alarm", "smoke_alarm", "heat_alarm", "co_alarm", "gas_alarm", "arc_alarm", "residual_alarm",
        "manual_call",
    }  # fmt: skip


@pytest.mark.parametrize("rule", standard_rulebook().rules, ids=lambda r: r.id)
def test_every_rule_says_what_to_do_and_where_it_comes_from(rule: Rule) -> None:
    assert rule.standard
    assert all(any("\u4e00" <= c <= "\u9fff" for c in text.zh) for text in texts(rule))
    assert all(any(c.isascii() and c.isalpha() for c in text.en) for text in texts(rule))
    assert rule.guidance.staff is not None
    if rule.mode == "live" and rule.category is not Category.SUPERVISORY:
        assert rule.guidance.resident is not None
    if rule.mode == "live" and rule.category is Category.LIFE:
        assert rule.guidance.responder is not None


def texts(rule: Rule) -> list[Text]:
    """The rule's title and what it tells each role."""
    guidance = rule.guidance
    return [rule.title, *(t for t in (guidance.resident, guidance.staff, guidance.responder) if t is not None)]


CATEGORIES = {  # by the beginnings of ids, the first that fits; as the design's categories are meant
    "residual.early": Category.DETERIORATION,
    "residual.standing": Category.DETERIORATION,
    "residual.drift": Category.DETERIORATION,
    "residual.": Category.LIFE,
    "arc.loose": Category.DETERIORATION,
    "arc.": Category.LIFE,
    "neutral.impedance": Category.DETERIORATION,
    "neutral.high": Category.DETERIORATION,
    "neutral.low": Category.DETERIORATION,
    "neutral.": Category.LIFE,
    "smoke.dirty": Category.SUPERVISORY,
    "smoke.": Category.LIFE,
    "heat.": Category.LIFE,
    "fire.": Category.LIFE,
    "manual.": Category.LIFE,
    "co.": Category.LIFE,
    "gas.": Category.LIFE,
    "water.electrical": Category.LIFE,
    "voltage.over": Category.DETERIORATION,
    "voltage.under": Category.DETERIORATION,
    "voltage.lost": Category.DETERIORATION,
    "voltage.": Category.SUPERVISORY,
    "supply.outage": Category.SUPERVISORY,
    "welfare.": Category.WELFARE,
    "device.": Category.SUPERVISORY,
    "": Category.DETERIORATION,
}


def test_every_category_is_the_one_that_people_expect() -> None:
    for rule in standard_rulebook().rules:
        assert rule.category is next(c for begin, c in CATEGORIES.items() if rule.id.startswith(begin)), rule.id


def test_what_only_records_is_no_danger_and_what_others_look_at_is_used() -> None:
    rules = standard_rulebook().rules
    assert {r.id for r in rules if r.mode == "shadow"} == {
        "residual.standing", "voltage.quality", "voltage.unbalance", "voltage.harmonics", "voltage.frequency",
    }  # fmt: skip
    relations = [r for r in rules if isinstance(r, CombinationRule | GroupRule)]
    for probe in (r.id for r in rules if r.mode == "probe"):
        assert any(dangling(r, [r.id]) != dangling(r, [r.id, probe]) for r in relations), probe


def test_people_are_watched_only_where_they_agreed() -> None:
    flags = {r.id: set(r.applies.flags) for r in standard_rulebook().rules if r.applies.flags}
    assert flags == {
        "welfare.inactivity": {"lives_alone", "activity_consent"},
        "welfare.habit": {"lives_alone", "activity_consent"},
        "welfare.door": {"may_wander"},
    }


EVERYTHING = (
    "voltage", "current", "active_power", "reactive_power", "apparent_power", "power_factor", "frequency", "energy",
    "voltage_thd", "current_thd", "residual_current", "neutral_current", "terminal_temperature",
    "ambient_temperature", "device_temperature", "arc_count", "breaker_closed", "signal",
)  # fmt: skip


def test_a_protector_that_sends_everything_needs_512_bytes_at_most() -> None:
    words = 9  # the header
    for rule in standard_rulebook().rules:
        if rule.kind in KINDS and rule.applies.to(DeviceKind.ELECTRICAL_PROTECTOR, Ratings(), frozenset(FLAGS)):
            kind = KINDS[rule.kind]
            words += sum(inputs[0] in EVERYTHING for inputs in kind.inputs(rule)) * kind.words(rule)
    assert words * 8 <= 512


def test_the_page_is_the_pack() -> None:
    page = Path(__file__).parents[2] / "docs" / "rules.md"
    assert page.read_text(encoding="utf-8") == rules_page(standard_rulebook())
