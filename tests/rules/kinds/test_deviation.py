"""Deviation by examples: a value is judged before it is learnt from; a flat line makes nothing extreme."""

from math import exp, isnan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.kinds.deviation import KIND, DeviationRule
from tests.rules.kinds.harness import measures, reading, rule_of, series

SIGNAL = "active_power"


def rule(**given: object) -> DeviationRule:
    made: DeviationRule = rule_of(DeviationRule, 6.0, 4.0, **({"signals": [SIGNAL], "warm_up": 4} | given))
    return made


def test_plain_mean_and_variance_while_it_warms_up() -> None:
    found = measures(KIND, rule(floor=0.001), series(SIGNAL, [10, 20, 30, 40, 60], every=60))
    assert all(map(isnan, found[:4]))
    assert found[4] == pytest.approx((60 - 25) / sqrt(125), rel=1e-6)


@given(jump=st.floats(1, 1e5))
def test_a_value_does_not_judge_itself(jump: float) -> None:
    found = measures(KIND, rule(floor=2), series(SIGNAL, [100.0] * 10 + [100 + jump], every=60))
    assert found[-1] == pytest.approx(jump / 2)


@pytest.mark.parametrize(("side", "z"), [("both", 5), ("above", -5), ("below", 5)])
def test_sides(side: str, z: float) -> None:
    assert measures(KIND, rule(side=side), series(SIGNAL, [100] * 4 + [95], every=60))[-1] == z


def test_weights_fall_with_time() -> None:
    found = measures(KIND, rule(time_constant=100, warm_up=2), series(SIGNAL, [0, 0, 10, 10], every=60))
    share = 1 - exp(-0.6)
    mean, deviation = 10 * share, sqrt((1 - share) * share * 100)
    assert found[3] == pytest.approx((10 - mean) / deviation, rel=1e-6)


def test_a_long_silence_teaches_no_more_than_a_gap() -> None:
    normal = series(SIGNAL, [100.0, 102.0] * 4, every=60)
    found = [
        measures(KIND, rule(floor=0.1), [*normal, reading(after, **{SIGNAL: 100}), reading(10**6, **{SIGNAL: 200})])[-1]
        for after in (420 + 180, 420 + 90_000)
    ]
    assert found[0] == found[1] > 50
