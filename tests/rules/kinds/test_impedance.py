"""Loop impedance by examples: the voltage that a step of the load costs, and the grid's own steps ignored."""

from math import isnan, nan

import pytest

from community.frame import Reading
from rules.kinds.impedance import KIND, ImpedanceRule
from tests.rules.kinds.harness import DUTIES, check_kind, measures, reading, rule_of

RULE = rule_of(ImpedanceRule, 0.8, 0.6)


def supply(ohm: float, currents: list[float], every: float = 10, grid: float = 232) -> list[Reading]:
    return [reading(every * k, voltage=grid - ohm * i, current=i) for k, i in enumerate(currents)]


@pytest.mark.parametrize("ohm", [0.25, 0.5, 2.0])
def test_the_impedance_of_the_supply(ohm: float) -> None:
    found = measures(KIND, RULE, supply(ohm, [0, 10, 2, 15, 15, 1]))
    assert found == pytest.approx([nan, nan, nan, ohm, nan, ohm], rel=0.005, nan_ok=True)


def test_small_steps_and_far_readings_say_nothing() -> None:
    assert all(map(isnan, measures(KIND, RULE, supply(1, [0, 4.9] * 5))))
    assert all(map(isnan, measures(KIND, RULE, supply(1, [0, 10] * 5, every=60.001))))
    assert not isnan(measures(KIND, RULE, supply(1, [0, 10] * 5, every=60))[-1])


def test_two_steps_of_the_grid_among_five_are_ignored() -> None:
    rows = supply(0.5, [0, 10, 0, 10, 0, 10, 0])
    for k in (3, 4):
        rows[k] = rows[k]._replace(values=rows[k].values | {"voltage": 200.0})
    found = measures(KIND, RULE, rows)
    assert found[-1] == pytest.approx(0.5, rel=0.005)


def test_the_evidence_is_the_step() -> None:
    run = check_kind(KIND, RULE, DUTIES, supply(0.5, [0, 10, 2, 18]))
    assert run.extra[0, 3] == pytest.approx([0.5, -8, 16, 3], rel=1e-5)


def test_each_voltage_needs_its_current() -> None:
    with pytest.raises(ValueError, match="one current for each"):
        rule_of(ImpedanceRule, signals=["voltage_l1", "voltage_l2"], currents=["current_l1"])
