"""Excursions in a window, crossings and increments."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from community.frame import Reading
from rules.kinds.count import KIND, CountRule
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, streams
from tests.rules.kinds.small import CALM, DAY, T0, a_duty, a_rule, at, every, play

FIVE = a_rule(CountRule, 5, signals=["voltage", "voltage_l2"], limit=253, rearm=250, within=10, of=5)
DIPS = a_rule(
    CountRule, 3, signals=["voltage"], limit="0.9 * device.nominal_voltage", side="below", within=86_400, of=3
)
ARCS = a_rule(CountRule, 3, signals=["arc_count"], each="increment", within=600, of=4)
STEPS = [0, 1, 2, 5, 10, 10.001, 60]


@CALM
@given(
    streams({"voltage": [230.0, 249.9, 250.0, 252.9, 253.0, 260.0], "voltage_l2": [240.0, 255.0]}, STEPS), cuttings()
)
def test_crossings_as_the_twin_counts_them(readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, FIVE, DUTIES, readings, where)


@CALM
@given(streams({"voltage": [230.0, 207.0, 200.0]}, [0, 3600, 21_600, 86_400, 86_400.001, 50 * 86_400]), cuttings())
def test_dips_as_the_twin_counts_them(readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, DIPS, DUTIES, readings, where)


@CALM
@given(
    streams({"arc_count": [0.0, 1.0, 2.0, 3.0, 3.0, 4.0, 9.0, 65_535.0]}, [0, 60, 300, 600, 600.001, 86_400]),
    cuttings(),
)
def test_increments_as_the_twin_counts_them(readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, ARCS, DUTIES, readings, where)


def test_five_in_ten_seconds() -> None:
    values = [254.0, 240.0] * 6
    assert list(play(KIND, FIVE, a_duty(), every(1, values, "voltage")).x[0]) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5]
    slow = play(KIND, FIVE, a_duty(), every(2, values, "voltage")).x[0]
    assert slow.max() == 3  # at 0, 4 and 8 s; that at 0 is gone at 12 s


def test_the_next_excursion_needs_the_value_beyond_the_rearming_level() -> None:
    assert list(play(KIND, FIVE, a_duty(), every(1, [254, 251, 254, 250, 254, 249.9, 254], "voltage")).x[0]) == [
        *[1] * 6, 2
    ]  # fmt: skip


def test_three_in_a_day_by_the_device_s_own_rating() -> None:
    readings = every(7 * 3600, [230, 200, 230, 200, 230, 200, 230], "voltage")
    assert list(play(KIND, DIPS, a_duty(), readings).x[0]) == [0, 1, 1, 2, 2, 2, 2]
    readings = every(3 * 3600, [230, 200, 230, 200, 230, 200, 230], "voltage")
    assert list(play(KIND, DIPS, a_duty(), readings).x[0]) == [0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("silence", [2**32, 2**32 + 5000, 2**33 + 9000, 60 * DAY])
def test_a_silence_that_wraps_the_kept_times_keeps_nothing(silence: int) -> None:
    readings = [*every(1, [254, 240, 254, 240], "voltage"), at(T0 + silence, {"voltage": 240.0})]
    assert list(play(KIND, FIVE, a_duty(), readings).x[0]) == [1, 1, 2, 2, 0]


def test_a_counter_counts_units_and_a_restart_none() -> None:
    x = play(KIND, ARCS, a_duty(), every(60, [100, 101, 103, 2, 3, 3], "arc_count")).x[0]
    assert list(x) == [0, 1, 3, 3, 4, 4]  # no more than four are kept


def test_what_a_counter_went_up_by_in_a_gap_is_not_dated() -> None:
    readings = [
        *every(60, [1, 2], "arc_count"),
        at(T0 + DAY, {"arc_count": 9.0}),
        at(T0 + DAY, {"arc_count": 10.0}),
    ]
    assert list(play(KIND, ARCS, a_duty(), readings).x[0]) == [0, 1, 0, 1]


def test_words_and_evidence() -> None:
    assert [KIND.words(r) for r in (FIVE, DIPS, ARCS)] == [4, 3, 4]
    played = play(KIND, FIVE, a_duty(), every(1, [254, 240] * 5, "voltage"))
    assert KIND.evidence(FIVE, tuple(played.extra[0, 8])) == {"excursions": 5, "within_s": 8.0, "reading": 254.0}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"within": 10}, "a crossing needs a limit"),
        ({"within": 10, "limit": 3, "each": "increment"}, "a running counter has none"),
        ({"within": 10, "limit": 3, "of": 2}, "from 1 to `of`"),
        ({"within": 10, "limit": 3, "of": 9}, "less than or equal to 8"),
        ({"within": 0, "limit": 3}, "greater than 0"),
    ],
)
def test_what_cannot_be_counted_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        a_rule(CountRule, 3, signals=["voltage"], **parameters)
