"""The monitor over a log in memory: however often it is broken off, the journal ends alike."""

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk import Desk
from alerts.journal import JournalUnavailable
from alerts.journal_memory import MemoryJournal
from community.clock import MINUTE, SECOND
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, partition_of
from community.frame import EstateChange, Frame, Reading, Record, Tick
from community.severity import Severity
from community.vitals import State, Vitals
from mingluo.roles.monitor import Monitor
from mingluo.snapshots import Snapshots
from rules.rulebook import Rulebook, load_rulebook, standard_rulebook

PARTITION = partition_of("village")
START = 1_795_000_000_000


def village(homes: int) -> Estate:
    numbers = range(homes)
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=tuple(Household(id=f"h{n}", place="village") for n in numbers),
        device=tuple(
            Device(id=f"d{n}", household=f"h{n}", kind=DeviceKind.ELECTRICAL_PROTECTOR, interval_s=600) for n in numbers
        ),
    )


class Estates:
    """Versions of the estate, as the store keeps them: version n has n homes."""

    def version(self, number: int) -> Estate:
        return village(number)

    def current(self) -> tuple[int, Estate]:
        return 2, village(2)


class Log:
    """A log that ends: the monitor then returns, as if it had been killed at a record's end."""

    def __init__(self, records: list[Record], first: int = 1) -> None:
        self.records = records
        self.first = first
        self.room_made: list[int] = []

    async def first_position(self) -> int:
        return self.first

    async def read(self, after: int, partitions: Collection[int] | None) -> AsyncIterator[tuple[int, str, Record]]:
        for position, record in enumerate(self.records, 1):
            if position > after and position >= self.first:
                subject = f"readings.{PARTITION}" if isinstance(record, Frame) else "readings.tick"
                yield position, subject, record

    async def make_room(self, passed: int) -> int:
        self.room_made.append(passed)
        return 0


def readings(at_s: int, **values: float) -> Frame:
    ts = START + at_s * SECOND
    return Frame.from_readings([Reading("d0", ts, ts, values)])


def night() -> list[Record]:
    """A shock that comes and goes twice, with a home that moves in, and a tick a minute."""
    records: list[Record] = [EstateChange(1)]
    for minute in range(12):
        records.append(Tick(START + minute * MINUTE))
        if minute == 5:
            records.append(EstateChange(2))
        ill = minute in (2, 3, 7)
        records.append(readings(minute * 60 + 1, residual_current=45 if ill else 2, voltage=230))
        records.append(readings(minute * 60 + 31, residual_current=45 if ill else 2, voltage=230))
    return records


def monitor(
    log: Log, journal: MemoryJournal, directory: Path, vitals: Vitals | None = None, rulebook: Rulebook | None = None
) -> Monitor:
    vitals = vitals or Vitals()

    async def at_once(_seconds: float) -> None:
        return None

    return Monitor(
        log,  # type: ignore[arg-type]  # the part of the log that a monitor uses
        Desk(journal, (), vitals, lambda: START),
        journal,
        rulebook or standard_rulebook(),
        Estates(),  # type: ignore[arg-type]  # the part of the store that a monitor uses
        Snapshots(directory),
        vitals,
        lambda: START,
        snapshot_every_ms=2 * MINUTE,
        sleep=at_once,
    )


