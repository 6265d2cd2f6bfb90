"""The rebuilder: whose baselines are rebuilt, when, and what becomes of it if something is away."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from community.clock import DAY, MINUTE
from community.database import metadata, open_database
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.estate_store import EstateStore
from community.frame import Baseline, Reading, Record
from community.vitals import State, Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import HistoryUnavailable, Retention
from gateway.log import LogUnavailable, Unavailable
from mingluo.roles.rebuilder import TOGETHER, Rebuilder
from rules.engine import Engine
from rules.rebuild import rebuild
from rules.rulebook import standard_rulebook
from tests.gateway.history.influx.makers import batch
from tests.rules.makers import PARTITION
from tests.rules.test_baselines import BOOK, START, days, estate

NOW = START + 21 * DAY


class Log:
    """A log that takes baselines."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.away = 0

    async def last_position(self) -> int:
        return 40

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        if self.away:
            self.away -= 1
            raise LogUnavailable(Unavailable.DISCONNECTED)
        assert message_id is not None
        self.taken.append(record)
        return 41


class Stage:
    """A rebuilder over a real store, and a clock that its pauses move."""

    def __init__(self, store: Any, tmp_path: Path) -> None:
        self.log, self.vitals = Log(), Vitals()
        self.reached, self.pauses = 40, 0
        self.estate = estate("p", "m")
        self.engine = open_database(f"sqlite:///{tmp_path / 'estate.db'}")
        metadata.create_all(self.engine)
        self.estates = EstateStore(self.engine)
        self.states: list[State] = []
        self.running: asyncio.Task[None] | None = None
        self.rebuilder = Rebuilder(
            store,
            self.log,  # type: ignore[arg-type]  # the part of the log that it uses
            lambda: self.reached,
            lambda: self.estate,
            lambda: BOOK,
            self.estates,
            self.vitals,
            lambda: NOW,
            sleep=self.sleep,
        )

    async def sleep(self, _seconds: float) -> None:
        self.pauses += 1
        self.reached += 1
        self.states += [c.state for c in self.vitals.components()]
        await asyncio.sleep(0)

    async def until(self, count: int, *, end: bool = True) -> list[Baseline]:
        """Let it run until so many baselines were written, and `end` it then."""
        running = self.running = self.running or asyncio.create_task(self.rebuilder.run())
        async with asyncio.timeout(60):
            while len(self.log.taken) < count or self.vitals.counter("baselines_rebuilt") < count:
                await asyncio.sleep(0.001)
                assert not running.done()
        if end:
            running.cancel()
            await asyncio.wait({running})
        return [b for b in self.log.taken if isinstance(b, Baseline)]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    """Three weeks of two devices."""
    store = DuckStore(tmp_path_factory.mktemp("history"), Retention(min_free_bytes=0), Vitals())
    readings = [r for frame in days("p", "m") for r in frame.readings()]
    store.write(batch(1, sorted(readings, key=lambda r: r.received_at)))
    yield store
    store.close()


async def test_what_the_store_has_of_a_device_becomes_its_baseline(history: DuckStore, tmp_path: Path) -> None:
    stage = Stage(history, tmp_path)
    stage.reached = 37  # the engine's newest is not in the history yet
    assert stage.rebuilder.ask(["p", "stranger"]) == 1
    (baseline,) = await stage.until(1, end=False)
    assert stage.pauses == 3
    (expected,) = rebuild(days("p"), BOOK, stage.estate, ["p"])
    assert baseline.programs == expected.programs
    assert (baseline.begin, baseline.end) == (expected.begin, expected.end)
    newcomer = Engine(standard_rulebook(), stage.estate, PARTITION)
    assert newcomer.take_baseline(baseline) > 0

    assert stage.rebuilder.ask([]) == 2  # all of the estate
    assert {b.device for b in await stage.until(3)} == {"p", "m"}


async def test_it_waits_while_the_store_or_the_log_is_away(history: DuckStore, tmp_path: Path) -> None:
    class Away:
        """A store that is away once."""

        down = True

        def __getattr__(self, name: str) -> Any:
            if self.down:
                self.down = False
                raise HistoryUnavailable("the server is away")
            return getattr(history, name)

    stage = Stage(Away(), tmp_path)
    stage.log.away = 1
    stage.rebuilder.ask(["m"])
    (baseline,) = await stage.until(1)
    assert baseline.device == "m"
    assert stage.states.count(State.DEGRADED) == 2
    assert [c.state for c in stage.vitals.components()] == [State.OK]


async def test_many_devices_come_in_groups(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(2 * TOGETHER + 3)]
    store = DuckStore(tmp_path / "history", Retention(min_free_bytes=0), Vitals())
    readings = [
        Reading(n, NOW - DAY + k * 30 * MINUTE, NOW - DAY + k * 30 * MINUTE, {"residual_current": 4.0})
        for k in range(40)
        for n in names
    ]
    store.write(batch(1, readings))
    stage = Stage(store, tmp_path)
    stage.estate = estate(*names)
    assert stage.rebuilder.ask([]) == len(names)
    assert [b.device for b in await stage.until(len(names))] == names
    store.close()


def home(household: str, *names: str) -> Estate:
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="village"), Household(id="h2", place="village")),
        device=tuple(Device(id=n, household=household, kind=DeviceKind.ELECTRICAL_PROTECTOR) for n in names),
    )


@pytest.mark.parametrize(("back_in", "expected"), [("h", ["p"]), ("h2", [])])
async def test_a_device_that_comes_back_to_its_home_gets_its_past(
    history: DuckStore, tmp_path: Path, back_in: str, expected: Sequence[str]
) -> None:
    """In another home its terminals and its people are others."""
    stage = Stage(history, tmp_path)
    asked: list[str] = []
    stage.rebuilder.ask = asked.extend  # type: ignore[method-assign,assignment]  # what it asks of itself
    courses = (home("h", "p", "other"), home("h", "other"), home(back_in, "p", "other"), home(back_in, "p", "new"))
    for estate_ in courses:
        stage.estates.replace(estate_, "test", NOW)
        stage.rebuilder.follow(estate_)
        while stage.rebuilder._looking:
            await asyncio.wait(stage.rebuilder._looking)
    assert asked == list(expected)
