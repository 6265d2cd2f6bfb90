"""Contact resistance by examples: a doubled resistance is 2, whatever the load; and only steady loads count."""

from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.frame import Reading
from rules.kinds.contact import KIND, ContactRule
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, measures, reading, rule_of

RULE = rule_of(ContactRule, 1.5, 1.2)
HOUR, DAY = 3600, 86_400


def hour(begin: float, current: float, coefficient: float, ambient: float = 25) -> list[Reading]:
    """An hour of steady load, a reading each minute."""
    terminal = ambient + coefficient * current**2
    return [
        reading(begin + 60 * k, current=current, ambient_temperature=ambient, terminal_temperature=terminal)
        for k in range(60)
    ]


def days(n: int, coefficient: float = 0.05) -> list[Reading]:
    """An hour a day, at another load and in other weather each day."""
    return [r for d in range(n) for r in hour(d * DAY, 12 + d, coefficient, ambient=15 + d)]


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_x_is_the_multiple_of_the_past(factor: float) -> None:
    found = measures(KIND, RULE, [*days(5), *hour(5 * DAY, 24, 0.05 * factor)])
    assert found[-1] == pytest.approx(factor, rel=0.005)  # medians are kept in 16 bits


def test_three_days_must_be_known() -> None:
    found = measures(KIND, RULE, days(4))
    assert all(map(isnan, found[:180]))
    assert found[-1] == pytest.approx(1, rel=0.005)


def test_ten_minutes_of_steady_load() -> None:
    found = measures(KIND, RULE, [*days(3), *hour(3 * DAY, 20, 0.1)])[-60:]
    assert [isnan(x) for x in found] == [True] * 10 + [False] * 50


def test_a_moving_load_says_nothing() -> None:
    moving = hour(3 * DAY, 20, 0.1)
    moving = [r._replace(values=r.values | {"current": 20.0 + 2 * (k % 2)}) for k, r in enumerate(moving)]
    assert all(map(isnan, measures(KIND, RULE, [*days(3), *moving])[-60:]))


def test_a_small_load_says_nothing() -> None:
    assert all(map(isnan, measures(KIND, RULE, [*days(3), *hour(3 * DAY, 9.5, 0.1)])[-60:]))


def test_today_does_not_raise_its_own_norm_and_one_bad_day_not_the_next() -> None:
    found = measures(KIND, RULE, [*days(5), *hour(5 * DAY, 20, 0.2), *hour(6 * DAY, 20, 0.2)])
    assert found[-61] == pytest.approx(4, rel=0.005)
    assert found[-1] == pytest.approx(4, rel=0.005)


def test_after_a_fortnight_of_silence_the_past_is_unknown() -> None:
    assert isnan(measures(KIND, RULE, [*days(5), *hour(19 * DAY, 20, 0.2)])[-1])


def test_a_very_good_contact_is_measured_by_the_floor() -> None:
    found = measures(KIND, RULE, [*days(3, coefficient=0.0005), *hour(3 * DAY, 20, 0.002)])
    assert found[-1] == pytest.approx(1, rel=0.005)


def test_each_terminal_needs_its_current() -> None:
    with pytest.raises(ValueError, match="one current for each"):
        rule_of(ContactRule, signals=["terminal_temperature_l1"], currents=["current_l1", "current_l2"])


@given(
    loads=st.lists(st.tuples(st.sampled_from((5.0, 12.0, 12.5, 20.0)), st.integers(1, 12)), max_size=12),
    jump=st.sampled_from((60, 200, 40_000, 86_400)),
    cuts=cuttings(),
)
@settings(max_examples=30, deadline=None)
def test_steady_time_of_kernel_and_twin(loads: list[tuple[float, int]], jump: float, cuts: list[int]) -> None:
    rule = rule_of(ContactRule, 1.5, 1.2, steady_for=150, least_days=1, least_readings=2)
    rows, now = [], 0.0
    for current, n in loads:
        now += jump
        for _ in range(n):
            now += 50
            rows.append(reading(now, current=current, ambient_temperature=20, terminal_temperature=20 + n + current))
    check_kind(KIND, rule, DUTIES, rows, cuts)
