"""The thermal image against the closed forms of IEC 60255-149 and the conventional currents of IEC 60898-1."""

from math import exp, inf, log
from typing import Any

import pytest

from community.frame import Reading
from rules.kinds.thermal import KIND, ThermalRule
from tests.rules.kinds.harness import DUTIES, check_kind, measures, reading, rule_of, series

TAU, K, RATED = 199.0, 1.3, 32.0
NO_TIME = [{"severity": "critical", "limit": 1.0, "clear": 0.9}]


def rule(**given: object) -> ThermalRule:
    whole: dict[str, Any] = {"signals": ["current"], "k": K, "time_constants": [{"tau": TAU}], "steps": NO_TIME}
    made: ThermalRule = rule_of(ThermalRule, **(whole | given))
    return made


def trips_after(multiple: float, before: float) -> float:
    """s until H = 1, after long at another multiple of the rated current; readings each second."""
    rows = series("current", [before * RATED] * 4000, every=1)
    rows += [reading(4000 + k, current=multiple * RATED) for k in range(3700)]
    found = measures(KIND, rule(), rows)[3999:]
    return next((k for k, heat in enumerate(found) if heat >= 1), inf)


@pytest.mark.parametrize("multiple", [1.45, 2.55, 5.0])
def test_cold_curve(multiple: float) -> None:
    squared = (multiple / K) ** 2
    assert trips_after(multiple, 0) == pytest.approx(TAU * log(squared / (squared - 1)), abs=1)


@pytest.mark.parametrize(("multiple", "before"), [(1.45, 1.0), (2.55, 1.0), (2.55, 0.5)])
def test_hot_curve(multiple: float, before: float) -> None:
    squared, load = (multiple / K) ** 2, (before / K) ** 2
    assert trips_after(multiple, before) == pytest.approx(TAU * log((squared - load) / (squared - 1)), abs=1)


def test_conventional_currents() -> None:
    """Not within an hour at 1.13 In; within an hour at 1.45 In; between 1 and 60 s at 2.55 In, up to 32 A."""
    assert trips_after(1.13, 0) == inf
    assert trips_after(1.45, 1.13) < 3600
    assert 1 < trips_after(2.55, 0) <= 60


def test_cooling_and_a_gap_that_holds() -> None:
    found = measures(KIND, rule(), series("current", [32, 0, 0], every=60))
    start = 1 / K**2
    assert found == pytest.approx([start, start * exp(-60 / TAU), start * exp(-120 / TAU)], rel=1e-6)
    hour = measures(KIND, rule(), [reading(0, current=32), reading(3600, current=0)])
    assert hour[1] == pytest.approx(start * exp(-60 / TAU), rel=1e-6)


@pytest.mark.parametrize(("multiple", "heat"), [(0, 0), (0.5, 0.25 / 1.69), (1, 1 / 1.69), (6, 1 / 1.69)])
def test_the_image_begins_with_the_present_load_but_not_with_a_starting_current(multiple: float, heat: float) -> None:
    assert measures(KIND, rule(), [reading(0, current=multiple * RATED)]) == pytest.approx([heat], rel=1e-6, abs=1e-9)


def test_time_to_trip_raises_the_measure_to_the_step() -> None:
    steps = [
        {"severity": "warning", "limit": 0.75, "clear": 0.65},
        {"severity": "alarm", "limit": 0.9, "clear": 0.8, "time_to_trip": 120},
    ]
    rows = [reading(0, current=20), reading(1, current=64)]
    watched = rule(steps=steps)
    run = check_kind(KIND, watched, DUTIES, rows)
    assert run.x[0, 1] == 0.9
    heat, current, left, trip_current = run.extra[0, 1]
    end = (64 / (K * RATED)) ** 2
    assert left == pytest.approx(TAU * log((end - heat) / (end - 1)), rel=1e-9)
    assert (current, trip_current) == (64, pytest.approx(41.6))
    assert KIND.deciding is not None
    assert KIND.deciding(watched, 1, 0.9, 0.9, tuple(run.extra[0, 1])) == (left, 120, "s")
    assert KIND.deciding(watched, 0, 0.9, 0.75, tuple(run.extra[0, 1])) == (left, 120, "s")
    assert KIND.deciding(watched, 0, 0.9, 0.75, (0.8, 45.0, 100.0, 41.6)) == (0.8, 0.75, "")
    assert measures(KIND, rule(steps=steps, trips_above=3), rows)[1] < 0.75


@pytest.mark.parametrize(("ambient", "share"), [(-5, 1), (30, 1), (50, 0.88), (70, 0.76), (200, 0.7)])
def test_ambient_derates_the_trip_current(ambient: float, share: float) -> None:
    rows = [Reading("a", 0, 0, {"current": 20.0, "ambient_temperature": ambient})]
    run = check_kind(KIND, rule(), DUTIES, rows)
    assert run.extra[0, 0, 3] == pytest.approx(K * RATED * share)
    assert run.x[0, 0] == pytest.approx((20 / (K * RATED * share)) ** 2, rel=1e-6)


def test_the_time_constant_follows_the_rated_current() -> None:
    two = rule(time_constants=[{"up_to": 32, "tau": 199}, {"tau": 399}])
    assert (two.tau_of(32), two.tau_of(40)) == (199, 399)
    with pytest.raises(ValueError, match="without up_to"):
        rule(time_constants=[{"up_to": 32, "tau": 199}])
