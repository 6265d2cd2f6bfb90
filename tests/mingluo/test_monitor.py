"""The monitor over a log in memory: however often it is broken off, the journal ends alike."""

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk import Desk
from alerts.journal import JournalUnavailable
from alerts.journal_memory import MemoryJournal
from community.clock import MINUTE, SECOND
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, partition_of
from community.file_faults import FileError
from community.finding import Finding
from community.frame import EstateChange, Frame, Reading, Record, RulebookChange, Tick
from community.severity import Category, Severity
from community.vitals import State, Vitals
from mingluo.roles.monitor import Monitor
from mingluo.snapshots import Snapshots
from rules.errors import RulebookErrors
from rules.rulebook import Rulebook, load_rulebook

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


def book(limit: float, mode: str = "live") -> Rulebook:
    """A shock above `limit` mA, in this mode; and a voltage that has to stay high for a while."""
    return load_rulebook(
        f"""
        [[rule]]
        id = "residual.shock"
        title = {{ zh = "漏电", en = "Shock" }}
        guidance.resident = {{ zh = "断电", en = "Switch off." }}
        category = "life"
        mode = "{mode}"
        kind = "threshold"
        signals = ["residual_current"]
        standard = "IEC 61008-1"
        [[rule.steps]]
        severity = "critical"
        limit = {limit}
        clear = {limit - 5}
        [[rule]]
        id = "voltage.high"
        title = {{ zh = "过电压", en = "Over-voltage" }}
        guidance.staff = {{ zh = "检查零线。", en = "Check the neutral." }}
        category = "deterioration"
        kind = "threshold"
        signals = ["voltage"]
        standard = "GB/T 12325-2008"
        [[rule.steps]]
        severity = "warning"
        limit = 253
        hold = 120
        clear = 250
        """,
        "test",
    )


UNREADABLE = 9


class Rulebooks:
    """Versions of the rulebook, as the store keeps them."""

    books: ClassVar[dict[int, Rulebook]] = {0: book(30), 1: book(30), 2: book(60), 3: book(30, "shadow")}

    def version(self, number: int) -> Rulebook:
        if number == UNREADABLE:
            raise RulebookErrors([FileError("rulebook version 9", 3, "kind", "expected another")])
        return self.books[number]

    def current_version(self) -> int:
        return 1


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

    async def make_room(self, passed: int, kept: int | None = None) -> int:
        assert kept is None, "nobody keeps a history here"
        self.room_made.append(passed)
        return 0


def readings(at_s: int, **values: float) -> Frame:
    ts = START + at_s * SECOND
    return Frame.from_readings([Reading("d0", ts, ts, values)])


def night() -> list[Record]:
    """A shock that comes and goes, with a home that moves in, rules that change, and a tick a minute."""
    records: list[Record] = [RulebookChange(1), EstateChange(1)]
    changes: dict[int, Record] = {
        5: EstateChange(2),
        8: RulebookChange(2),
        10: RulebookChange(3),
        12: RulebookChange(1),
    }
    for minute in range(15):
        records.append(Tick(START + minute * MINUTE))
        if minute in changes:
            records.append(changes[minute])
        ill = minute in (2, 3, 7, 9, 11, 13)
        for second in (1, 31):
            high = 260 if 6 <= minute <= 9 else 230  # its hold goes on over the change of the other rule at 8
            records.append(readings(minute * 60 + second, residual_current=45 if ill else 2, voltage=high))
    return records


