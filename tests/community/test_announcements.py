"""Devices that said they exist: kept, bounded, decided on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import community.announcements as module
from community.announcements import Announced, AnnouncementStore, ApprovalError, Decision, with_device
from community.database import metadata, open_database
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind

PLUG = Announced(profile="shelly2", address="shellyplug-1", name="Cellar", kind="meter", signals=("voltage",))
HOMES = Estate(
    place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
    household=(Household(id="h", place="c"),),
    device=(Device(id="d", household="h", kind=DeviceKind.SMOKE),),
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database)
    yield database
    database.dispose()


def approved(found: Announced = PLUG, estate: Estate = HOMES, **given: str | None) -> Estate:
    """The estate with a device in it."""
    wanted: dict[str, str | None] = {"household": "h", "device_id": None, "kind": None, "name": None, **given}
    return with_device(
        estate,
        found,
        household=str(wanted["household"]),
        device_id=wanted["device_id"],
        kind=wanted["kind"],
        name=wanted["name"],
    )


def test_who_announces_itself_again_is_one_and_keeps_what_was_decided(engine: Engine) -> None:
    store = AnnouncementStore(engine)
    store.note([PLUG], 5)
    store.note([Announced(profile="shelly2", address="shellyplug-1", signals=("co",))], 9)  # merely heard
    (found,) = store.all()
    assert (found.first_seen, found.last_seen, found.signals, found.state) == (5, 9, ("voltage",), Decision.WAITING)
    assert store.decide("shelly2", "shellyplug-1", Decision.REJECTED, "mei")
    store.note([PLUG], 12)
    assert store.all() == []
    (rejected,) = store.all(None)
    assert (rejected.state, rejected.actor, rejected.last_seen) == (Decision.REJECTED, "mei", 12)
    assert not store.decide("shelly2", "nobody", Decision.REJECTED, "mei")
    assert store.get("shelly2", "nobody") is None


def test_without_room_the_waiting_ones_not_heard_of_for_longest_go(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    store = AnnouncementStore(engine)
    for at in range(4):
        dropped = store.note([Announced(profile="tuya", address=f"a{at}")], at)
        assert dropped == int(at >= 2)
    assert [a.address for a in store.all()] == ["a3", "a2"]


def test_an_approved_device_speaks_its_profile() -> None:
    device = approved(device_id="plug1").devices["plug1"]
    assert (device.profile, device.own_address, device.kind, device.name) == (
        "shelly2", "shellyplug-1", DeviceKind.METER, "Cellar",
    )  # fmt: skip
    assert approved().devices["shellyplug-1"].address is None


@pytest.mark.parametrize(
    ("found", "given", "why"),
    [
        (PLUG, {"household": "nowhere"}, "no household"),
        (PLUG, {"device_id": "d"}, "already an id"),
        (PLUG, {"kind": "toaster"}, "what kind of device"),
        (Announced(profile="tuya", address="x"), {}, "what kind of device"),
        (Announced(profile="zigbee2mqtt", address="kitchen/烟感", kind="smoke"), {}, "cannot be an id"),
    ],
)
def test_what_cannot_be_taken_in_is_told(found: Announced, given: dict[str, str], why: str) -> None:
    with pytest.raises(ApprovalError, match=why):
        approved(found, HOMES, **given)


def test_nobody_is_taken_in_twice() -> None:
    with pytest.raises(ApprovalError, match="in the estate already"):
        approved(estate=approved(), device_id="other")
