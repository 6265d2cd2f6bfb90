"""The carrying of a new rulebook: logged before it is in force, and refused without harm."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.exc import OperationalError

from community.file_faults import FileError
from community.frame import Record, RulebookChange
from community.vitals import State, Vitals
from gateway.log import LogUnavailable, Unavailable
from mingluo.rulebook_watch import COMPONENT, RulebookWatch
from rules.errors import RulebookErrors
from rules.rulebook import Rulebook

NOW = 1_795_000_000_000
BOOK = Rulebook(())


class Stop(Exception):
    """Ends a role that runs for ever."""


class Log:
    def __init__(self) -> None:
        self.records: list[tuple[Record, str | None]] = []
        self.away = False

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        if self.away:
            raise LogUnavailable(Unavailable.DISCONNECTED)
        self.records.append((record, message_id))
        return len(self.records)


class Store:
    """Versions from 1 to `newest`; those in `broken` cannot be read."""

    def __init__(self) -> None:
        self.newest = 1
        self.broken: set[int] = set()
        self.asked: list[int] = []
        self.away = False

    def current_version(self) -> int:
        if self.away:
            raise OperationalError("select", {}, Exception("database is locked"))
        return self.newest

    def version(self, number: int) -> Rulebook:
        self.asked.append(number)
        if number in self.broken:
            raise RulebookErrors([FileError("rulebook", 7, "rule x.kind", "expected one of these")])
        return BOOK


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


async def never(_seconds: float) -> None:
    raise Stop


def watching(
    store: Store, log: Log, vitals: Vitals, sleep: Callable[[float], Awaitable[None]] = never
) -> RulebookWatch:
    return RulebookWatch(store, log, vitals, lambda: NOW, sleep=sleep)  # type: ignore[arg-type]  # fakes


def state(vitals: Vitals) -> tuple[State, str]:
    return {c.name: (c.state, c.detail) for c in vitals.components()}[COMPONENT]


async def test_a_new_version_is_logged_once_and_then_in_force(store: Store, log: Log, vitals: Vitals) -> None:
    watch = watching(store, log, vitals)
    for newest in (1, 1, 4, 4):
        store.newest = newest
        await watch.look()
    assert log.records == [(RulebookChange(1), "rulebook-1"), (RulebookChange(4), "rulebook-4")]
    assert (watch.version, watch.rulebook) == (4, BOOK)
    assert state(vitals) == (State.OK, "version 4, 0 rules")


async def test_what_the_log_does_not_take_is_not_in_force(store: Store, log: Log, vitals: Vitals) -> None:
    watch = watching(store, log, vitals)
    log.away = True
    with pytest.raises(LogUnavailable):
        await watch.look()
    assert watch.version == 0
    log.away = False
    await watch.look()
    assert watch.version == 1


async def test_a_version_that_cannot_be_read_leaves_the_running_one_in_force(
    store: Store, log: Log, vitals: Vitals
) -> None:
    watch = watching(store, log, vitals)
    await watch.look()
    store.newest, store.broken = 2, {2}
    for _ in range(3):
        await watch.look()
    assert (watch.version, len(log.records), store.asked) == (1, 1, [0, 1, 2])
    shown, detail = state(vitals)
    assert shown is State.DEGRADED
    assert "version 2" in detail
    assert "version 1 stays" in detail
    assert "expected one of these" in detail
    store.newest = 3
    await watch.look()
    assert (watch.version, state(vitals)[0]) == (3, State.OK)


async def test_a_database_that_is_away_is_told_and_asked_again(store: Store, log: Log, vitals: Vitals) -> None:
    seen: list[State] = []
    store.away = True

    async def three_times(_seconds: float) -> None:
        seen.extend(c.state for c in vitals.components())
        store.away = len(seen) < 1
        if len(seen) == 2:
            raise Stop

    with pytest.raises(Stop):
        await watching(store, log, vitals, three_times).run()
    assert seen == [State.DEGRADED, State.OK]
