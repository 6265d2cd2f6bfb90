"""The historian: all of the log, once, whatever the store does; and nobody waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from community.clock import SECOND
from community.frame import Frame, Reading, Record, Tick
from community.vitals import State, Vitals
from gateway.history.batch import Batch
from gateway.history.quality import Flag
from gateway.history.store import HistoryUnavailable, Last, Tended, Usage
from mingluo.roles import historian as module
from mingluo.roles.historian import FULL_ROWS, WAITING_ROWS, Historian

START = 1_790_000_000_000


class Log:
    """Records; ends behind the last one, as a log does whose connection is closed."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.read_up_to = 0

    async def read(self, after: int) -> AsyncIterator[tuple[int, str, Record]]:
        for position, record in enumerate(self.records, 1):
            if position > after:
                self.read_up_to = position
                yield position, "readings.0", record


class Store:
    """Keeps batches in memory; `fault` is called before each thing that it is asked."""

    def __init__(self, fault: Callable[[str], None] = lambda _what: None) -> None:
        self.batches: list[Batch] = []
        self.tended = 0
        self.stood: dict[str, dict[str, Last]] = {}
        self._fault = fault

    def position(self) -> int:
        self._fault("position")
        return self.batches[-1].position if self.batches else 0

    def write(self, batch: Batch) -> None:
        self._fault("write")
        self.batches.append(batch)

    def tend(self, now: int) -> Tended:
        self._fault("tend")
        self.tended += 1
        return Tended(early=True)

    def usage(self) -> Usage:
        return Usage(1234, None, {})

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        return {d: self.stood[d] for d in devices if d in self.stood}


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


def historian(log: Log, store: Any, vitals: Vitals, sleep: module.Sleep = at_once) -> Historian:
    return Historian(log, store, vitals, lambda: START + 90 * SECOND, lambda: ["a", "b"], sleep=sleep)


def readings(count: int, at: int = 0, device: str = "a") -> Frame:
    return Frame.from_readings([Reading(device, START + at, START + at, {"voltage": 230.0 + i}) for i in range(count)])


def kept(store: Store) -> list[float]:
    return [v for batch in store.batches for v in batch.values[:, 0].tolist()]


def component(vitals: Vitals, name: str) -> tuple[State, str]:
    return next((c.state, c.detail) for c in vitals.components() if c.name == name)


async def test_it_writes_all_of_the_log_behind_the_stores_position() -> None:
    log, store, vitals = Log([readings(2), Tick(START + 30 * SECOND), readings(3), readings(1)]), Store(), Vitals()
    await historian(Log(log.records[:2]), store, Vitals()).run()
    assert store.position() == 2
    second = historian(log, store, vitals)
    await second.run()
    assert kept(store) == [230.0, 231.0, 230.0, 231.0, 232.0, 230.0]
    assert store.position() == second.position == 4
    assert vitals.counter("historian_readings") == vitals.counter("historian_values") == 4
    assert component(vitals, "history")[0] is State.OK


async def test_a_store_that_is_away_gets_everything_later_and_its_lag_is_told() -> None:
    failures = 6
    pauses: list[float] = []
    seen: list[tuple[State, str]] = []
    vitals = Vitals()

    def fault(what: str) -> None:
        nonlocal failures
        if what == "write" and store.batches and failures:
            failures -= 1
            raise HistoryUnavailable("the server is away") if failures % 2 else RuntimeError("a fault of ours")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if seconds != module.TEND_EVERY_S:
            seen.extend((c.state, c.detail) for c in vitals.components() if c.name == "history")
        await asyncio.sleep(0)

    store = Store(fault)
    await historian(Log([Tick(START), readings(2)]), store, Vitals()).run()
    later: list[Record] = [Tick(START), readings(2), *(readings(1, at) for at in range(5))]
    await historian(Log(later), store, vitals, sleep).run()
    assert len(kept(store)) == 7
    assert vitals.counter("historian_waits") == 6
    assert (State.DEGRADED, "waiting, 0 s behind: the server is away") in seen
    assert (State.DEGRADED, "waiting, 0 s behind: RuntimeError: a fault of ours") in seen
    assert [p for p in pauses if p > module.GATHER_S and p != module.TEND_EVERY_S] == [2, 4, 8, 16, 30]
    assert component(vitals, "history")[0] is State.OK


async def test_what_waits_is_bounded_and_a_backlog_is_written_in_full_batches() -> None:
    hung, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def fault(what: str) -> None:
        if what == "write" and not go_on.is_set():
            loop.call_soon_threadsafe(hung.set)
            go_on.wait(60)

    frames = [readings(1_000, at) for at in range(500)]
    log, store, vitals = Log(frames), Store(fault), Vitals()
    running = asyncio.create_task(historian(log, store, vitals).run())
    await hung.wait()
    # The event loop runs on while the store hangs, and the historian reads ahead no further than its bound.
    for _ in range(2_000):
        await asyncio.sleep(0)
    assert log.read_up_to * 1_000 <= 2 * WAITING_ROWS + 1_000
    go_on.set()
    await running
    assert sum(map(len, store.batches)) == 500_000
    assert len(store.batches) <= 500_000 // FULL_ROWS + 1
    assert [b.position for b in store.batches] == sorted({b.position for b in store.batches})


async def test_flags_go_on_over_a_restart() -> None:
    store = Store()
    store.stood = {"a": {"sensor_fault": Last(START, 1.0)}, "b": {"sensor_fault": Last(START, 0.0)}}
    await historian(Log([readings(1), readings(1, device="b")]), store, Vitals()).run()
    flags = {batch.devices[d]: f for batch in store.batches for d, f in zip(batch.device, batch.flags, strict=True)}
    assert flags == {"a": Flag.SENSOR_FAULT, "b": 0}


async def test_upkeep_that_fails_is_told_and_tried_again() -> None:
    rounds = 0
    tended = asyncio.Event()
    vitals = Vitals()
    told: list[tuple[State, str]] = []

    def fault(what: str) -> None:
        nonlocal rounds
        if what == "tend":
            rounds += 1
            if rounds == 1:
                raise HistoryUnavailable("no room")

    class Endless(Log):
        async def read(self, after: int) -> AsyncIterator[tuple[int, str, Record]]:
            await tended.wait()
            return
            yield  # makes it a generator

    async def sleep(_seconds: float) -> None:
        told.extend((c.state, c.detail) for c in vitals.components() if c.name == "history_upkeep")
        if rounds == 2:
            tended.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    store = Store(fault)
    await historian(Endless([]), store, vitals, sleep).run()
    assert (State.DEGRADED, "no room") in told
    assert store.tended == 1
    assert vitals.counter("history_tend_failed") == 1
    assert component(vitals, "history_upkeep")[0] is State.DEGRADED  # the store said that it removed something early


async def test_a_log_that_fails_ends_the_role_with_its_fault() -> None:
    class Broken(Log):
        async def read(self, after: int) -> AsyncIterator[tuple[int, str, Record]]:
            raise OSError("no such stream")
            yield

    with pytest.raises(OSError, match="no such stream"):
        await historian(Broken([]), Store(), Vitals()).run()
