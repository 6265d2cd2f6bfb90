"""The demo under the real rules, in virtual time: what a person sees in the first minute, and that it stays calm."""

import json
from collections.abc import Iterator

import pytest

from community.estate import Estate, partition_of
from community.finding import Finding
from community.frame import Frame, Reading, Tick
from community.severity import Category, Severity
from rules.engine import Engine
from rules.rulebook import standard_rulebook
from simulators.demo import demo_incidents
from simulators.device import Line, Outgoing, SimulatedDevice
from simulators.fleet import Fleet
from simulators.world import World
from tests.simulators.conftest import village

START = 1_795_341_600_000


class Recorder:
    """Stands where a device's connection is: remembers what the device says, and says it when its line is whole."""

    def __init__(self, connection: SimulatedDevice) -> None:
        self.device = connection.device
        self.said: list[Outgoing] = []
        self.whole = True

    def offer(self, message: Outgoing) -> None:
        self.said.append(message)

    def set_line(self, whole: bool) -> None:
        self.whole = whole

    def take(self, now: int) -> list[Reading]:
        if not self.whole:
            return []
        said, self.said = self.said, []
        messages = [json.loads(m.payload) for m in said]
        return [
            Reading(self.device.id, m["ts"], now, m.get("values") or {m["event"]: float(m["active"])}) for m in messages
        ]


def findings(estate: Estate, seconds: int) -> Iterator[tuple[float, Finding]]:
    """Everything found in the demo, with the seconds since its start."""
    now = START
    world = World(estate, START, demo_incidents(estate, START))
    fleet = Fleet(estate, world, Line("unused", 1), lambda: now)
    recorders = {name: Recorder(device) for name, device in fleet.devices.items()}
    fleet.devices = recorders  # type: ignore[assignment]  # a fake with the part that Fleet.step uses
    engine = Engine(standard_rulebook(), estate, partition_of("xijiang"))
    for second in range(1, seconds + 1):
        now = START + second * 1_000
        fleet.step(now)
        readings = [r for recorder in recorders.values() for r in recorder.take(now)]
        found = engine.apply(Frame.from_readings(readings)) if readings else []
        for finding in [*found, *engine.tick(Tick(now, START))]:
            yield second, finding


def test_within_a_minute_a_person_sees_alerts_arise_and_clear() -> None:
    minute = list(findings(village(households=200, interval_s=5), 60))
    raised = {(f.rule, f.device): s for s, f in minute if f.severity > f.previous}
    cleared = {(f.rule, f.device): s for s, f in minute if f.severity is Severity.NORMAL}
    assert min(raised.values()) <= 10
    assert sum(s <= 20 for s in raised.values()) >= 2
    assert len(raised) >= 5
    assert len(cleared) >= 3
    assert {"smoke.alarm", "voltage.over", "device.tamper"} <= {rule for rule, _ in cleared}
    assert [f.rule for _, f in minute if f.category is Category.LIFE and f.severity > f.previous] == ["smoke.alarm"]


@pytest.mark.long
def test_for_an_hour_it_stays_calm_and_seldom_concerns_life() -> None:
    hour = [f for _, f in findings(village(households=200, interval_s=5), 3_600)]
    raised = [f for f in hour if f.previous is Severity.NORMAL]
    assert 60 <= len(raised) <= 240
    life = [f for f in raised if f.category is Category.LIFE]
    assert 1 <= len(life) <= len(raised) / 10
    assert {"residual.early", "device.silent", "overload.thermal", "terminal.temperature"} <= {f.rule for f in raised}