def told(journal: MemoryJournal) -> list[tuple[Any, ...]]:
    return [(e.number, e.ts, e.event, e.rule, e.severity, e.incident) for e in journal.events()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    journal = MemoryJournal()
    asyncio.run(monitor(Log(night()), journal, tmp_path_factory.mktemp("undisturbed")).run())
    assert len(told(journal)) >= 6
    return told(journal)


@settings(max_examples=40, deadline=None)
@given(ends=st.lists(st.tuples(st.integers(0, len(night())), st.booleans()), max_size=4))
async def test_broken_off_anywhere_the_journal_ends_alike(
    tmp_path_factory: pytest.TempPathFactory,
    undisturbed: list[tuple[Any, ...]],
    ends: list[tuple[int, bool]],
) -> None:
    directory, journal = tmp_path_factory.mktemp("snapshots"), MemoryJournal()
    for end, orderly in [*sorted(ends), (len(night()), False)]:
        running = monitor(Log(night()[:end]), journal, directory)
        await running.run()
        if orderly:
            await running.save()
    assert told(journal) == undisturbed


class Cut(MemoryJournal):
    """A journal whose line is cut for the next so many transactions."""

    cuts = 0

    def transaction(self) -> Any:
        if self.cuts:
            self.cuts -= 1
            raise JournalUnavailable("cut")
        return super().transaction()


async def test_findings_wait_for_the_database(tmp_path: Path, undisturbed: list[tuple[Any, ...]]) -> None:
    journal, vitals = Cut(), Vitals()
    journal.cuts = 7
    await monitor(Log(night()), journal, tmp_path, vitals).run()
    assert told(journal) == undisturbed
    assert vitals.counter("monitor_waits") == 7
    assert {c.name: c.state for c in vitals.components()}["monitor"] is State.OK


async def test_a_snapshot_that_cannot_be_kept_is_told_and_nothing_stops(
    tmp_path: Path, undisturbed: list[tuple[Any, ...]]
) -> None:
    (tmp_path / "file").write_text("where the directory should be")
    journal, vitals, log = MemoryJournal(), Vitals(), Log(night())
    await monitor(log, journal, tmp_path / "file", vitals).run()
    assert told(journal) == undisturbed
    assert vitals.counter("monitor_snapshots_failed") > 0
    assert log.room_made == []  # a restart needs every record behind the former snapshot
    assert {c.name: c.state for c in vitals.components()}["snapshots"] is State.DEGRADED


async def test_what_all_have_read_may_leave_the_log(tmp_path: Path) -> None:
    log = Log(night())
    await monitor(log, MemoryJournal(), tmp_path).run()
    assert log.room_made == sorted(log.room_made)
    assert log.room_made


async def test_a_log_that_forgot_its_beginning_is_read_with_the_present_estate(tmp_path: Path) -> None:
    journal = MemoryJournal()
    ill: list[Record] = [*[Tick(START)] * 9, readings(1, residual_current=45)]
    await monitor(Log(ill, first=9), journal, tmp_path).run()
    assert [e.rule for e in journal.events()] == ["residual.shock"]


def other_limits(factor: float) -> Rulebook:
    return load_rulebook(
        f"""
        [[rule]]
        id = "residual.shock"
        title = {{ zh = "漏电", en = "Shock" }}
        guidance = {{ zh = "断电", en = "Switch off." }}
        category = "life"
        kind = "threshold"
        signals = ["residual_current"]
        standard = "IEC 61008-1"
        clause = "trip window"
        [[rule.steps]]
        severity = "critical"
        hold = 0
        limit = {{ rating = "rated_residual", factor = {factor} }}
        clear = {{ rating = "rated_residual", factor = {factor - 0.1} }}
        """,
        "other",
    )


@pytest.mark.parametrize(("before", "after", "value", "event"), [(1.0, 2.0, 45, "cleared"), (2.0, 1.0, 45, "raised")])
async def test_other_rules_at_a_start_are_told(
    tmp_path: Path, before: float, after: float, value: float, event: str
) -> None:
    journal = MemoryJournal()
    records: list[Record] = [EstateChange(1), readings(1, residual_current=value)]
    # Something journalled behind the reading, so that what is found in reading again counts as told.
    await monitor(Log(records), journal, tmp_path / "a", rulebook=other_limits(before)).run()
    Desk(journal, (), Vitals(), lambda: START).checkpoint(PARTITION, 2)
    count = len(told(journal))
    again = Log([*records, EstateChange(1)])
    await monitor(again, journal, tmp_path / "b", rulebook=other_limits(after)).run()
    assert [(e.event, e.evidence["proof"]) for e in journal.events()[count:]] == [(event, "rules_changed")]
    present = [a.severity for a in journal.open_alerts()]
    assert present == ([Severity.NORMAL] if event == "cleared" else [Severity.CRITICAL])
