"""What a person answers to announcements: taken in with its mark or not at all, also by two at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from community.announcements import Announced, AnnouncementStore, Decision
from community.approval import ApprovalError, Approvals, Hindrance, Installation, with_device
from community.database import metadata, open_database
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, Ratings
from community.estate_store import EstateStore

PLUG = Announced(profile="shelly2", address="shellyplug-1", name="Cellar", kind="meter", signals=("voltage",))
HOMES = Estate(
    place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
    household=(Household(id="h", place="c"),),
    device=(Device(id="d", household="h", kind=DeviceKind.SMOKE),),
)
HERE = Installation(household="h")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with one household, and one plug that announced itself."""
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database)
    EstateStore(database).replace(HOMES, "first", 1)
    AnnouncementStore(database).note([PLUG], 5)
    yield database
    database.dispose()


@pytest.fixture
def approvals(engine: Engine) -> Approvals:
    return Approvals(engine, EstateStore(engine))


def refuse(engine: Engine, statement: str) -> None:
    """Make a statement fail from now on: as a full disk or a lost line would, half-way."""
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TRIGGER refuse BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'no more'); END"))


def test_an_approved_device_speaks_its_profile() -> None:
    wanted = Installation(household="h", device_id="plug1", ratings=Ratings(rated_current=16))
    device = with_device(HOMES, PLUG, wanted).devices["plug1"]
    assert (device.profile, device.own_address, device.kind, device.name, device.ratings.rated_current) == (
        "shelly2", "shellyplug-1", DeviceKind.METER, "Cellar", 16,
    )  # fmt: skip
    assert with_device(HOMES, PLUG, HERE).devices["shellyplug-1"].address is None


@pytest.mark.parametrize(
    ("found", "wanted", "why", "hindrance"),
    [
        (PLUG, Installation(household="nowhere"), "no household", Hindrance.UNKNOWN_HOUSEHOLD),
        (PLUG, Installation(household="h", device_id="d"), "already an id", Hindrance.ID_TAKEN),
        (PLUG, Installation(household="h", kind="toaster"), "what kind of device", Hindrance.KIND_NEEDED),
        (Announced(profile="tuya", address="x"), HERE, "what kind of device", Hindrance.KIND_NEEDED),
        (
            Announced(profile="zigbee2mqtt", address="kitchen/烟感", kind="smoke"),
            HERE,
            "cannot be an id",
            Hindrance.UNUSABLE_ID,
        ),
    ],
)
def test_what_cannot_be_taken_in_is_told(
    found: Announced, wanted: Installation, why: str, hindrance: Hindrance
) -> None:
    with pytest.raises(ApprovalError, match=why) as told:
        with_device(HOMES, found, wanted)
    assert told.value.hindrance is hindrance


def test_the_device_and_its_mark_come_together(engine: Engine, approvals: Approvals) -> None:
    assert approvals.approve("shelly2", "shellyplug-1", HERE, "mei", 9) == 2
    assert "shellyplug-1" in EstateStore(engine).current()[1].devices
    found = AnnouncementStore(engine).get("shelly2", "shellyplug-1")
    assert found is not None
    assert (found.state, found.actor, found.decided_at) == (Decision.APPROVED, "mei", 9)


@pytest.mark.parametrize("statement", ["UPDATE ON announcement", "INSERT ON device", "INSERT ON estate_version"])
def test_a_failure_half_way_leaves_neither(engine: Engine, approvals: Approvals, statement: str) -> None:
    refuse(engine, statement)
    with pytest.raises(DatabaseError, match="no more"):
        approvals.approve("shelly2", "shellyplug-1", HERE, "mei", 9)
    assert EstateStore(engine).current() == (1, HOMES)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM device")) == 1
    assert [a.address for a in AnnouncementStore(engine).page()] == ["shellyplug-1"]


def test_two_at_once_take_it_in_once(engine: Engine) -> None:
    def approve(device_id: str) -> str:
        wanted = Installation(household="h", device_id=device_id)
        try:
            return str(Approvals(engine, EstateStore(engine)).approve("shelly2", "shellyplug-1", wanted, device_id, 9))
        except ApprovalError as error:
            return error.hindrance

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(approve, ("a", "b")))
    assert answers == ["2", "already_installed"]
    (device,) = (d for d in EstateStore(engine).current()[1].device if d.profile == "shelly2")
    found = AnnouncementStore(engine).get("shelly2", "shellyplug-1")
    assert found is not None
    assert found.actor == device.id, "the mark is of whoever took it in"


def test_two_devices_at_once_are_both_taken_in(engine: Engine) -> None:
    addresses = [f"plug{i}" for i in range(8)]
    AnnouncementStore(engine).note([Announced(profile="tuya", address=a, kind="meter") for a in addresses], 6)
    store = EstateStore(engine)
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda a: Approvals(engine, store).approve("tuya", a, HERE, "mei", 9), addresses))
    assert sorted(versions) == list(range(2, 10))
    assert set(store.current()[1].devices) == {"d", *addresses}


def test_who_was_never_announced_is_told(approvals: Approvals) -> None:
    for ask in (
        lambda: approvals.approve("shelly2", "nobody", HERE, "mei", 9),
        lambda: approvals.reject("shelly2", "nobody", None, "mei", 9),
    ):
        with pytest.raises(ApprovalError, match="no shelly2 device 'nobody' was announced") as told:
            ask()
        assert told.value.hindrance is Hindrance.UNKNOWN_ANNOUNCEMENT


def test_one_that_was_turned_away_may_still_be_taken_in_but_not_the_other_way(
    engine: Engine, approvals: Approvals
) -> None:
    approvals.reject("shelly2", "shellyplug-1", "the neighbour's", "mei", 7)
    found = AnnouncementStore(engine).get("shelly2", "shellyplug-1")
    assert found is not None
    assert (found.state, found.reason, found.decided_at) == (Decision.REJECTED, "the neighbour's", 7)
    approvals.approve("shelly2", "shellyplug-1", HERE, "mei", 8)
    for ask in (
        lambda: approvals.approve("shelly2", "shellyplug-1", HERE, "mei", 9),
        lambda: approvals.reject("shelly2", "shellyplug-1", None, "mei", 9),
    ):
        with pytest.raises(ApprovalError, match=r"in(to)? the estate") as told:
            ask()
        assert told.value.hindrance is Hindrance.ALREADY_INSTALLED
    EstateStore(engine).replace(HOMES, "mei", 10)  # it was taken out of the estate
    approvals.reject("shelly2", "shellyplug-1", None, "mei", 11)
    approvals.approve("shelly2", "shellyplug-1", HERE, "mei", 12)
