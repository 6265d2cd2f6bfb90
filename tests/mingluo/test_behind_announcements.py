"""Announcements as a request meets them: answers are in force, outages are told by what they leave behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from api.problems import Unavailable
from community.announcements import Announced, AnnouncementStore, Decision
from community.approval import ApprovalError, Approvals, Installation
from community.database import metadata, open_database
from community.estate import Estate, Household, Place, PlaceKind
from community.estate_store import EstateStore
from gateway.log import LogUnavailable
from gateway.log import Unavailable as Why
from mingluo.behind_announcements import BehindAnnouncements

PLUG = Announced(profile="shelly2", address="plug", kind="meter")
HOMES = Estate(place=(Place(id="c", kind=PlaceKind.COMMUNITY),), household=(Household(id="h", place="c"),))
HERE = Installation(household="h")


class Watch:
    """Of the estate: how often it looked."""

    looked = 0
    fault: Exception | None = None

    async def look(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.looked += 1


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database)
    EstateStore(database).replace(HOMES, "first", 1)
    AnnouncementStore(database).note([PLUG], 5)
    yield database
    database.dispose()


def behind(engine: Engine, watch: Watch) -> BehindAnnouncements:
    approvals = Approvals(engine, EstateStore(engine))
    return BehindAnnouncements(
        AnnouncementStore(engine),
        approvals,
        watch,  # type: ignore[arg-type]  # the part of it that is used
        lambda: 7,
    )


async def test_who_is_taken_in_is_in_force_when_the_answer_comes(engine: Engine) -> None:
    watch = Watch()
    announcements = behind(engine, watch)
    assert (await announcements.waiting(), [a.address for a in await announcements.page(None, 9, None)]) == (
        1,
        ["plug"],
    )
    assert (await announcements.approve("shelly2", "plug", HERE, "mei"), watch.looked) == (2, 1)
    with pytest.raises(ApprovalError):
        await announcements.reject("shelly2", "plug", None, "mei")
    (found,) = await announcements.page(Decision.APPROVED, 9, None)
    assert (found.actor, found.decided_at, await announcements.waiting()) == ("mei", 7, 0)


async def test_without_the_log_it_is_stored_and_that_is_said(engine: Engine) -> None:
    watch = Watch()
    watch.fault = LogUnavailable(Why.NO_ANSWER, "away")
    with pytest.raises(Unavailable, match="it is stored"):
        await behind(engine, watch).approve("shelly2", "plug", HERE, "mei")
    assert "plug" in EstateStore(engine).current()[1].devices


async def test_without_the_database_nothing_was_changed_and_that_is_said(engine: Engine) -> None:
    announcements = behind(engine, Watch())
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE announcement RENAME TO gone"))
    for question in (
        announcements.waiting(),
        announcements.page(None, 9, None),
        announcements.approve("shelly2", "plug", HERE, "mei"),
        announcements.reject("shelly2", "plug", None, "mei"),
    ):
        with pytest.raises(Unavailable, match="nothing was changed"):
            await question
    assert EstateStore(engine).current_version() == 1
