"""The rulebook as a request meets it: stored, taken over at once, and every outage told as what it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.problems import Unavailable
from community.database import metadata, open_database
from community.estate import Estate
from community.frame import Record, RulebookChange
from community.vitals import Vitals
from gateway.log import LogUnavailable
from gateway.log import Unavailable as Why
from mingluo.behind_rules import BehindRules
from mingluo.rulebook_watch import RulebookWatch
from rules.rulebook import RulebookErrors
from rules.store import RulebookStore
from rules.store_table import rulebook_table
from tests.api.rulebooks import BOOK

NOW = 1_795_000_000_000


class Log:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        if self.away:
            raise LogUnavailable(Why.DISCONNECTED)
        self.records.append(record)
        return len(self.records)


class Worker:
    async def run(self, text: str, days: float, warm_up_days: float) -> dict[str, Any]:
        return {"days": days, "warm_up": warm_up_days}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    metadata.create_all(engine, tables=[rulebook_table])
    yield engine
    engine.dispose()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def behind(database: Engine, log: Log) -> BehindRules:
    store = RulebookStore(database)
    watch = RulebookWatch(store, log, Vitals(), lambda: NOW)  # type: ignore[arg-type]  # a fake
    return BehindRules(store, watch, Worker(), Estate, lambda: NOW)  # type: ignore[arg-type]  # a fake


async def test_what_is_applied_is_in_force_when_the_answer_comes(behind: BehindRules, log: Log) -> None:
    assert behind.in_force()[0] == 0
    assert await behind.apply(BOOK, "admin", "why") == 1
    assert (behind.in_force()[0], log.records) == (1, [RulebookChange(1)])
    assert await behind.text(1) == BOOK
    [version] = await behind.versions(10, None)
    assert (version.made_by, version.note, version.made_at) == ("admin", "why", NOW)
    assert await behind.roll_back(1, "admin", "") == 2
    assert behind.in_force()[0] == 2


async def test_without_the_log_it_is_stored_and_waits(behind: BehindRules, log: Log) -> None:
    log.away = True
    with pytest.raises(Unavailable, match="it is stored"):
        await behind.apply(BOOK, "admin", "")
    assert behind.in_force()[0] == 0
    assert len(await behind.versions(10, None)) == 1


async def test_without_the_database_nothing_has_changed(behind: BehindRules, log: Log, database: Engine) -> None:
    metadata.drop_all(database, tables=[rulebook_table])
    with pytest.raises(Unavailable, match="nothing was changed"):
        await behind.apply(BOOK, "admin", "")
    assert log.records == []


async def test_a_check_tells_of_strangers(behind: BehindRules) -> None:
    checked = await behind.check(BOOK + '[[override]]\nrule = "voltage.high"\nfeeder = "f9"\nenabled = false\n')
    assert (checked.rules, checked.overrides) == (1, 1)
    assert checked.notes == ["an override names feeder f9, which the estate does not know"]


async def test_only_a_right_rulebook_is_tried(behind: BehindRules) -> None:
    assert await behind.backtest(BOOK, 7, 14) == {"days": 7, "warm_up": 14}
    with pytest.raises(RulebookErrors):
        await behind.backtest("nonsense", 7, 14)
