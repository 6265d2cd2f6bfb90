"""Announcements behind the small house: the real store and answers, over a database of their own."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from api.problems import Unavailable
from community.announcements import Announced, AnnouncementStore, Decision, PlaceInList, announcement
from community.approval import Approvals, Installation
from community.database import metadata, open_database
from community.estate_store import EstateStore, Version
from community.estate_tables import bridge, device, estate_version, household, place
from tests.api.house import House

T = TypeVar("T")


class Announcements:
    """What the roof would hand over: a change of the estate is in force at once in the house.

    Attributes:
        store: the announcements.
        versions: the estate's.
        away: whether the database does not answer.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        engine = open_database(f"sqlite:///{house.database.with_name('announced.db')}")
        metadata.create_all(engine, tables=[announcement, estate_version, place, household, device, bridge])
        self._estates = EstateStore(engine)
        self._estates.replace(house.estate, "first start", house.clock.now)
        self._approvals = Approvals(engine, self._estates)
        self.store = AnnouncementStore(engine)
        self.versions: Callable[[], list[Version]] = self._estates.versions
        self.away = False
        self.close = engine.dispose

    async def page(self, state: Decision | None, limit: int, before: PlaceInList | None) -> Sequence[Announced]:
        return self._asked(lambda: self.store.page(state, limit, before))

    async def waiting(self) -> int:
        return self._asked(self.store.waiting)

    async def approve(self, profile: str, address: str, wanted: Installation, actor: str) -> int:
        now = self._house.clock.now
        version = self._asked(lambda: self._approvals.approve(profile, address, wanted, actor, now))
        self._house.estate = self._estates.current()[1]
        return version

    async def reject(self, profile: str, address: str, reason: str | None, actor: str) -> None:
        now = self._house.clock.now
        self._asked(lambda: self._approvals.reject(profile, address, reason, actor, now))

    def _asked(self, question: Callable[[], T]) -> T:
        if self.away:
            raise Unavailable("the database does not answer now")
        return question()
