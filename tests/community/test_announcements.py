"""Devices that said they exist: kept, bounded, listed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import community.announcements as module
from community.announcements import Announced, AnnouncementStore, Decision
from community.approval import Approvals
from community.database import metadata, open_database
from community.estate_store import EstateStore

PLUG = Announced(profile="shelly2", address="shellyplug-1", name="Cellar", kind="meter", signals=("voltage",))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database)
    yield database
    database.dispose()


def test_who_announces_itself_again_is_one_and_keeps_what_was_decided(engine: Engine) -> None:
    store = AnnouncementStore(engine)
    store.note([PLUG], 5)
    store.note([Announced(profile="shelly2", address="shellyplug-1", signals=("co",))], 9)  # merely heard
    (found,) = store.page()
    assert (found.first_seen, found.last_seen, found.signals, found.state) == (5, 9, ("voltage",), Decision.WAITING)
    assert store.waiting() == 1
    Approvals(engine, EstateStore(engine)).reject("shelly2", "shellyplug-1", None, "mei", 10)
    store.note([PLUG], 12)
    assert (store.page(), store.waiting()) == ([], 0)
    (rejected,) = store.page(None)
    assert (rejected.state, rejected.actor, rejected.last_seen) == (Decision.REJECTED, "mei", 12)
    assert store.get("shelly2", "nobody") is None


def test_without_room_the_waiting_ones_not_heard_of_for_longest_go(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    store = AnnouncementStore(engine)
    for at in range(4):
        dropped = store.note([Announced(profile="tuya", address=f"a{at}")], at)
        assert dropped == int(at >= 2)
    assert [a.address for a in store.page()] == ["a3", "a2"]


def test_pages_hold_each_of_them_once_although_they_are_heard_meanwhile(engine: Engine) -> None:
    store = AnnouncementStore(engine)
    found = [Announced(profile=profile, address=f"a{i}") for i in range(4) for profile in ("shelly2", "tuya")]
    for at in range(4):
        store.note(found[2 * at : 2 * at + 2], at)
    listed: list[tuple[str, str]] = []
    page = store.page(limit=3)
    while page:
        listed += [(a.address, a.profile) for a in page]
        store.note([found[0]], 99)
        page = store.page(limit=3, before=page[-1].place)
    assert listed == [(f"a{i}", profile) for i in (3, 2, 1, 0) for profile in ("tuya", "shelly2")]
