"""E-bike charging: chargers are found, an ordinary home's loads are not."""

from collections.abc import Callable, Iterable
from math import exp, hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from community.frame import Reading
from rules.kinds.ebike import KIND, EbikeRule
from rules.kinds.ebike_kernel import missing_of_factor
from tests.rules.kinds.examples import EXAMPLES
from tests.rules.kinds.harness import DUTIES, MAINS, T0, check_kind, cuttings, measures, rule_of, streams

H = 3600.0
RULE = rule_of(EbikeRule, limit=0.6, clear=0.5)
EVENING = T0 - T0 % 86_400_000 + 11 * 3_600_000  # 19:00 in Shanghai
NOON = EVENING - 7 * 3_600_000

Load = Callable[[float], float]


def charger(watts: float = 180, plateau: float = 2.5, decay: float = 1.5, at: float = 0.5) -> Load:
    """Power, W, over hours: constant current (creeping up by 7 %), constant voltage, then a tail of 8 W."""

    def load(h: float) -> float:
        if h < at:
            return 0.0
        if h < at + plateau:
            return watts * (0.93 + 0.07 * (h - at) / plateau)
        return max(8.0, watts * exp(-1.3 * (h - at - plateau) / decay))

    return load


def home(
    *others: Load, bike: Load | None = None, begin: int = EVENING - 1_800_000, hours: float = 9, every: int = 60,
    factors: bool = True, base: float = 80,
) -> list[Reading]:  # fmt: skip
    """A home's feed: resistive loads (power factor 1 with the base's own 30 var), and a charger of factor 0.64."""
    found = []
    for k in range(int(hours * H / every)):
        h = k * every / H
        bike_w = bike(h) if bike else 0.0
        watts = base + ((k * 7) % 5 - 2) + bike_w + sum(load(h) for load in others)
        values = {"active_power": watts}
        if factors:
            values["power_factor"] = watts / hypot(watts, 30 + 1.2 * bike_w)
        ts = begin + k * every * 1000
        found.append(Reading("a", ts, ts, values))
    return found


def scores(readings: Iterable[Reading]) -> list[float]:
    return measures(KIND, RULE, list(readings), {"a": MAINS})


def first(values: list[float], score: float, every: int = 60) -> float | None:
    """Hours after the step at which the score is first reached."""
    return next((k * every / H - 0.5 for k, v in enumerate(values) if v >= score - 1e-9), None)


@settings(max_examples=60, deadline=None)
@given(streams(EXAMPLES["ebike"].levels, EXAMPLES["ebike"].steps, most=80), cuttings())
def test_the_kernel_is_its_twin(readings: list[Reading], cuts: list[int]) -> None:
    check_kind(KIND, EXAMPLES["ebike"].rule, DUTIES, readings, cuts)


@pytest.mark.parametrize("watts", [95, 180, 450])
def test_a_charger_is_suspected_after_an_hour_and_confirmed_at_its_tail(watts: float) -> None:
    found = scores(home(bike=charger(watts)))
    assert 1.0 <= (first(found, 0.6) or 0) <= 1.1
    assert 2.7 <= (first(found, 0.8) or 0) <= 3.1
    assert 3.7 <= (first(found, 1.0) or 0) <= 4.1
    assert found[-1] == 0


def test_each_kind_of_evidence_that_is_missing_costs() -> None:
    assert max(scores(home(bike=charger(), factors=False))) == pytest.approx(0.85)
    assert max(scores(home(bike=charger(), begin=NOON))) == pytest.approx(0.85)
    assert max(scores(home(bike=charger(), begin=NOON, factors=False))) == pytest.approx(0.7)


def test_seconds_between_readings_find_the_same() -> None:
    found = scores(home(bike=charger(), every=10, hours=5))
    assert 1.0 <= (first(found, 0.6, 10) or 0) <= 1.1
    assert 3.7 <= (first(found, 1.0, 10) or 0) <= 4.1


def fridge(watts: float, on: float, off: float) -> Load:
    return lambda h: watts if (h * 60) % (on + off) < on else 0.0


@pytest.mark.parametrize("on", [10, 20, 40])
def test_refrigerators_come_to_nothing(on: float) -> None:
    assert max(scores(home(fridge(110, on, on)))) < 0.5


