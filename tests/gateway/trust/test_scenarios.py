"""What was seen in the field, and what the gateway must make of it."""

from typing import Any

import pytest

from community.clock import DAY, HOUR, MINUTE
from community.estate import Ratings
from gateway.trust.scalar import Memory, Verdict, judge
from gateway.trust.tables import PAIRS, Why
from tests.gateway.village import NOW

IN_16 = Ratings(rated_current=16.0)


def said(memory: Memory | None = None, *, lag: int | None = None, at: int = NOW, steady: bool = True,
         ratings: Ratings | None = IN_16, limited: bool = False, **values: float) -> Verdict:  # fmt: skip
    """Judge one measurement of a device with a 16 A circuit."""
    return judge(
        values, None if lag is None else at - lag, at, memory if memory is not None else Memory(), steady=steady,
        ratings=ratings, limited=limited, too_old=7 * DAY, future=MINUTE,
    )  # fmt: skip


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """As they are: the names are those of signals, not of options."""
    return values


@pytest.mark.parametrize(
    ("signal", "value"),
    [
        ("current", 720.0), ("voltage", 600.0), ("active_power", 1e6), ("voltage_l1", 655.35), ("current", 65.535),
        ("residual_current", 6_553.5), ("ambient_temperature", 127.99), ("co", 65_535.0),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_noted(signal: str, value: float) -> None:
    verdict = said(**_named({signal: value, "humidity": 40.0}))
    assert verdict.values == {"humidity": 40.0}
    assert verdict.notes == {"sensor_fault": 1.0}


@pytest.mark.parametrize(
    ("signal", "value"),
    [
        ("current", 160.0),  # a short circuit, ten times its rating
        ("voltage", 398.0), ("voltage_l2", 327.67),  # broken neutral
        ("residual_current", 30_000.0), ("terminal_temperature", 85.0), ("terminal_temperature", 400.0),
        ("co", 32_000.0), ("smoke_obscuration", 50.0), ("current", 32.767), ("active_power", 32_767.0),
    ],
)  # fmt: skip
def test_what_is_dangerous_passes(signal: str, value: float) -> None:
    verdict = said(**_named({signal: value}))
    assert (verdict.values, verdict.blanked, verdict.notes) == ({signal: value}, {}, {})


def test_without_ratings_only_what_none_can_report_is_refused() -> None:
    assert said(ratings=None, current=720.0, voltage=690.0).values == {"current": 720.0, "voltage": 690.0}
    assert said(ratings=None, voltage=655.35).blanked == {"voltage": Why.MARKER}


def test_a_wrapped_current_is_refused_and_told() -> None:
    big = Ratings(rated_current=63.0)
    verdict = said(ratings=big, voltage=228.0, current=3.247, active_power=15_600.0)
    assert verdict.values == {"voltage": 228.0, "active_power": 15_600.0}
    assert (verdict.blanked, verdict.notes) == ({"current": Why.WRAPPED}, {"contradiction": 1.0})


def test_power_and_current_of_different_moments_are_not_compared() -> None:
    verdict = said(steady=False, voltage=235.0, current=3.53, active_power=1_126.0)
    assert not verdict.blanked
    assert not verdict.notes


def test_a_current_without_power_is_kept_and_noted_once() -> None:
    memory = Memory()
    stuck: dict[str, Any] = {"voltage": 238.0, "current": 0.99, "active_power": 0.0}
    assert said(memory, **stuck).notes == {"contradiction": 1.0}
    again = said(memory, **stuck)
    assert (again.values, again.notes) == (stuck, {})
    assert said(memory, voltage=238.0, current=0.99, active_power=230.0).notes == {"contradiction": 0.0}


@pytest.mark.parametrize("power", [0.0, -700.0, 700.0, 860.0])
def test_sound_power_is_not_doubted(power: float) -> None:
    current = 0.2 if power == 0 else 3.2
    assert not said(voltage=230.0, current=current, active_power=power).notes


def test_the_total_of_three_phases_is_not_held_against_one() -> None:
    verdict = said(voltage=230.0, current=10.0, active_power=6_900.0, voltage_l1=230.0, voltage_l2=230.0)
    assert not verdict.notes


def test_a_total_that_the_phases_do_not_carry_is_told() -> None:
    phases: dict[str, Any] = {f"voltage_{p}": 230.0 for p in ("l1", "l2", "l3")} | {
        "current_l1": 3.2,
        "current_l2": 4.0,
    }
    wrapped = said(**phases, current_l3=3.247, active_power=17_500.0)
    assert (wrapped.blanked, wrapped.notes) == ({}, {"contradiction": 1.0})
    assert not said(**phases, current_l3=68.783, active_power=17_500.0).notes
    assert not said(**phases, active_power=17_500.0).notes  # one of the currents is not told


def test_all_zero_of_a_live_node_is_a_lost_sensor() -> None:
    memory = Memory()
    said(memory, voltage=230.0, current=1.0, active_power=230.0)
    verdict = said(memory, voltage=0.0, current=0.0, active_power=0.0, frequency=0.0, device_temperature=31.0)
    assert verdict.values == {"device_temperature": 31.0}
    assert verdict.notes == {"sensor_fault": 1.0}
    assert said(memory, voltage=231.0, current=1.0).notes == {"sensor_fault": 0.0}


def test_behind_an_open_breaker_there_is_no_voltage_to_measure() -> None:
    memory = Memory()
    off = said(memory, breaker_closed=0.0, voltage=0.0, current=0.0, active_power=0.0)
    assert off.values == {"breaker_closed": 0.0, "current": 0.0, "active_power": 0.0}
    later = said(memory, voltage=0.0, current=0.0)
    assert (later.values, off.notes, later.notes) == ({"current": 0.0}, {}, {})


def test_a_relay_never_heard_of_may_be_off() -> None:
    verdict = said(voltage=0.0, current=0.0, active_power=0.0, power_factor=0.0)
    assert (verdict.values, verdict.notes) == ({"current": 0.0, "active_power": 0.0}, {})


@pytest.mark.parametrize(
    "values",
    [
        {"voltage_l1": 0.0, "current_l1": 0.0, "active_power_l1": 0.0},  # the others come in other messages
        {"voltage_l1": 0.0, "voltage_l2": 230.0, "voltage_l3": 229.0},
        {"voltage": 0.0, "current": 4.0},
        {"voltage": 0.0, "power_lost": 1.0},
    ],
)
def test_a_lost_phase_and_a_lost_supply_pass(values: dict[str, Any]) -> None:
    verdict = said(Memory(breaker=1, live=True), **values)
    assert (verdict.values, verdict.notes) == (values, {})


def test_no_frequency_without_voltage_and_none_of_zero() -> None:
    assert said(voltage=0.5, frequency=0.0).blanked == {"frequency": Why.SILENT}
    assert said(voltage=230.0, frequency=0.0).blanked == {"frequency": Why.RATING}


def test_the_temperature_of_power_on_counts_only_when_it_stays() -> None:
    memory = Memory()
    assert said(memory, restart=1.0).values == {"restart": 1.0}
    assert said(memory, ambient_temperature=85.0).blanked == {"ambient_temperature": Why.MARKER}
    assert said(memory, ambient_temperature=85.0).values == {"ambient_temperature": 85.0}


@pytest.mark.parametrize("lag", [NOW - 1, NOW - 90_000, -8 * HOUR, -2 * MINUTE, 8 * DAY])
def test_an_incredible_time_is_replaced_and_noted_once(lag: int) -> None:
    memory = Memory()
    first = said(memory, lag=lag, voltage=230.0)
    assert (first.ts, first.values, first.notes) == (NOW, {"voltage": 230.0}, {"clock_fault": 1.0})
    assert said(memory, lag=lag, at=NOW + 1_000, voltage=230.0).notes == {}
    good = said(memory, lag=200, at=NOW + 2_000, voltage=230.0)
    assert (good.ts, good.notes) == (NOW + 1_800, {"clock_fault": 0.0})


def test_a_clock_that_steps_back_is_known_by_its_pace() -> None:
    memory = Memory()
    said(memory, lag=300, voltage=230.0)
    stepped = [said(memory, lag=3 * HOUR, at=NOW + k * 30_000, voltage=230.0) for k in range(1, 5)]
    assert [v.notes for v in stepped] == [{}, {}, {"clock_fault": 1.0}, {}]
    assert [v.ts for v in stepped[2:]] == [NOW + 90_000, NOW + 120_000]


@pytest.mark.parametrize("pace", [0, 5, 1_000, 9_000])
def test_what_was_kept_through_an_outage_keeps_its_times(pace: int) -> None:
    memory = Memory()
    said(memory, lag=100, voltage=230.0)  # the live reading may come first
    for k in range(300):
        at = NOW + 50 + k * pace
        taken = NOW - 5 * HOUR + k * 10_000
        verdict = said(memory, lag=at - taken, at=at, voltage=230.0)
        assert (verdict.ts, verdict.notes) == (taken, {})


@pytest.mark.parametrize(
    "values",
    [
        {"smoke_alarm": 1.0, "smoke_obscuration": 0.0}, {"smoke_alarm": 0.0, "smoke_obscuration": 3.0},
        {"gas_alarm": 1.0, "gas": 0.0}, {"co_alarm": 0.0, "co": 900.0},
        {"battery_low": 0.0, "battery": 2.0}, {"battery_low": 1.0, "battery": 100.0},
    ],
)  # fmt: skip
def test_flag_and_level_that_contradict_both_pass_and_are_noted(values: dict[str, Any]) -> None:
    verdict = said(**values)
    assert (verdict.values, verdict.notes) == (values, {"contradiction": 1.0})
    assert not said(**values, test=1.0).notes


@pytest.mark.parametrize(("flag", "level"), [pair[:2] for pair in PAIRS])
def test_flag_and_level_that_agree_are_not_noted(flag: str, level: str) -> None:
    assert not said(**_named({flag: 1.0, level: 40.0})).notes
    assert not said(**_named({flag: 0.0, level: 0.0})).notes


def test_a_limit_is_noted_at_its_beginning_and_its_end() -> None:
    memory = Memory()
    notes = [said(memory, limited=yes, humidity=1.0).notes for yes in (False, True, True, False, False)]
    assert notes == [{}, {"rate_limited": 1.0}, {}, {"rate_limited": 0.0}, {}]
