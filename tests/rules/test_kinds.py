"""Rate of rise and thermal image against what is known of them; kernels leave their input alone."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from community.frame import Frame, Reading
from rules.kinds.thermal import warmed, warmed_twin
from rules.rulebook import standard_rulebook
from rules.twin import TwinEngine
from tests.rules.makers import T0, device, engine, reading, run, series, told
from tests.rules.test_twin import said


def rising(rate: float, *, every: float, minutes: float) -> list[Reading]:
    """A terminal that warms by `rate` K/min from 30 °C."""
    return series(
        "terminal_temperature", [30 + rate * k * every / 60 for k in range(int(minutes * 60 / every) + 1)], every=every
    )


@pytest.mark.parametrize("every", [1, 5, 10, 25, 30])
def test_five_kelvin_a_minute_over_two_minutes_is_a_rise(every: float) -> None:
    found = run(engine(), rising(5.01, every=every, minutes=3))
    assert told(found) == [("terminal.rise", "normal", "warning")]
    assert 120_000 <= found[0].ts - T0 <= 150_000
    assert found[0].value == pytest.approx(5.01, abs=0.01)
    assert found[0].unit == "K/min"
    assert run(engine(), rising(4.9, every=every, minutes=3)) == []
    assert run(engine(), rising(9, every=every, minutes=1.9)) == []


def test_a_device_that_reports_each_minute_needs_five_readings() -> None:
    found = run(engine(), rising(11, every=60, minutes=3))
    assert found == []
    assert told(run(engine(), rising(6, every=60, minutes=4))) == [("terminal.rise", "normal", "warning")]


@pytest.mark.parametrize("wild", [-40.0, 300.0, 99.0])
@pytest.mark.parametrize("where", range(4, 20))
def test_one_wild_sample_changes_nothing(wild: float, where: int) -> None:
    readings = rising(0.5, every=30, minutes=10)
    readings[where] = readings[where]._replace(values={"terminal_temperature": wild})
    assert [f for f in run(engine(), readings) if f.rule == "terminal.rise"] == []


def test_a_load_that_stepped_up_explains_a_rise() -> None:
    def loaded(current: float) -> list[Reading]:
        step = [reading(0, current=2), reading(29, current=current)]
        return sorted([*step, *rising(6, every=10, minutes=3)], key=lambda r: r.ts)

    assert run(engine(), loaded(8.4)) == []  # 0.2 In = 6.4 A
    assert told(run(engine(), loaded(8.3))) == [("terminal.rise", "normal", "warning")]


def test_a_rise_escalates_and_clears() -> None:
    steep = rising(12, every=10, minutes=3)
    flat = series("terminal_temperature", [66.0] * 30, every=10, start=190)
    found = [f for f in run(engine(), [*steep, *flat]) if f.rule == "terminal.rise"]
    assert [f.severity.word for f in found] == ["alarm", "warning", "normal"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 7.999, 8, 10, 30, 60, 181]),
            st.sampled_from([-6.0, 0.0, 0.5, 1.0, 2.0, 4.0]),
            st.sampled_from([None, None, 3.0, 6.0, 12.0, 40.0]),
            st.sampled_from(["terminal_temperature", "terminal_temperature", "terminal_temperature_l1"]),
        ),
        min_size=5,
        max_size=60,
    )
)
def test_rise_and_thermal_kernels_say_what_the_twin_says(
    moves: list[tuple[float, float, float | None, str]],
) -> None:
    at, warmth, readings = 0.0, {"terminal_temperature": 30.0, "terminal_temperature_l1": 30.0}, []
    for step, warmer, current, signal in moves:
        at += step
        warmth[signal] += warmer
        values = {signal: warmth[signal]} | ({} if current is None else {"current": current})
        readings.append(reading(at, **values))
    twin = TwinEngine(standard_rulebook(), (device(),))
    assert [said(f) for f in run(engine(), readings)] == [s for r in readings for s in twin.reading(r)]


@pytest.mark.parametrize(("multiple", "seconds"), [(1.45, 324), (2.0, 109), (2.55, 60)])
def test_the_thermal_image_trips_when_the_closed_form_says(multiple: float, seconds: int) -> None:
    """Cold trip time tau ln(I^2 / (I^2 - (k In)^2)), IEC 60255-149; 2.55 In within 60 s is IEC 60898-1 Table 7."""
    closed = 199 * math.log(multiple**2 / (multiple**2 - 1.30**2))
    assert closed == pytest.approx(seconds, abs=1)
    found = run(engine(), series("current", [32 * multiple] * 400, every=1))
    (critical,) = [f for f in found if f.severity.word == "critical"]
    assert critical.ts - T0 == pytest.approx(closed * 1000, abs=1_000)


def test_the_conventional_non_tripping_current_warns_but_never_trips() -> None:
    found = run(engine(), series("current", [1.13 * 32] * 3_600, every=10))
    assert told(found) == [("overload.thermal", "normal", "warning")]
    assert run(engine(), series("current", [32.0] * 3_600, every=10)) == []


def test_a_near_trip_is_an_alarm_once_it_lasts() -> None:
    found = run(engine(), series("current", [70.0] * 12, every=1))
    assert told(found) == [("overload.thermal", "normal", "alarm")]
    assert found[0].evidence["time_to_trip_s"] < 120
    # What is shown is what decided: the time, not the heat, which is still far from its own limit.
    assert found[0].value == pytest.approx(found[0].evidence["time_to_trip_s"], abs=0.05)
    assert (found[0].threshold, found[0].unit) == (120, "s")
    assert run(engine(), [reading(0, current=180), reading(2, current=8), reading(12, current=8)]) == []


def test_the_image_holds_over_a_gap() -> None:
    found = run(engine(), [*series("current", [50.0] * 3, every=60), reading(10_000, current=50.0)])
    # 60 s are integrated, not 9,880: the image stands at 180 s of heating, 0.86.
    assert told(found) == [("overload.thermal", "normal", "warning")]
    assert found[0].value == pytest.approx(1.4446 * (1 - math.exp(-180 / 199)), abs=1e-3)


@given(st.floats(0, 2), st.floats(0, 300), st.floats(0, 60_000))
@settings(deadline=None)
def test_compiled_warming_is_the_plain_one(heat: float, current: float, dt: float) -> None:
    assert warmed(heat, current, 41.6, 199_000.0, dt) == pytest.approx(warmed_twin(heat, current, 41.6, 199_000.0, dt))


def test_kernels_leave_their_input_alone() -> None:
    frame = Frame.from_readings(
        [reading(0, voltage=300, residual_current=40, current=90, terminal_temperature=120, smoke_alarm=1, reset=0)] * 3
    )
    columns: list[NDArray[Any]] = [frame.device, frame.ts, frame.received_at, frame.values]
    before = [c.copy() for c in columns]
    assert engine().apply(frame) != []
    for column, copy in zip(columns, before, strict=True):
        assert not column.flags.writeable
        np.testing.assert_array_equal(column, copy)
