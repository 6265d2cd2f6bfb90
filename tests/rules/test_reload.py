"""Going on with another rulebook: what measures as before keeps its state, everything that changes is told."""

from hypothesis import given, settings
from hypothesis import strategies as st

from community.frame import Reading, Tick
from community.severity import Severity
from rules.engine import Engine
from rules.rulebook import Rulebook, load_rulebook
from tests.rules.makers import PARTITION, device, estate, reading, run, tick, told
from tests.rules.test_twin import BOOK, evaluate, records, streams

TEXTS = """
title = { zh = "试", en = "Trial" }
standard = "none"
guidance.staff = { zh = "看", en = "look" }
"""


def residual(
    rule_id: str = "trial.residual", *, limit: float = 15, clear: float = 12, steps: int = 1, hold: int = 60
) -> str:
    ladder = ", ".join(
        f'{{ severity = "warning", limit = {limit + k}, hold = {hold}, clear = {clear} }}' for k in range(steps)
    )
    return f"""[[rule]]
id = "{rule_id}"
category = "deterioration"
kind = "threshold"
signals = ["residual_current"]
steps = [{ladder}]
{TEXTS}"""


THERMAL = f"""[[rule]]
id = "trial.thermal"
category = "deterioration"
kind = "thermal"
signals = ["current"]
k = 1.3
time_constants = [{{ tau = 200 }}]
steps = [{{ severity = "warning", limit = 0.75, clear = 0.6 }}]
{TEXTS}"""

SILENCE = f"""[[rule]]
id = "trial.silence"
category = "supervisory"
kind = "silence"
steps = [{{ severity = "warning", mains = {{ factor = 2 }} }}]
{TEXTS}"""


def book(*rules: str) -> Rulebook:
    return load_rulebook("\n".join(rules), "trial.toml")


def made(*rules: str) -> Engine:
    return Engine(book(*rules), estate(device()), PARTITION)


def test_a_hold_that_is_pending_goes_on_over_a_reload_of_other_rules() -> None:
    e = made(residual(), THERMAL)
    run(e, [reading(0, residual_current=16)])
    assert e.change_rules(book(SILENCE, residual())) == []
    assert told(run(e, [reading(60, residual_current=16)])) == [("trial.residual", "normal", "warning")]


def test_a_thermal_image_stays_warm_under_another_limit() -> None:
    e, lower = made(THERMAL), book(THERMAL.replace("0.75", "0.70"))
    run(e, [reading(t, current=35.5) for t in range(0, 600, 10)])
    assert e.change_rules(lower) == []
    fresh = Engine(lower, estate(device()), PARTITION)
    assert told(run(e, [reading(600, current=35.5)])) == [("trial.thermal", "normal", "warning")]
    assert run(fresh, [reading(600, current=35.5)]) == []


def test_another_limit_judges_from_the_next_reading_on() -> None:
    e = made(residual(hold=0))
    run(e, [reading(0, residual_current=16)])
    assert e.change_rules(book(residual(hold=0, limit=30, clear=25))) == []
    assert e.levels() == {("d", "trial.residual"): Severity.WARNING}
    assert told(run(e, [reading(1, residual_current=16)])) == [("trial.residual", "warning", "normal")]


def test_a_rule_that_is_gone_ends_what_it_held() -> None:
    e = made(residual(hold=0), THERMAL)
    run(e, [reading(0, residual_current=16)])
    (found,) = e.change_rules(book(THERMAL))
    assert (found.rule, found.previous, found.severity) == ("trial.residual", Severity.WARNING, Severity.NORMAL)
    assert found.evidence["proof"] == "rule removed"
    assert e.levels() == {}


def test_a_ladder_with_more_steps_begins_anew_and_says_so() -> None:
    e = made(residual(hold=0))
    run(e, [reading(0, residual_current=16)])
    (found,) = e.change_rules(book(residual(hold=0, steps=2)))
    assert (found.severity, found.evidence["proof"]) == (Severity.NORMAL, "rule changed")
    assert told(run(e, [reading(1, residual_current=16)])) == [("trial.residual", "normal", "warning")]


def test_silence_that_stands_goes_on() -> None:
    e = made(SILENCE)
    run(e, [reading(0, voltage=230)])
    assert told(run(e, [tick(0), tick(200)])) == [("trial.silence", "normal", "warning")]
    assert e.change_rules(book(residual(), SILENCE)) == []
    assert run(e, [tick(300)]) == []
    assert told(run(e, [reading(301, voltage=230)])) == [("trial.silence", "warning", "normal")]


def test_severity_alone_may_change() -> None:
    e = made(residual(hold=0))
    run(e, [reading(0, residual_current=16)])
    (found,) = e.change_rules(book(residual(hold=0).replace('"warning"', '"alarm"')))
    assert (found.previous, found.severity, found.evidence["proof"]) == (
        Severity.WARNING, Severity.ALARM, "rule changed",
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(streams(), st.integers(0, 60))
def test_the_same_rulebook_once_more_changes_nothing(items: list[Reading | Tick], at: int) -> None:
    packed = records(items, set())
    plain, one = evaluate(packed)
    reloaded, other = evaluate(packed, reload_at=at, reload=Rulebook(BOOK.rules))
    assert reloaded == plain
    assert other.snapshot() == one.snapshot()