def monitor(log: Log, journal: MemoryJournal, directory: Path, vitals: Vitals | None = None) -> Monitor:
    vitals = vitals or Vitals()

    async def at_once(_seconds: float) -> None:
        return None

    return Monitor(
        log,  # type: ignore[arg-type]  # the part of the log that a monitor uses
        Desk(journal, (), vitals, lambda: START),
        journal,
        Rulebooks(),  # type: ignore[arg-type]  # the part of the store that a monitor uses
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


REHEARSED = [START + 12 * MINUTE, START + 11 * MINUTE + SECOND]
"""What the rule found while it was in rehearsal, newest first: it began, and ended when the rule came out of it."""


def test_the_night_holds_what_these_tests_are_about(undisturbed: list[tuple[Any, ...]]) -> None:
    shocks = [(event, (ts - START) // MINUTE) for _, ts, event, rule, _, _ in undisturbed if rule == "residual.shock"]
    raised, cleared = shocks[::2], shocks[1::2]
    # At 9 the limit is higher, at 11 it is rehearsed, and at 12 the live rule takes over what the rehearsal held.
    assert raised == [("raised", minute) for minute in (2, 7, 12, 13)]
    assert cleared == [("cleared", minute) for minute in (4, 8, 12, 14)]
    high = [(event, (ts - START) // MINUTE) for _, ts, event, rule, _, _ in undisturbed if rule == "voltage.high"]
    assert high == [("raised", 8), ("cleared", 10)]


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
    assert [r.finding.ts for r in journal.rehearsed()] == REHEARSED


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


def components(vitals: Vitals) -> dict[str, tuple[State, str]]:
    return {c.name: (c.state, c.detail) for c in vitals.components()}


async def test_a_rule_that_goes_into_rehearsal_lets_go_of_its_alert_and_takes_it_up_again(tmp_path: Path) -> None:
    journal = MemoryJournal()
    ill = readings(1, residual_current=45)
    records: list[Record] = [RulebookChange(1), EstateChange(1), ill, RulebookChange(3)]
    await monitor(Log(records), journal, tmp_path / "a").run()
    assert [(e.event, e.evidence["proof"]) for e in journal.events()] == [
        ("raised", "reading"),
        ("cleared", "rule changed"),
    ]
    records.append(RulebookChange(1))
    await monitor(Log(records), journal, tmp_path / "b").run()
    assert [e.event for e in journal.events()] == ["raised", "cleared", "raised"]
    assert [a.severity for a in journal.open_alerts()] == [Severity.CRITICAL]


async def test_rules_that_cannot_be_read_leave_the_running_ones_in_force(tmp_path: Path) -> None:
    journal, vitals = MemoryJournal(), Vitals()
    records: list[Record] = [RulebookChange(1), EstateChange(1), RulebookChange(UNREADABLE)]
    running = monitor(Log([*records, readings(1, residual_current=45)]), journal, tmp_path, vitals)
    await running.run()
    assert [e.rule for e in journal.events()] == ["residual.shock"]
    state, detail = components(vitals)["rules"]
    assert (state, "version 9" in detail, "expected another" in detail) == (State.DEGRADED, True, True)
    await running.save()
    assert [s.rulebook_version for p in range(16) if (s := Snapshots(tmp_path).load(p)) is not None] == [1]


async def test_a_change_to_the_rules_that_hold_already_is_none(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await monitor(Log([*night(), RulebookChange(1)]), journal, tmp_path).run()
    assert journal.positions()[PARTITION] <= len(night())


async def test_a_snapshot_of_rules_that_cannot_be_read_is_as_good_as_none(
    tmp_path: Path, undisturbed: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, vitals = MemoryJournal(), Vitals()
    running = monitor(Log(night()[:30]), journal, tmp_path)
    await running.run()
    await running.save()
    snapshots = Snapshots(tmp_path)
    kept = snapshots.load(PARTITION)
    assert kept is not None
    snapshots.save(PARTITION, msgspec.structs.replace(kept, rulebook_version=UNREADABLE))
    await monitor(Log(night()), journal, tmp_path, vitals).run()
    assert told(journal) == undisturbed
    assert vitals.counter("monitor_snapshots_refused") == 1


async def test_an_engine_without_its_former_state_ends_what_it_knows_nothing_of(tmp_path: Path) -> None:
    journal = MemoryJournal()
    standing = Finding(
        rule="residual.shock", rule_version="v", category=Category.LIFE, device="d0", household="h0",
        community="village", severity=Severity.CRITICAL, previous=Severity.NORMAL, ts=START, since=START,
        received_at=START, value=45.0, threshold=30.0, unit="mA",
    )  # fmt: skip
    Desk(journal, (), Vitals(), lambda: START).handle(PARTITION, 5, [standing])
    well: list[Record] = [*[Tick(START)] * 9, readings(1, residual_current=2), Tick(START + 2 * SECOND)]
    await monitor(Log(well, first=4), journal, tmp_path).run()
    assert [(e.event, e.evidence.get("proof")) for e in journal.events()][1:] == [("cleared", "rule changed")]