@pytest.mark.parametrize(
    "load",
    [
        lambda h: 2000.0 if 0.5 <= h < 3 else 0.0,  # a heater
        lambda h: 60.0 if 0.5 <= h < 3 else 0.0,  # a lamp
        lambda h: 40.0 * ((h * 3600) // 60 % 7) if 0.5 <= h < 4 else 0.0,  # a television
        lambda h: min(300.0, 60.0 * h),  # a slow ramp
    ],
)
def test_loads_of_another_shape_are_no_charger(load: Load) -> None:
    assert max(scores(home(load))) < 0.3


def test_an_evenings_lamps_are_not_suspect() -> None:
    assert max(scores(home(lambda h: 150.0 if 0.5 <= h < 5 else 0.0))) == pytest.approx(0.45)


def test_a_load_of_another_power_factor_is_none() -> None:
    readings = home(lambda h: 150.0 if h >= 0.5 else 0.0)
    odd = [
        r._replace(values=r.values | {"power_factor": 0.9}) if r.values["active_power"] > 200 else r
        for r in (x._replace(values=x.values | {"power_factor": 1.0}) for x in readings)
    ]
    assert max(scores(odd)) == 0


def test_pulled_out_early_is_not_confirmed() -> None:
    found = scores(home(bike=lambda h: 180.0 if 0.5 <= h < 3 else 0.0))
    assert max(found) == pytest.approx(0.6)
    assert found[-1] == 0


def test_too_short_a_decay_or_plateau_is_not_confirmed() -> None:
    assert max(scores(home(bike=charger(decay=0.2)))) <= 0.6
    assert max(scores(home(bike=charger(plateau=0.5)))) < 0.6


def test_a_kettle_and_a_refrigerator_on_top_only_delay() -> None:
    alone = scores(home(bike=charger()))
    kettle = scores(home(lambda h: 2000.0 if 0.9 <= h < 0.97 else 0.0, bike=charger()))
    cooling = scores(home(fridge(100, 15, 45), bike=charger()))
    assert max(kettle) == max(cooling) == 1
    assert (first(alone, 0.6) or 0) < (first(kettle, 0.6) or 0) < (first(cooling, 0.6) or 0) < 2


def test_a_gap_pauses_and_a_long_one_ends() -> None:
    readings = home(bike=charger())
    short = [r for r in readings if not 5_400_000 < r.ts - readings[0].ts < 7_200_000]
    long = [r for r in readings if not 5_400_000 < r.ts - readings[0].ts < 10_000_000]
    assert max(scores(short)) == 1
    assert max(scores(long)) <= 0.6


def test_half_a_day_of_plateau_is_no_charger() -> None:
    found = scores(home(bike=lambda h: 180.0 if h >= 0.5 else 0.0, hours=12))
    assert max(found) == pytest.approx(0.6)
    assert found[-1] == 0


@pytest.mark.parametrize(("before", "after", "says"), [(0, 200, 0), (30, 250, 0), (0, 10, 1), (0, 100, 2), (50, 50, 1)])
def test_power_factor_of_a_step_of_150_w(before: float, after: float, says: int) -> None:
    plain = getattr(missing_of_factor, "py_func", missing_of_factor)
    assert plain(150.0, before, after) == says


@given(st.floats(70, 500), st.floats(0, 300), st.floats(0.5, 0.75), st.booleans())
def test_a_chargers_factor_is_seen_on_any_base(step: float, before: float, factor: float, direct: bool) -> None:
    own = step * (1 / factor**2 - 1) ** 0.5
    plain = getattr(missing_of_factor, "py_func", missing_of_factor)
    after = before + own if direct else hypot(before, own)
    # A hair wider: the ends of the span are ends of rounding too.
    assert plain(step * (0.999 if factor > 0.74 else 1.001 if factor < 0.51 else 1), before, after) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"power_factors": ["power_factor", "power_factor_l1"]},
        {"least_step": 600},
        {"noise": 50},
        {"decay": [10, 600]},
        {"evening": ["18:00", "25:00"]},
        {"length": [7200, 100_000]},
    ],
)
def test_senseless_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule_of(EbikeRule, **wrong)  # type: ignore[arg-type]  # what is refused


def test_evidence() -> None:
    assert KIND.evidence(RULE, (180.04, 61.0, 179.0, float("nan"))) == {
        "step_w": 180.04, "plateau_min": 61.0, "above_base_w": 179.0, "score": None,
    }  # fmt: skip
