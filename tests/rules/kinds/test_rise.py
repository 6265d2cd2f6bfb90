"""Rate of rise by examples: ramps are exact, one wild sample is ignored, a load that was switched on explains."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.kinds.rise import KIND, RiseRule
from tests.rules.kinds.harness import T0, measures, reading, rule_of, series

SIGNAL = "terminal_temperature"
RULE = rule_of(RiseRule, 5.0, 3.0, signals=[SIGNAL])


def ramp(per_minute: float, n: int, every: float = 60, start: float = 0) -> list[float]:
    return [20 + per_minute * (start + k * every) / 60 for k in range(n)]


@pytest.mark.parametrize("per_minute", [-2.0, 0.0, 6.0])
@pytest.mark.parametrize("every", [24, 60, 170])
def test_slope_of_a_ramp_is_exact(per_minute: float, every: float) -> None:
    found = measures(KIND, RULE, series(SIGNAL, ramp(per_minute, 9, every), every=every))
    assert [isnan(x) for x in found] == [True] * 5 + [False] * 4
    assert found[5:] == pytest.approx([per_minute] * 4, abs=1e-4)


@given(at=st.integers(0, 11), wild=st.floats(-60, 500))
def test_one_wild_sample_is_ignored(at: int, wild: float) -> None:
    values = [20.0 + 0.5 * k for k in range(12)]
    values[at] = wild
    assert measures(KIND, RULE, series(SIGNAL, values, every=60))[5:] == pytest.approx([0.5] * 7, abs=1e-4)


def test_two_thirds_of_the_pairs_decide() -> None:
    values = [20.0] * 6 + [40.0, 60.0]
    assert measures(KIND, RULE, series(SIGNAL, values, every=60))[5:] == pytest.approx([0, 0, 20 / 3], abs=1e-3)


def test_readings_closer_than_a_fifth_of_the_window_say_nothing() -> None:
    found = measures(KIND, RULE, series(SIGNAL, ramp(6, 121, 2), every=2))
    spoken = [k for k, x in enumerate(found) if not isnan(x)]
    assert spoken == [60, 72, 84, 96, 108, 120]
    assert [found[k] for k in spoken] == pytest.approx([6] * 6, abs=1e-4)


def test_a_gap_begins_anew() -> None:
    after = [reading(400 + 180.001 + 60 * k, **{SIGNAL: 99.0}) for k in range(6)]
    found = measures(KIND, RULE, [*series(SIGNAL, [20.0] * 6, every=80), *after])
    assert found[5] == 0
    assert all(map(isnan, found[6:11]))
    assert found[11] == 0


def test_only_above() -> None:
    rule = rule_of(RiseRule, 5.0, 3.0, signals=[SIGNAL], only_above=46)
    found = measures(KIND, rule, series(SIGNAL, ramp(6, 8), every=60))
    assert found[5:] == pytest.approx([6, 6, 6], abs=1e-4)
    rule = rule_of(RiseRule, 5.0, 3.0, signals=[SIGNAL], only_above=56)
    assert measures(KIND, rule, series(SIGNAL, ramp(6, 8), every=60))[5:] == pytest.approx([0, 0, 6], abs=1e-4)


def test_a_step_of_the_load_explains_a_rise_for_its_hold() -> None:
    inhibit = {"signals": ["current"], "by": "0.2 * device.rated_current", "hold": 180}
    rule = rule_of(RiseRule, 5.0, 3.0, signals=[SIGNAL], inhibit=inhibit)
    loads = [10.0] * 6 + [16.5] * 5
    rows = [
        reading(60 * k, current=load, **{SIGNAL: value})
        for k, (load, value) in enumerate(zip(loads, ramp(6, 11), strict=True))
    ]
    expected = [nan] * 5 + [6] + [nan] * 3 + [6, 6]
    assert measures(KIND, rule, rows) == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_the_first_load_is_no_step() -> None:
    inhibit = {"signals": ["current"], "by": 5, "hold": 600}
    rule = rule_of(RiseRule, 5.0, 3.0, signals=[SIGNAL], inhibit=inhibit)
    rows = [reading(60 * k, current=30.0, **{SIGNAL: v}) for k, v in enumerate(ramp(6, 6))]
    assert measures(KIND, rule, rows)[5] == pytest.approx(6, abs=1e-4)


@pytest.mark.parametrize("before", range(0, 540, 30))
def test_slopes_do_not_mind_that_kept_times_wrap(before: int) -> None:
    wrap = (-T0 % 2**32) / 1000  # s after T0 at which the low 32 bits of the time are zero
    found = measures(KIND, RULE, series(SIGNAL, ramp(6, 16), every=60, start=wrap - before))
    assert found[5:] == pytest.approx([6] * 11, abs=1e-4)
