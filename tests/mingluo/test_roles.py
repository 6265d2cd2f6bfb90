"""Ticks, the carrying of a new estate, and the roles' tasks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from community.clock import SECOND
from community.estate import Estate, Household, Place, PlaceKind
from community.frame import EstateChange, Record, Tick
from community.vitals import State, Vitals
from gateway.log import LogUnavailable, Unavailable
from mingluo.estate_watch import EstateWatch
from mingluo.patience import patiently
from mingluo.roles.gateway import Gateway
from mingluo.tasks import RoleEnded, Tasks

NOW = 1_795_000_000_250


class Stop(Exception):
    """Ends a role that runs for ever."""


class Clock:
    """A clock that moves only when someone sleeps."""

    def __init__(self, sleeps: int) -> None:
        self.now = NOW
        self.slept: list[float] = []
        self._sleeps = sleeps

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if len(self.slept) == self._sleeps:
            raise Stop
        self.slept.append(seconds)
        self.now += round(seconds * SECOND)


class Log:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        if self.away:
            raise LogUnavailable(Unavailable.DISCONNECTED)
        self.records.append(record)
        return len(self.records)


class Quiet:
    """A link and an ingest with nothing to do."""

    connected_since: int | None = None

    async def run(self) -> None:
        await asyncio.Event().wait()


async def ticks(log: Log, link: Quiet, vitals: Vitals, seconds: int) -> list[Record]:
    clock = Clock(seconds)
    gateway: Any = Gateway(link, Quiet(), log, vitals, clock, sleep=clock.sleep)  # type: ignore[arg-type]  # fakes
    with pytest.raises(ExceptionGroup):
        await gateway.run()
    return log.records


async def test_a_tick_a_second_on_the_second() -> None:
    link = Quiet()
    link.connected_since = NOW - 5
    written = await ticks(Log(), link, Vitals(), 2)
    assert written == [Tick(NOW, NOW - 5), Tick(NOW + 750, NOW - 5), Tick(NOW + 1750, NOW - 5)]


async def test_who_is_cut_off_from_the_broker_calls_nobody_silent() -> None:
    assert await ticks(Log(), Quiet(), Vitals(), 1) == [Tick(NOW, NOW), Tick(NOW + 750, NOW + 750)]


async def test_a_log_that_is_away_costs_ticks_and_is_told() -> None:
    log, vitals = Log(), Vitals()
    log.away = True
    assert await ticks(log, Quiet(), vitals, 2) == []
    assert vitals.counter("gateway_ticks_lost") == 3
    assert {c.name: c.state for c in vitals.components()}["log"] is State.DOWN


class Choosy(Quiet):
    """A link to a broker that refuses `b`."""

    def __init__(self) -> None:
        self.refused: tuple[str, ...] = ()
        self.asked: list[tuple[str, ...]] = []

    async def resubscribe(self, filters: tuple[str, ...]) -> None:
        self.asked.append(filters)
        self.refused = tuple(f for f in filters if f == "b")


async def test_a_broker_is_asked_at_once_for_what_is_new_and_each_minute_for_what_it_refused() -> None:
    link, clock, wanted = Choosy(), Clock(3_600), [("a",)] * 10 + [("a", "b")] * 130
    asked_at: list[int] = []

    def filters() -> tuple[str, ...]:
        asked_at.append(len(link.asked))
        if len(asked_at) == len(wanted):
            raise Stop
        return wanted[len(asked_at) - 1]

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)  # the loop's other tasks have their turn

    gateway: Any = Gateway(link, Quiet(), Log(), Vitals(), clock, filters=filters, sleep=sleep)  # type: ignore[arg-type]  # fakes
    with pytest.raises(ExceptionGroup):
        await gateway.run()
    assert link.asked == [("a", "b")] * 3
    assert [asked_at.index(n) for n in (1, 2, 3)] == [11, 71, 131]


HOMES = Estate(place=(Place(id="village", kind=PlaceKind.COMMUNITY),), household=(Household(id="h1", place="village"),))


class Store:
    def __init__(self) -> None:
        self.held = (0, Estate())
        self.away = False

    def current(self) -> tuple[int, Estate]:
        if self.away:
            raise OperationalError("select", {}, Exception("database is locked"))
        return self.held


def watch(
    store: Store, log: Log, vitals: Vitals, clock: Clock, sleep: Callable[[float], Awaitable[None]] | None = None
) -> EstateWatch:
    return EstateWatch(store, log, vitals, clock, sleep=sleep or clock.sleep)  # type: ignore[arg-type]  # fakes


async def test_a_new_estate_is_logged_before_anyone_is_told() -> None:
    store, log = Store(), Log()
    watching = watch(store, log, Vitals(), Clock(0))
    told: list[tuple[Estate, int]] = []
    watching.tell(lambda estate: told.append((estate, len(log.records))))
    await watching.look()
    store.held = (3, HOMES)
    await watching.look()
    await watching.look()
    assert log.records == [EstateChange(3)]
    assert told == [(Estate(), 0), (HOMES, 1)]
    assert (watching.version, watching.estate) == (3, HOMES)


async def test_what_the_log_does_not_take_is_not_in_force() -> None:
    store, log = Store(), Log()
    watching = watch(store, log, Vitals(), Clock(0))
    store.held, log.away = (1, HOMES), True
    with pytest.raises(LogUnavailable):
        await watching.look()
    assert (watching.version, watching.estate) == (0, Estate())


async def test_an_estate_that_cannot_be_looked_up_is_told_and_looked_up_again() -> None:
    store, log, vitals, clock = Store(), Log(), Vitals(), Clock(3)
    store.away = True
    seen: list[State] = []

    async def and_look(seconds: float) -> None:
        seen.extend(c.state for c in vitals.components())
        store.away = len(clock.slept) < 2
        await clock.sleep(seconds)

    with pytest.raises(Stop):
        await watch(store, log, vitals, clock, and_look).run()
    assert seen == [State.DEGRADED, State.DEGRADED, State.OK]


async def test_the_fault_of_a_role_is_the_fault_of_the_whole() -> None:
    tasks = Tasks()

    async def fails() -> None:
        raise Stop

    forever = tasks.start("forever", asyncio.Event().wait())
    tasks.start("fails", fails())
    with pytest.raises(Stop):
        await tasks.failed
    await tasks.stop()
    assert forever.cancelled()


async def test_a_role_that_ends_by_itself_is_a_fault_but_not_while_closing() -> None:
    async def ends() -> None:
        return None

    tasks = Tasks()
    tasks.start("ends", ends())
    with pytest.raises(RoleEnded, match="ends"):
        await tasks.failed
    closing = Tasks()
    closing.close()
    closing.start("ends", ends())
    await closing.stop()
    assert closing.failed.cancelled()


async def test_a_start_waits_for_a_broker_that_stumbles_but_not_for_ever() -> None:
    clock, faults = Clock(5), [OSError(), LogUnavailable(Unavailable.NO_ANSWER)]

    async def ask() -> int:
        if faults:
            raise faults.pop()
        return 7

    assert await patiently(ask, sleep=clock.sleep) == 7
    assert len(clock.slept) == 2

    async def never() -> int:
        raise LogUnavailable(Unavailable.FULL)

    with pytest.raises(LogUnavailable, match="full"):
        await patiently(never, within_s=0.5, sleep=clock.sleep)
