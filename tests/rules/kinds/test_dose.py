"""Carbon monoxide by the bands of EN 50291-1 and UL 2034."""

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from community.frame import Reading
from rules.kinds.dose import KIND, DoseRule
from rules.kinds.kernel import Duty
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, streams
from tests.rules.kinds.small import CALM, DAY, MINUTE, T0, a_duty, a_rule, at, every, play

EN = a_rule(DoseRule, 0.5, 1.0)
UL = a_rule(DoseRule, 1.0, profile="UL 2034")
ONE = a_rule(DoseRule, 1.0, bands=[{"ppm": 40, "minutes": 60}], half_life=1)

EN_BANDS = [(30, 120, inf), (50, 60, 90), (100, 10, 40), (300, 0, 3)]
UL_BANDS = [(30, 30 * 24 * 60, inf), (70, 60, 240), (150, 10, 50), (400, 4, 15)]


def minutes_to_alarm(rule: DoseRule, ppm: float, step: float, minutes: float, duty: Duty | None = None) -> float:
    """Of a concentration that is there with the first reading."""
    readings = every(step, [ppm] * (int(minutes * 60 / step) + 1), "co")
    due = np.flatnonzero(play(KIND, rule, duty or a_duty(step), readings).x[0] >= 1.0)
    return float(due[0]) * step / 60 if len(due) else inf


@CALM
@given(
    streams({"co": [0.0, 10.0, 20.0, 29.9, 30.0, 55.5, 100.0, 300.0, 2000.0]}, [0, 1, 60, 60, 600, 3600]),
    cuttings(),
)
@pytest.mark.parametrize("rule", [EN, UL, ONE], ids=["EN", "UL", "one band"])
def test_kernel_and_twin_agree(rule: DoseRule, readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, rule, DUTIES | {"b": a_duty(60, mains=False)}, readings, where)


@pytest.mark.parametrize("step", [1, 7, 30, 60])
@pytest.mark.parametrize(
    ("rule", "ppm", "earliest", "latest"),
    [(EN, *band) for band in EN_BANDS] + [(UL, *band) for band in UL_BANDS if band[0] > 30],
)
def test_the_standard_s_bands_by_both_edges(
    rule: DoseRule, ppm: float, earliest: float, latest: float, step: float
) -> None:
    due = minutes_to_alarm(rule, ppm, step, minutes=250)
    # What the air reached just after a reading is seen a report later.
    assert earliest <= due
    assert due + step / 60 <= latest


def test_thirty_days_at_30_ppm_are_no_alarm_by_ul_2034() -> None:
    assert minutes_to_alarm(UL, 30, 3600, 31 * 24 * 60, a_duty(3600, mains=False)) == inf


@given(st.floats(30, 3000), st.floats(1.001, 3))
def test_more_is_never_slower(ppm: float, factor: float) -> None:
    less, more = KIND.twin(EN, a_duty(), 0), KIND.twin(EN, a_duty(), 0)
    for k in range(6):
        slow, fast = less.measure(T0 + k * 10_000, {"co": ppm}), more.measure(T0 + k * 10_000, {"co": ppm * factor})
        assert slow is not None
        assert fast is not None
        assert slow <= fast


def test_the_measure_is_exactly_one_when_the_alarm_is_due() -> None:
    x = play(KIND, EN, a_duty(), every(60, [50] * 76, "co")).x[0]
    assert x[74] == pytest.approx(74 / 75)
    assert 1.0 <= x[75] < 1.0 + 1e-8


def test_parts_of_different_concentrations_add_up() -> None:
    half_and_half = [50] * 31 + [100] * 20  # 30 of 75 min, and then of 25 min: 15
    x = play(KIND, EN, a_duty(), every(60, half_and_half, "co")).x[0]
    assert x[30] == pytest.approx(0.4)
    assert x[30 + 15] == pytest.approx(1.0, abs=0.03)  # the minute between counts as their mean


def test_clean_air_halves_the_dose_and_air_in_between_holds_it() -> None:
    held = play(KIND, EN, a_duty(), every(60, [50] * 46 + [20] * 300, "co")).x[0]
    assert held[45] == pytest.approx(0.6)
    assert held[-1] == pytest.approx(held[46])
    x = play(KIND, EN, a_duty(), every(60, [50] * 46 + [0] * 272, "co")).x[0]
    assert x[47 + 270] == pytest.approx(x[47] / 2, rel=0.01)  # 4.5 h
    assert play(KIND, EN, a_duty(), every(60, [50] * 46 + [0] * 2000, "co")).x[0, -1] == 0.0


def test_after_a_gap_the_dose_goes_on_where_it_was() -> None:
    readings = [*every(60, [50] * 46, "co"), at(T0 + DAY, {"co": 50.0}), at(T0 + DAY + MINUTE, {"co": 50.0})]
    x = play(KIND, EN, a_duty(), readings).x[0]
    assert x[46] == x[45]
    assert x[47] == pytest.approx(46 / 75)


def test_of_a_long_interval_the_smaller_end_counts() -> None:
    """A battery device that reports hourly: nobody knows when it rose."""
    duty = a_duty(3600, mains=False)
    assert list(play(KIND, EN, duty, every(3600, [0, 300], "co")).x[0]) == [0, 0]
    assert play(KIND, EN, duty, every(3600, [50, 300], "co")).x[0, 1] == pytest.approx(60 / 75)


def test_a_great_dose_can_still_clear_within_a_day() -> None:
    x = play(KIND, EN, a_duty(), every(60, [1000] * 60 + [0] * 1440, "co")).x[0]
    assert x.max() == 3.0
    assert x[-1] < 0.1


def test_evidence() -> None:
    played = play(KIND, EN, a_duty(), every(60, [0] * 3 + [50] * 60, "co"))
    assert KIND.evidence(EN, tuple(played.extra[0, -1])) == {
        "co": 50.0,
        "dose": pytest.approx(59.5 / 75),
        "minutes_above_30_ppm": pytest.approx(60),
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bands": [{"ppm": 50, "minutes": 60}, {"ppm": 40, "minutes": 30}]}, "ppm must rise"),
        ({"bands": [{"ppm": 50, "minutes": 60}, {"ppm": 60, "minutes": 60}]}, "minutes fall"),
        ({"clean": 31}, "not clean at the first band"),
        ({"half_life": 0}, "greater than 0"),
    ],
)
def test_impossible_bands_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        a_rule(DoseRule, 1.0, **parameters)


def test_limits_are_fractions() -> None:
    with pytest.raises(ValidationError, match="fractions"):
        a_rule(DoseRule, 30)
