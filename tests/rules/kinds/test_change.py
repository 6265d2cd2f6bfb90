"""A household's power against its own hours of the week."""

from math import asinh, sinh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.frame import Reading
from rules.kinds.change import HOURS, KIND, ChangeRule
from tests.rules.kinds.harness import DUTIES, Run, check_kind, cuttings, streams
from tests.rules.kinds.small import CALM, DAY, HOUR, T0, WEEK, a_duty, a_rule, at, every, play

RULE = a_rule(ChangeRule, 8)
QUICK = a_rule(ChangeRule, 8, learning=1, memory=2)


def habit(hour: int) -> float:
    """W: a quiet night, meals, an evening; a Saturday of its own. `hour` counts from Thursday 00:00."""
    day, of_day = divmod(hour, 24)
    base = 80.0 if of_day < 6 else 1500.0 if of_day in (7, 12, 18) else 300.0
    return base * (2.5 if day % 7 == 2 else 1.0)


def weeks(count: float) -> list[float]:
    return [habit(h) for h in range(round(count * HOURS))]


def hourly(rule: ChangeRule, values: list[float], zone: str = "UTC") -> Run:
    return play(KIND, rule, a_duty(3600, zone=zone), every(3600, values, "active_power"))


@settings(CALM, max_examples=6)
@given(
    st.lists(st.sampled_from([0.0, 40.0, 80.0, 90.0, 2000.0, -3000.0, 4e6]), min_size=1, max_size=40),
    st.integers(0, 30),
    st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"]),
    st.lists(st.integers(0, 600), max_size=4),
)
@pytest.mark.parametrize("side", ["more", "less", "both"])
def test_kernel_and_twin_agree_over_weeks(
    side: str, values: list[float], missing: int, zone: str, where: list[int]
) -> None:
    rule = a_rule(ChangeRule, 2, learning=1, memory=2, side=side)
    readings = every(
        3600, (values * 500)[: 3 * HOURS], "active_power", begin=T0 + 80 * DAY
    )  # over a change of the clock
    del readings[300 : 300 + missing]
    played = check_kind(KIND, rule, {"a": a_duty(3600, zone=zone)}, readings, where)
    assert not np.isnan(played.x[0, -1])


@CALM
@given(streams({"active_power": [0.0, 100.0, 500.0]}, [0, 1800, 3600, 90_000, 8 * 86_400]), cuttings())
def test_kernel_and_twin_agree_on_any_stream(readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, QUICK, DUTIES, readings, where)


def test_a_regular_life_says_nothing_and_not_before_it_is_known() -> None:
    x = hourly(RULE, weeks(6)).x[0]
    assert np.isnan(x[: 3 * HOURS + 1]).all()
    assert (x[3 * HOURS + 1 :] == 0).all()


def test_more_power_for_hours_is_found_and_one_wild_hour_is_not() -> None:
    wild = weeks(5)
    wild[4 * HOURS] = 11_000.0
    assert np.nanmax(hourly(RULE, wild).x) == pytest.approx(RULE.cut - RULE.slack)
    more = weeks(4) + [habit(h) * 2 for h in range(24)]
    x = hourly(RULE, more).x[0]
    assert x[4 * HOURS] == 0
    assert np.flatnonzero(x >= 8)[0] <= 4 * HOURS + 6
    assert np.nanmax(hourly(a_rule(ChangeRule, 8, side="less"), more).x[0]) < 1
    less = weeks(4) + [20.0] * 24
    assert hourly(a_rule(ChangeRule, 8, side="less"), less).x[0, -1] >= 8
    assert np.nanmax(hourly(a_rule(ChangeRule, 8, side="more"), less).x[0]) < 1


def test_the_sum_is_page_s() -> None:
    """With a profile of 100 W, a deviation at its floor and hours of 150 W: z - slack an hour, to the bound."""
    played = hourly(a_rule(ChangeRule, 8, most=12), [100.0] * 4 * HOURS + [150.0] * 3)
    usual = round(12 * asinh(100 / 50)) / 12
    z = [(asinh(150 / 50) - usual) / 0.2, None]
    # The mean square stays below its floor in these three hours.
    assert played.x[0, -2] == pytest.approx(z[0] - 0.5, abs=1e-6)  # type: ignore[operator]  # a number
    assert played.x[0, -1] == pytest.approx(2 * (z[0] - 0.5), abs=1e-6)  # type: ignore[operator]  # a number


def test_another_habit_is_learnt_in_time() -> None:
    x = hourly(QUICK, [100.0] * 3 * HOURS + [220.0] * 16 * HOURS).x[0]
    assert np.nanmax(x) >= 40
    assert x[-1] == 0


def test_a_silent_day_begins_the_sums_anew() -> None:
    values = every(3600, weeks(4) + [habit(h) * 3 for h in range(12)], "active_power")
    last = values[-1].ts
    after = [at(last + 25 * HOUR, {"active_power": 100.0}), at(last + 26 * HOUR, {"active_power": 100.0})]
    x = play(KIND, RULE, a_duty(3600, zone="UTC"), [*values, *after]).x[0]
    assert x[len(values) - 1] > 8
    assert x[len(values)] == 0


def test_hours_are_those_of_the_people_who_live_there() -> None:
    """Two weeks before and after the clocks change, a life by the clock on the wall stays regular."""
    begin = T0 + 60 * DAY  # 2026-03-02, a Monday; Berlin changes on 2026-03-29
    shifted = [
        at(begin + h * HOUR, {"active_power": habit(h + (1 if h < 27 * 24 + 1 else 2))}) for h in range(6 * HOURS)
    ]
    berlin = play(KIND, RULE, a_duty(3600, zone="Europe/Berlin"), shifted).x[0]
    utc = play(KIND, RULE, a_duty(3600, zone="UTC"), shifted).x[0]
    assert np.nanmax(berlin) == 0
    assert np.nanmax(utc) > 5


def test_evidence_tells_powers_and_weeks() -> None:
    rule = a_rule(ChangeRule, 0)
    played = hourly(rule, [100.0] * 4 * HOURS + [400.0, 100.0])
    evidence = KIND.evidence(rule, tuple(played.extra[0, -1]))
    assert evidence["mean_power"] == pytest.approx(400, rel=0.05)
    assert evidence["usual_power"] == pytest.approx(100, rel=0.05)
    assert evidence["weeks_learnt"] == pytest.approx(4, abs=0.01)
    assert 50 * sinh(127 / 12) > 900_000  # W that a code can hold
    assert WEEK == HOURS * HOUR
