"""No sign of life: what people switch is activity, what switches by itself is not."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings

from community.frame import Reading
from rules.kinds.inactivity import KIND, InactivityRule
from tests.rules.kinds.examples import EXAMPLES
from tests.rules.kinds.harness import DUTIES, MAINS, T0, check_kind, cuttings, measures, rule_of, streams

RULE = rule_of(InactivityRule, limit=4, clear=0)
MIDNIGHT = T0 - T0 % 86_400_000 - 8 * 3_600_000  # local, in Shanghai
DAY = 24

Load = Callable[[float], float]


def fridge(h: float) -> float:
    return 110.0 if (h * 60) % 47 < 16 else 0.0


def person(until: float, start: float = 7, end: float = 21.5) -> Load:
    """Switches a 60 W lamp and, each second hour, a kettle; nothing at night, and nothing from `until` on."""

    def load(h: float) -> float:
        awake = start <= h % DAY < end and h < until
        return (60.0 if awake and int(h) % 2 else 0.0) + (1500.0 if awake and h % 2 < 0.1 else 0.0)

    return load


def feed(*loads: Load, hours: float, every: int = 60, base: float = 30, signal: str = "active_power") -> list[Reading]:
    """A home's feed from local midnight on."""
    noise = Random(1)
    found = []
    for k in range(int(hours * 3600 / every)):
        h = k * every / 3600
        watts = base + sum(load(h) for load in loads) + noise.uniform(-2, 2)
        ts = MIDNIGHT + k * every * 1000
        found.append(Reading("a", ts, ts, {signal: watts}))
    return found


def hours_of(readings: list[Reading], rule: InactivityRule = RULE) -> list[float]:
    return measures(KIND, rule, readings, {"a": MAINS})


@settings(max_examples=80, deadline=None)
@given(streams(EXAMPLES["inactivity"].levels, EXAMPLES["inactivity"].steps, most=100), cuttings())
def test_the_kernel_is_its_twin(readings: list[Reading], cuts: list[int]) -> None:
    check_kind(KIND, EXAMPLES["inactivity"].rule, DUTIES, readings, cuts)


def test_a_long_stream_of_an_ordinary_home_is_the_twins() -> None:
    run = check_kind(KIND, RULE, {"a": MAINS}, feed(fridge, person(40), hours=72, every=120), (7, 300))
    spoken = run.x[0] > 0
    assert spoken.any()
    hours = run.extra[0, spoken, 0]  # the whole time, which the measure may not tell
    assert ((run.x[0, spoken] <= hours) & (hours <= 72 - 40 + 2)).all()


def test_an_ordinary_week_says_nothing() -> None:
    assert max(hours_of(feed(fridge, person(1e9), hours=5 * DAY))) < 2


def test_silence_of_a_person_is_counted_through_refrigerator_and_night() -> None:
    stops = 2 * DAY + 12.0
    found = hours_of(feed(fridge, person(stops), hours=4 * DAY))
    at = {h: found[int(h * 60)] for h in (stops + 3, stops + 5, stops + 10, stops + 17, stops + 18 + 5)}
    assert at[stops + 5] == pytest.approx(5, abs=0.2)
    assert at[stops + 10] == pytest.approx(10, abs=0.2)
    assert at[stops + 17] == pytest.approx(10, abs=0.2), "the night does not count"
    assert at[stops + 23] == pytest.approx(15, abs=0.2)


@pytest.mark.parametrize("every", [5, 10])
def test_inrush_is_nobody(every: int) -> None:
    def compressor(h: float) -> float:
        seconds = (h * 3600) % 2820
        return 900.0 if seconds < every else 110.0 if seconds < 960 else 0.0

    found = hours_of(feed(compressor, hours=22, every=every))
    assert found[-1] > 12


def test_before_a_night_is_known_cycles_count_as_life() -> None:
    day_only = [r for r in feed(fridge, hours=20) if r.ts >= MIDNIGHT + 7 * 3_600_000]
    assert max(hours_of(day_only)) < 1


def test_missing_readings_are_not_inactivity() -> None:
    readings = [r for r in feed(hours=20) if not 8 <= (r.ts - MIDNIGHT) / 3_600_000 < 14]
    assert hours_of(readings)[-1] == pytest.approx(8, abs=0.1)


def test_a_gap_that_ended_by_itself_is_usual_and_slowly_forgotten() -> None:
    away_at_noon = person(1e9, start=14)
    found = hours_of(feed(fridge, away_at_noon, hours=4 * DAY))
    assert max(found[: 2 * DAY * 60]) > 7
    assert max(found[3 * DAY * 60 :]) == 0
    never = rule_of(InactivityRule, limit=4, clear=0, usual_at_most=0)
    assert max(hours_of(feed(fridge, away_at_noon, hours=4 * DAY), never)[3 * DAY * 60 :]) > 7


def test_a_home_that_seems_left_is_asked_about_and_no_more() -> None:
    stops = 3 * DAY + 0.0

    def all_off(h: float) -> float:
        return fridge(h) + 300.0 if h < stops else 0.0

    capped = rule_of(InactivityRule, limit=4, clear=0, away_until=20)
    readings = feed(person(stops), all_off, hours=5 * DAY)
    found = hours_of(readings, capped)
    assert found[int((stops + 18) * 60)] == 4
    assert found[-1] > 20
    plain = rule_of(InactivityRule, limit=4, clear=0, away_below=0)
    assert hours_of(readings, plain)[int((stops + 18) * 60)] > 11


def test_current_stands_in_for_power() -> None:
    rule = rule_of(InactivityRule, limit=4, clear=0, signal="current")
    amperes = [
        r._replace(values={"current": r.values["active_power"] / 230}) for r in feed(fridge, person(36), hours=60)
    ]
    assert hours_of(amperes, rule) == pytest.approx(hours_of(feed(fridge, person(36), hours=60)), abs=0.01)


def test_evidence() -> None:
    assert KIND.evidence(RULE, (5.123, 60.0, float("nan"), 1.0)) == {
        "hours": 5.12, "last_step_w": 60.0, "base_w": None, "seems_away": True,
    }  # fmt: skip
