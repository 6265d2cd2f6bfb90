"""A slow median against the device's own baseline."""

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.frame import Reading
from rules.kinds.codes import rounded
from rules.kinds.drift import KIND, DriftRule
from tests.rules.kinds.harness import DUTIES, Run, check_kind, cuttings, streams
from tests.rules.kinds.small import CALM, DAY, HOUR, T0, a_duty, a_rule, at, every, play

RISE = a_rule(DriftRule, 5, signals=["residual_current"], reaches="device.rated_residual")
RATIO = a_rule(
    DriftRule, 0.5, signals=["residual_current", "residual_current_l2"], relative=True, floor=4, least_days=1
)


def hourly(rule: DriftRule, values: list[float], duty_s: float = 3600) -> Run:
    return play(KIND, rule, a_duty(duty_s), every(3600, values, "residual_current"))


@CALM
@given(
    streams(
        {"residual_current": [0.0, 1.0, 3.3, 6.0, 30.0, -2.0], "residual_current_l2": [5.0, 9.1]},
        [0, 3600, 7200, 7200, 7200, 14_400, 86_400, 3 * 86_400, 9 * 86_400],
        most=150,
    ),
    cuttings(),
)
@pytest.mark.parametrize("rule", [RISE, RATIO], ids=["rise", "ratio"])
def test_kernel_and_twin_agree(rule: DriftRule, readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, rule, DUTIES, readings, where)


@settings(CALM, max_examples=10)
@given(st.lists(st.tuples(st.integers(1, 3), st.floats(0, 60)), min_size=100, max_size=160), cuttings())
def test_kernel_and_twin_agree_over_weeks(steps: list[tuple[int, float]], where: list[int]) -> None:
    ts, readings = T0, []
    for hours, value in steps:
        ts += hours * HOUR
        readings.append(at(ts, {"residual_current": value}))
    played = check_kind(KIND, RISE, {"a": a_duty(3600)}, readings, where)
    assert not np.isnan(played.x[0, -1])


def test_nothing_is_said_before_there_is_a_baseline() -> None:
    x = hourly(RISE, [10.0] * 24 * 5).x[0]
    assert np.isnan(x[: 3 * 24]).all()
    assert (x[3 * 24 :] == 0).all()


def test_a_step_is_seen_when_half_a_day_has_passed_with_it() -> None:
    """24 h median rises by more than 5 mA over the 7-day baseline."""
    x = hourly(RISE, [10.0] * 24 * 8 + [16.0] * 24 * 8).x[0][24 * 8 :]
    assert (x[:12] == 0).all()
    assert (x[16:72] == 6).all()
    assert x[-1] == 0  # after a week it is the baseline


def test_one_wild_hour_or_a_shower_each_evening_moves_nothing() -> None:
    values = [10.0 if h % 24 not in (19, 20) else 25.0 for h in range(24 * 8)]
    values[-3] = 10_000.0
    x = hourly(RISE, values).x[0]
    assert np.nanmax(np.abs(x)) == 0


def test_a_creeping_leak_and_the_days_left() -> None:
    played = hourly(RISE, [10 + 1.5 * h / 24 for h in range(24 * 10)])
    slow, baseline, per_day, days = played.extra[0, -1]
    assert slow == pytest.approx(10 + 1.5 * 9.5, rel=0.01)
    assert baseline == pytest.approx(10 + 1.5 * 5.5, rel=0.01)
    assert per_day == pytest.approx(1.5, rel=0.05)
    assert days == (30 - slow) / per_day
    assert played.x[0, -1] == np.float32(slow - baseline)
    assert KIND.evidence(RISE, (slow, baseline, per_day, days))["days_until_limit"] == days


def test_ratio_of_a_small_baseline_is_that_of_the_floor() -> None:
    assert hourly(RATIO, [1.0] * 48 + [2.0] * 24).x[0, -1] == 0.25
    assert hourly(RATIO, [8.0] * 48 + [13.0] * 24).x[0, -1] == np.float32(0.625)


def test_half_a_day_of_readings_makes_a_day_and_less_makes_none() -> None:
    """Twelve hours are six means."""
    short = [at(T0 + d * DAY + h * HOUR, {"residual_current": 7.0}) for d in range(6) for h in range(11)]
    assert not np.isnan(play(KIND, RISE, a_duty(), short).x).all()
    shorter = [r for r in short if (r.ts - T0) % DAY < 10 * HOUR]
    assert np.isnan(play(KIND, RISE, a_duty(), shorter).x).all()


def test_extras_of_no_slope_or_no_limit() -> None:
    flat = hourly(a_rule(DriftRule, 0, signals=["residual_current"]), [10.0] * 24 * 5)
    assert list(flat.extra[0, -1]) == [10.0, 10.0, 0.0, inf]
    assert "days_until_limit" not in KIND.evidence(RATIO, tuple(flat.extra[0, -1]))
    assert KIND.evidence(RISE, tuple(flat.extra[0, -1]))["days_until_limit"] is None


def test_what_is_kept_is_rounded_by_less_than_half_a_percent() -> None:
    played = hourly(a_rule(DriftRule, 0, signals=["residual_current"]), [10.03] * 24 * 5)
    assert played.extra[0, -1, 0] == rounded(10.03) == pytest.approx(10.03, rel=0.004)
    assert not isnan(played.x[0, -1])
