"""The village's physics, against closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.estate import Device, DeviceKind, Estate
from community.quantities import QUANTITIES
from simulators.grid import FEEDER_RESISTANCE, NEUTRAL_CONDUCTANCE, Grid
from simulators.incidents import Incident, IncidentKind
from simulators.world import TERMINAL_RISE_AT_RATED, THERMAL_TIME_CONSTANT_S, World
from tests.simulators.conftest import village

START = 1_795_341_600_000
NEVER = START + 10**9


def world(*incidents: Incident, estate: Estate | None = None, seed: int = 1) -> World:
    return World(estate or village(), START, incidents, seed)


def advance(subject: World, seconds: int, step: float = 1) -> None:
    for _ in range(round(seconds / step)):
        subject.advance(subject.now + round(step * 1_000), step)


def protector(estate: Estate, household: str) -> Device:
    return next(d for d in estate.device if d.household == household and d.kind is DeviceKind.ELECTRICAL_PROTECTOR)


def test_the_same_seed_gives_the_same_village_and_another_seed_another() -> None:
    one, two, other = world(), world(), world(seed=2)
    for subject in (one, two, other):
        advance(subject, 20)
    assert np.array_equal(one.voltage, two.voltage)
    assert np.array_equal(one.residual, two.residual)
    assert not np.array_equal(one.current, other.current)


def test_every_device_measures_plausible_known_quantities() -> None:
    estate = village()
    subject = world(estate=estate)
    advance(subject, 10)
    for device in estate.device:
        values = subject.values(device)
        assert values
        for name, value in values.items():
            assert QUANTITIES[name].low <= value <= QUANTITIES[name].high


def test_a_calm_village_stays_below_every_limit_for_an_hour() -> None:
    estate = village(households=200)
    subject = world(estate=estate)
    for _ in range(360):
        advance(subject, 10, step=10)
        own = (subject.voltage * subject.grid.share).sum(axis=1)
        assert own.min() > 198
        assert own.max() < 242
        assert subject.residual.max() < 15
        assert subject.terminal.max() < 60
        assert subject.smoke.max() < 0.05


def test_a_loose_terminal_warms_with_its_time_constant_towards_its_steady_state() -> None:
    estate = village()
    load = Incident("h0001", IncidentKind.OVERLOAD, START + 1, NEVER, level=30)
    loose = Incident("h0001", IncidentKind.LOOSE_TERMINAL, START + 1, NEVER, level=4)
    subject = world(load, loose, estate=estate)
    row = subject.row["h0001"]
    begin = subject.terminal[row]
    currents = []
    for _ in range(int(THERMAL_TIME_CONSTANT_S)):
        advance(subject, 1)
        currents.append(subject.current[row])
    rated = protector(estate, "h0001").ratings.rated_current
    rises = [TERMINAL_RISE_AT_RATED * 4 * (i / rated) ** 2 for i in currents]
    # The response of a first-order system to what flowed, as a sum over the impulses.
    tau = THERMAL_TIME_CONSTANT_S
    n = len(rises)
    weights = [math.exp(-(n - 1 - k) / tau) * (1 - math.exp(-1 / tau)) for k in range(n)]
    expected = sum(w * (subject.ambient + r) for w, r in zip(weights, rises, strict=True)) + begin * math.exp(-n / tau)
    assert subject.terminal[row] == pytest.approx(expected, abs=0.1)  # the ambient moves a little meanwhile
    settled = subject.ambient + rises[-1]
    assert (settled - subject.terminal[row]) / (settled - begin) == pytest.approx(math.exp(-1), abs=0.1)


def test_load_lowers_the_voltage_of_its_own_phase_by_the_resistance_of_the_line() -> None:
    grid = Grid(["f"] * 3, np.eye(3))
    loaded = 10.0  # S
    calm = grid.voltages(np.array([0.0, 0.0, 0.0]), np.array([230.0]), np.array([1.0]))
    under_load = grid.voltages(np.array([loaded, 0.0, 0.0]), np.array([230.0]), np.array([1.0]))
    assert calm == pytest.approx(230)
    loop = FEEDER_RESISTANCE + 1 / NEUTRAL_CONDUCTANCE
    assert under_load[0, 0] == pytest.approx(230 / (1 + loop * loaded))
    assert under_load[0, 1] > 230  # the neutral's drop lifts the others
    balanced = grid.voltages(np.full(3, loaded), np.array([230.0]), np.array([1e-9]))
    assert balanced[0] == pytest.approx(230 / (1 + FEEDER_RESISTANCE * loaded))  # no neutral needed


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
def test_a_broken_neutral_drives_phases_apart_but_keeps_the_line_voltage(loads: list[float]) -> None:
    grid = Grid(["f"] * 3, np.eye(3))
    whole, broken = (
        grid.voltages(np.array(loads), np.array([230.0]), np.array([neutral]))[0] for neutral in (1.0, 1e-6)
    )
    assert np.ptp(broken) >= np.ptp(whole) - 1e-6
    assert broken[int(np.argmin(loads))] == pytest.approx(broken.max(), rel=1e-6)
    assert broken.max() <= 230 * math.sqrt(3) + 1e-6


def test_other_feeders_do_not_feel_a_broken_neutral() -> None:
    estate = village(households=60)
    home = protector(estate, "h0001")
    subject = world(Incident("h0001", IncidentKind.BROKEN_NEUTRAL, START, NEVER, level=0.001), estate=estate)
    calm = world(estate=estate)
    advance(subject, 5)
    advance(calm, 5)
    moved = {
        d.feeder
        for d in estate.device
        if d.feeder and abs(subject.voltage[subject.row[d.household]] - calm.voltage[calm.row[d.household]]).max() > 3
    }
    assert moved == {home.feeder}


def test_an_insulation_fault_ramps_and_is_gone_at_its_end() -> None:
    fault = Incident("h0002", IncidentKind.INSULATION_FAULT, START + 1_000, START + 61_000, level=40, ramp_s=40)
    subject = world(fault)
    row = subject.row["h0002"]
    before = subject.residual[row]
    advance(subject, 21)
    assert subject.residual[row] - before == pytest.approx(20, abs=2)
    advance(subject, 30)
    assert subject.residual[row] - before == pytest.approx(40, abs=4)
    advance(subject, 10)
    assert subject.residual[row] == pytest.approx(before, rel=0.2)


def test_kitchen_smoke_raises_the_detectors_own_alarm_and_it_is_withdrawn() -> None:
    estate = village()
    detector = next(d for d in estate.device if d.kind is DeviceKind.SMOKE)
    subject = world(
        Incident(detector.household, IncidentKind.KITCHEN_SMOKE, START + 1_000, START + 15_000, level=0.5),
        estate=estate,
    )
    assert subject.events(detector) == set()
    advance(subject, 8)
    assert subject.events(detector) == {"smoke_alarm"}
    assert subject.urgent(detector)
    advance(subject, 60)
    assert subject.events(detector) == set()
    assert not subject.urgent(detector)


def test_a_device_event_and_a_cut_line_last_as_long_as_they_were_declared() -> None:
    estate = village()
    device = estate.device[0]
    subject = world(
        Incident(
            device.household, IncidentKind.DEVICE_EVENT, START + 1_000, START + 3_000, device=device.id, event="trip"
        ),
        Incident(device.household, IncidentKind.OFFLINE, START + 2_000, START + 4_000),
        estate=estate,
    )
    seen = []
    for _ in range(4):
        advance(subject, 1)
        seen.append((subject.events(device), subject.online(device)))
    assert seen == [({"trip"}, True), ({"trip"}, False), (set(), False), (set(), True)]


def test_three_phase_devices_report_each_phase() -> None:
    estate = village()
    device = estate.device[0].model_copy(update={"phase": "3"})
    estate = estate.model_copy(update={"device": (device, *estate.device[1:])})
    values = world(estate=estate).values(device)
    assert {"voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "residual_current"} <= values.keys()
    assert "voltage" not in values


def test_a_village_without_anyone_is_no_fault() -> None:
    subject = world(estate=Estate())
    advance(subject, 3)
    assert len(subject.current) == 0
