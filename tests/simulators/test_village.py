"""The demo village and its schedule."""

from itertools import count, pairwise, takewhile

import pytest

from community.estate import DeviceKind, Estate, Material
from community.estate_file import dump_estate, load_estate
from community.quantities import EVENTS
from simulators.demo import GREATEST_PAUSE_S, LEAST_PAUSE_S, demo_incidents
from simulators.incidents import IncidentKind
from simulators.village import xijiang
from simulators.world import World
from tests.simulators.conftest import village

START = 1_795_341_600_000


def test_the_village_is_what_it_promises() -> None:
    estate = village(households=200, interval_s=5)
    assert len(estate.household) == 200
    assert len(estate.device) == 400
    assert {h.place for h in estate.household} == {"yangpai", "dongyin", "pingzhai"}
    assert {(d.feeder or "")[:2] for d in estate.device if d.feeder} == {"T1", "T2"}
    assert {estate.community_of(d) for d in estate.device} == {"xijiang"}
    assert sum(h.material is Material.WOOD for h in estate.household) > 180
    assert len({h.position for h in estate.household}) == 200
    assert len({d.secret for d in estate.device}) == 400
    assert load_estate(dump_estate(estate), "village") == estate


def test_only_the_secrets_differ_between_two_installations() -> None:
    numbers = count()
    one, two = (xijiang(lambda: f"another {next(numbers)}", households=30) for _ in range(2))
    bare = [
        e.model_copy(update={"device": [d.model_copy(update={"secret": None}) for d in e.device]}) for e in (one, two)
    ]
    assert bare[0] == bare[1]
    assert not {d.secret for d in one.device} & {d.secret for d in two.device}


def _hour(estate: Estate, seed: int = 1) -> list[tuple[int, int, IncidentKind, str]]:
    coming = takewhile(lambda i: i.start < START + 3_600_000, demo_incidents(estate, START, seed))
    return [(i.start - START, i.end - START, i.kind, i.household) for i in coming]


def test_the_demo_is_the_same_each_time_and_in_order() -> None:
    estate = village(households=200)
    hour = _hour(estate)
    assert hour == _hour(estate)
    assert hour != _hour(estate, seed=2)
    assert [start for start, *_ in hour] == sorted(start for start, *_ in hour)


def test_the_rhythm_is_calm_and_danger_seldom() -> None:
    hour = _hour(village(households=200))
    later = [start for start, _, kind, _ in hour if start > 45_000 and kind is not IncidentKind.LOOSE_TERMINAL]
    pauses = [(b - a) / 1_000 for a, b in pairwise(later)]
    assert all(LEAST_PAUSE_S - 1 <= pause <= GREATEST_PAUSE_S + 1 for pause in pauses)
    smoke = [start for start, _, kind, _ in hour if kind is IncidentKind.KITCHEN_SMOKE]
    assert len(smoke) <= len(hour) / 8


def test_too_small_a_village_is_refused() -> None:
    with pytest.raises(ValueError, match="electrical protectors"):
        next(demo_incidents(village(households=2), START))


def test_within_the_first_minute_dangers_arise_and_pass() -> None:
    """In virtual time, at what the devices would report, with the limits of the standard pack."""
    estate = village(households=200, interval_s=5)
    subject = World(estate, START, demo_incidents(estate, START))
    detectors = [d for d in estate.device if d.kind is DeviceKind.SMOKE]
    arose: dict[str, int] = {}
    passed: dict[str, int] = {}
    for second in range(1, 60):
        subject.advance(START + second * 1_000, 1)
        own = (subject.voltage * subject.grid.share).sum(axis=1)
        present = {event for d in detectors for event in subject.events(d)}
        present |= {"over-voltage"} if own.max() >= 1.15 * 220 else set()
        present |= {"leakage"} if subject.residual.max() >= 15 else set()
        for name in present:
            assert name in EVENTS or name in ("over-voltage", "leakage")
            arose.setdefault(name, second)
        for name in arose.keys() - present:
            passed.setdefault(name, second)
    assert arose["tamper"] <= 10
    assert arose["smoke_alarm"] <= 20
    assert arose["over-voltage"] <= 10  # held for ten seconds it becomes an alarm
    assert {"tamper", "smoke_alarm", "over-voltage"} <= passed.keys()
    assert passed["over-voltage"] - arose["over-voltage"] >= 20
    assert {"leakage", "battery_low"} <= arose.keys()
