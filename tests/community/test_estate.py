"""What follows from an estate: local time, flags, and the groups a device belongs to."""

import pytest
from hypothesis import given

from community.estate import (
    DEFAULT_TIMEZONE,
    HOUSEHOLD_FLAGS,
    Device,
    DeviceKind,
    Estate,
    Household,
    Place,
    PlaceKind,
    group_name,
)
from tests.community.estates import estates


def device(name: str, household: str, feeder: str | None = None, phase: str | None = None) -> Device:
    return Device(id=name, household=household, kind=DeviceKind.METER, feeder=feeder, phase=phase)


VILLAGE = Estate(
    place=(
        Place(id="county", kind=PlaceKind.DISTRICT, timezone="Asia/Urumqi"),
        Place(id="xijiang", kind=PlaceKind.COMMUNITY, parent="county"),
        Place(id="b3", kind=PlaceKind.BUILDING, parent="xijiang"),
        Place(id="annex", kind=PlaceKind.BUILDING, parent="b3", timezone="Europe/Berlin"),
        Place(id="far", kind=PlaceKind.COMMUNITY),
    ),
    household=(
        Household(id="flat", place="b3", lives_alone=True, may_wander=True),
        Household(id="shed", place="annex"),
        Household(id="farm", place="xijiang", activity_consent=True),
        Household(id="mill", place="far"),
    ),
    device=(
        device("a", "flat", "f1", "l2"),
        device("b", "farm", "f1", "3"),
        device("c", "farm"),
        device("d", "mill", "f2", "l1"),
        device("e", "shed"),
    ),
)


def groups(name: str, estate: Estate = VILLAGE) -> dict[str, str]:
    return estate.groups_of(estate.devices[name])


def test_a_place_has_the_time_zone_of_the_nearest_place_above_that_has_one() -> None:
    zones = {name: VILLAGE.zone_of(VILLAGE.devices[name]) for name in "ace"}
    assert zones == {"a": "Asia/Urumqi", "c": "Asia/Urumqi", "e": "Europe/Berlin"}
    assert VILLAGE.zone_of(VILLAGE.devices["d"]) == DEFAULT_TIMEZONE


def test_flags_by_name() -> None:
    assert VILLAGE.flags_of(VILLAGE.households["flat"]) == {"lives_alone", "may_wander"}
    assert VILLAGE.flags_of(VILLAGE.households["farm"]) == {"activity_consent"}
    assert VILLAGE.flags_of(VILLAGE.households["mill"]) == frozenset()


def test_every_flag_of_a_household_is_among_the_names() -> None:
    assert {name for name, f in Household.model_fields.items() if f.annotation is bool} == set(HOUSEHOLD_FLAGS)


def test_groups_of_a_device() -> None:
    assert groups("a") == {
        "household": "flat", "community": "xijiang", "building": "b3", "feeder": "f1", "phase": "f1/l2",
    }  # fmt: skip
    assert groups("b") == {"household": "farm", "community": "xijiang", "feeder": "f1"}
    assert groups("c") == {"household": "farm", "community": "xijiang"}
    assert groups("e")["building"] == "annex"


def test_feeders_of_one_name_in_two_communities_are_two() -> None:
    devices = (*VILLAGE.device, device("x", "mill", "f1", "l2"))
    twice = Estate(place=VILLAGE.place, household=VILLAGE.household, device=devices)
    assert (groups("a", twice)["feeder"], groups("a", twice)["phase"]) == ("f1@xijiang", "f1@xijiang/l2")
    assert groups("x", twice)["feeder"] == "f1@far"
    assert groups("d", twice)["feeder"] == "f2"


@given(estates())
def test_no_group_of_a_feeder_or_building_spans_communities(estate: Estate) -> None:
    owner: dict[tuple[str, str], str] = {}
    for row in estate.device:
        of = estate.groups_of(row)
        for level in ("household", "building", "feeder", "phase"):
            if level in of and level != "building":
                assert owner.setdefault((level, of[level]), of["community"]) == of["community"]


@pytest.mark.parametrize("group", ["f1", "东" * 70, "东" * 69 + "x", "f" * 57, "f" * 58])
def test_a_group_s_name_fits_where_a_device_id_stands(group: str) -> None:
    name = group_name("feeder", group)
    assert name.startswith("feeder:" + group[:48])
    assert len(name) <= 64
    assert (name == f"feeder:{group}") == (len(group) <= 57)
    assert name != group_name("feeder", group + "y")
