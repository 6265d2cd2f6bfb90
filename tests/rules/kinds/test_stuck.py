"""A sensor that answers and no longer measures."""

import pytest
from hypothesis import given

from community.frame import Reading
from rules.kinds.kernel import Duty
from rules.kinds.stuck import KIND, StuckRule
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, streams
from tests.rules.kinds.small import CALM, DAY, T0, a_duty, a_rule, at, every, play

RULE = a_rule(
    StuckRule,
    300,
    signals=["current", "current_l2"],
    within=0.05,
    least_readings=4,
    except_at=[0.0, 100.0],
    unless={"signal": "breaker_closed", "equals": 0},
)
PLAIN = a_rule(StuckRule, 3600, signals=["smoke_obscuration"], least_readings=10)
LEVELS = {
    "current": [0.0, 0.04, 2.0, 2.03, 2.05, 2.07, 100.0],
    "current_l2": [1.1, 1.1, 1.12],
    "breaker_closed": [0.0, 1.0, 1.0],
}


def measures(values: list[float], *, step: float = 60, duty: Duty | None = None) -> list[float]:
    readings = every(step, values, "smoke_obscuration")
    return [float(v) for v in play(KIND, PLAIN, duty or a_duty(), readings).x[0]]


@CALM
@given(streams(LEVELS, [0, 1, 60, 60, 60, 180, 180.001]), cuttings())
def test_kernel_and_twin_agree(readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, RULE, DUTIES, readings, where)


def test_seconds_without_a_movement_once_there_are_readings_enough() -> None:
    assert measures([0.1] * 12) == [0.0] * 9 + [540.0, 600.0, 660.0]


def test_a_movement_begins_anew() -> None:
    assert measures([0.1] * 12 + [0.11] * 10)[10:] == [600.0, 660.0] + [0.0] * 9 + [540.0]


def test_a_gap_breaks_it_and_a_long_interval_is_none() -> None:
    readings = every(60, [0.1] * 11, "smoke_obscuration") + every(
        60, [0.1] * 11, "smoke_obscuration", begin=T0 + 600_000 + 180_001
    )
    x = play(KIND, PLAIN, a_duty(), readings).x[0]
    assert list(x[9:13]) == [540.0, 600.0, 0.0, 0.0]
    assert x[-1] == 600.0
    assert measures([0.1] * 11, step=90_000, duty=a_duty(90_000, mains=False))[-1] == 900_000.0


def test_it_may_stand_for_longer_than_the_words_can_tell() -> None:
    assert measures([0.1] * 40, step=86_400, duty=a_duty(86_400, mains=False))[-1] == pytest.approx((2**31 - 1) / 1000)
    assert 39 * DAY > 2**31


@pytest.mark.parametrize("flat", [0.0, 0.05, 100.0])
def test_some_values_are_flat_by_nature(flat: float) -> None:
    assert not play(KIND, RULE, a_duty(), every(60, [flat] * 20, "current")).x[0].any()


def test_an_open_breaker_excuses_and_its_closing_begins_a_stretch() -> None:
    readings = [at(T0 + k * 60_000, {"current": 5.0, "breaker_closed": float(k >= 10)}) for k in range(20)]
    x = play(KIND, RULE, a_duty(), readings).x[0]
    assert not x[:13].any()
    assert list(x[13:16]) == [180.0, 240.0, 300.0]


def test_evidence() -> None:
    played = play(KIND, RULE, a_duty(), every(60, [5.0] * 5 + [5.04], "current"))
    assert KIND.evidence(RULE, tuple(played.extra[0, -1])) == {
        "reading": pytest.approx(5.04),
        "readings": 6,
        "since_value": 5.0,
    }
