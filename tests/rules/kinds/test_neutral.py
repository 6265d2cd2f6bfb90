"""A neutral that moves while the line voltages stay, in the plane of phasors."""

from cmath import exp, pi
from math import hypot, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.frame import Reading
from rules.kinds.neutral import KIND, NeutralRule
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, streams
from tests.rules.kinds.small import CALM, T0, a_duty, a_rule, at, play

SIGNALS = ("voltage_l1", "voltage_l2", "voltage_l3")
RULE = a_rule(NeutralRule, 0.15, clear=0.1)
LEVELS = [0.0, 115.0, 200.0, 229.3, 230.0, 245.0, 260.0, 300.0, 399.0]


def voltages(point: complex, line: float) -> tuple[float, float, float]:
    """Distances of a point to the corners of the lines' triangle: what three voltmeters to the neutral show."""
    a, b, c = (abs(point - line / sqrt(3) * exp(2j * pi * k / 3)) for k in range(3))
    return a, b, c


def shift(values: tuple[float, float, float], volts: float = 230) -> float:
    played = play(KIND, RULE, a_duty(volts=volts), [at(T0, dict(zip(SIGNALS, values, strict=True)))])
    return float(played.x[0, 0])


@CALM
@given(streams(dict.fromkeys(SIGNALS, LEVELS), [0, 1, 60]), cuttings())
def test_kernel_and_twin_agree(readings: list[Reading], where: list[int]) -> None:
    check_kind(KIND, RULE, DUTIES, readings, where)


@given(st.complex_numbers(max_magnitude=0.999), st.floats(0.94, 1.06), st.sampled_from([120.0, 220.0, 230.0]))
def test_any_point_within_the_circumcircle_is_found_from_its_distances(
    point: complex, supply: float, volts: float
) -> None:
    moved = point * supply * volts  # the circumcircle's radius is the phase voltage
    seen = voltages(moved, supply * volts * sqrt(3))
    assert shift(seen, volts) == pytest.approx(abs(moved) / volts, abs=1e-6)


@given(st.complex_numbers(min_magnitude=1.02, max_magnitude=1.5))
def test_beyond_the_circumcircle_the_line_voltage_is_taken_for_a_higher_one(point: complex) -> None:
    seen = voltages(point * 230, 230 * sqrt(3))
    squares = sum(v * v for v in seen)
    measured = shift(seen)
    # Never more than what is there: the domain's end errs to silence.
    assert measured <= abs(point) + 1e-9
    assert squares / 3 == pytest.approx((abs(point) ** 2 + 1) * 230**2)  # Leibniz holds everywhere


def test_unlike_loads_behind_a_broken_neutral() -> None:
    """Three resistors in star without neutral: Millman's theorem gives the point."""
    lines = [230 * exp(2j * pi * k / 3) for k in range(3)]
    conductances = [1 / 10, 1 / 40, 1 / 40]
    point = sum(g * v for g, v in zip(conductances, lines, strict=True)) / sum(conductances)
    a, b, c = (abs(point - v) for v in lines)
    assert (a, b, c) == pytest.approx((115, 304.3, 304.3), abs=0.1)  # half the voltage here, a third too much there
    assert shift((a, b, c)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param((230.0, 230.0, 230.0), id="healthy"),
        pytest.param((0.0, 230.0, 230.0), id="one phase lost"),
        pytest.param((0.0, 0.0, 0.0), id="no supply"),
        pytest.param((184.0, 184.0, 184.0), id="sag of all"),
        pytest.param((115.0, 230.0, 230.0), id="one phase at half"),
        pytest.param((0.0, 150.0, 550.0), id="voltages of no point of the plane"),
        pytest.param((400.0, 400.0, 400.0), id="line voltage at all"),
    ],
)
def test_what_is_no_broken_neutral(seen: tuple[float, float, float]) -> None:
    assert shift(seen) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seen", [(0.0, 398.4, 398.4), (0.0, 398.0, 399.0), (2.0, 397.0, 400.0)])
def test_a_neutral_that_touches_a_line(seen: tuple[float, float, float]) -> None:
    """On the circumcircle, where a volt of a meter's error may make a triangle impossible."""
    assert shift(seen) == pytest.approx(1.0, abs=0.01)


def test_evidence_lets_a_person_check() -> None:
    played = play(KIND, RULE, a_duty(), [at(T0, dict(zip(SIGNALS, voltages(80 + 60j, 398), strict=True)))])
    evidence = KIND.evidence(RULE, tuple(played.extra[0, 0]))
    assert evidence["line_voltage"] == pytest.approx(398)
    assert evidence["displacement"] == pytest.approx(hypot(80, 60))
    assert evidence["highest_voltage"] == pytest.approx(max(voltages(80 + 60j, 398)))
    assert evidence["lowest_voltage"] == pytest.approx(min(voltages(80 + 60j, 398)))
