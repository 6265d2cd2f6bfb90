"""From the gateway to the store: gathered, written once, kept while the database is away."""

import asyncio
from collections.abc import Iterable

from sqlalchemy.exc import OperationalError

from community.announcements import Announced, AnnouncementStore
from community.vitals import State, Vitals
from gateway.decoding.profile import Announcement
from mingluo.announcements import Announcements


class Store(AnnouncementStore):
    """A store that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.noted: list[Announced] = []

    def note(self, found: Iterable[Announced], now: int) -> int:
        if self.away:
            raise OperationalError("insert", None, Exception("locked"))
        self.noted += found
        return 0


async def test_what_comes_while_the_database_is_away_is_written_later() -> None:
    store, vitals = Store(), Vitals()
    announcements = Announcements(store, vitals, lambda: 5)
    store.away = True
    announcements.take([("tuya", Announcement("a")), ("tuya", Announcement("b"))])
    await announcements.write()
    assert next(c for c in vitals.components() if c.name == "announcements").state is State.DEGRADED
    store.away = False
    announcements.take([("tuya", Announcement("a", name="newer"))])
    await announcements.write()
    assert sorted((a.address, a.name) for a in store.noted) == [("a", "newer"), ("b", "")]
    await announcements.write()
    assert len(store.noted) == 2


def test_an_address_that_the_estate_cannot_hold_is_counted_and_keeps_nobody_else_from_being_written() -> None:
    store, vitals = Store(), Vitals()
    announcements = Announcements(store, vitals, lambda: 5)
    bad = ["", "x" * 257, "half\ud800", "nul\0"]
    announcements.take([("tuya", Announcement(a)) for a in [*bad, "x" * 256]])
    announcements.take([("tuya", Announcement("a", name="half\ud800", model="nul\0"))])
    asyncio.run(announcements.write())
    assert [(a.address, a.name, a.model) for a in store.noted] == [("x" * 256, "", ""), ("a", "half?", "nul?")]
    assert vitals.counter("announcements_unusable") == 4
