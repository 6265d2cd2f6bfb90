"""Thresholds: both sides, what is excused, and the reading as evidence."""

from math import inf

from rules.kinds.threshold import KIND, ThresholdRule
from tests.rules.kinds.harness import DUTIES, Bench, Run, check_kind, measures, reading, rule_of

UNLESS_OPEN = {"signal": "breaker_closed", "equals": 0}


def low_voltage(**given: object) -> ThresholdRule:
    rule: ThresholdRule = rule_of(ThresholdRule, 198.0, 202.0, signals=["voltage"], side="below", **given)
    return rule


def run(rule: ThresholdRule, **values: float) -> Run:
    return Bench(KIND, rule).run([reading(0, **values)], active=True)


def test_below_is_above_with_the_sign_turned() -> None:
    assert measures(KIND, low_voltage(), [reading(0, voltage=190), reading(1, voltage=230)]) == [-190, -230]


def test_an_excuse_needs_no_limit_of_plausibility() -> None:
    rule = low_voltage(unless=UNLESS_OPEN)
    readings = [
        reading(0, voltage=0, breaker_closed=0),
        reading(1, voltage=190, breaker_closed=1),
        reading(2, voltage=190),
    ]
    assert measures(KIND, rule, readings) == [-inf, -190, -190]


def test_the_excusing_signal_may_be_the_first_of_the_frame() -> None:
    rule = rule_of(ThresholdRule, 30.0, signals=["current"], unless={"signal": "voltage", "equals": 0})
    assert measures(KIND, rule, [reading(0, voltage=0, current=40)]) == [-inf]


def test_what_is_implausible_is_excused_without_any_other_signal() -> None:
    rule = low_voltage(beyond=23)
    # The frame's last column reads as the number that an absent excuse is compared with.
    assert measures(KIND, rule, [reading(0, voltage=190, smoke_alarm=0), reading(1, voltage=22, smoke_alarm=0)]) == [
        -190,
        -inf,
    ]


def test_nobody_can_excuse_what_was_not_measured() -> None:
    rule = low_voltage(unless=UNLESS_OPEN)
    run_of_two = check_kind(KIND, rule, DUTIES, [reading(0, voltage=190), reading(1, breaker_closed=0)])
    assert str(run_of_two.x[0, 1]) == "nan"


def test_evidence_is_the_reading_itself() -> None:
    rule = low_voltage(unless=UNLESS_OPEN)
    excused = run(rule, voltage=190.0, breaker_closed=0)
    assert excused.x[0, 0] == -inf
    assert KIND.evidence(rule, tuple(excused.extra[0, 0])) == {"reading": 190.0}
