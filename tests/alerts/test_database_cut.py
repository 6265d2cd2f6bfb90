"""The database is cut: locked, read-only, full. Named, nothing half-done, and it recovers by itself."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from alerts.decisions import Decision, Reason, Refused
from alerts.desk import COMPONENT, Desk
from alerts.journal import JournalUnavailable
from alerts.journal_sql import SqlJournal
from community.database import metadata, open_database
from community.vitals import State, Vitals
from tests.alerts.makers import CRITICAL, JOURNAL_TABLES, NORMAL, NOW, WARNING, finding, life


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mingluo.db"


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    """A database whose patience with locks is short."""
    engine = open_database(f"sqlite:///{database}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    metadata.create_all(engine, tables=JOURNAL_TABLES)
    yield engine
    engine.dispose()


def expect_cut(vitals: Vitals, journal: SqlJournal, desk: Desk, words: str) -> None:
    """The next findings cannot be stored, by name, and nothing is changed."""
    before = (journal.events(), journal.positions())
    with pytest.raises(JournalUnavailable, match=words):
        desk.handle(0, 2, [life(CRITICAL, NOW + 1), finding(WARNING, NOW + 1, device="d2")])
    with pytest.raises(JournalUnavailable, match=words):
        desk.acknowledge(journal.open_alerts()[0].id, "yang", NOW)
    assert (journal.events(), journal.positions()) == before
    (component,) = vitals.components()
    assert (component.name, component.state) == (COMPONENT, State.DOWN)


def expect_recovery(vitals: Vitals, journal: SqlJournal, desk: Desk) -> None:
    """The same findings are stored now; nothing acknowledged before was lost."""
    events = desk.handle(0, 2, [life(CRITICAL, NOW + 1), finding(WARNING, NOW + 1, device="d2")])
    assert [e.device for e in events] == ["d1", "d2"]
    assert [e.number for e in journal.events()] == [1, 2, 3, 4]
    assert vitals.state() is State.OK


def begin(engine: Engine) -> tuple[Vitals, SqlJournal, Desk]:
    vitals, journal = Vitals(), SqlJournal(engine)
    desk = Desk(journal, ("phone",), vitals, lambda: NOW)
    (raised,) = desk.handle(0, 1, [finding(WARNING)])
    assert isinstance(desk.acknowledge(raised.alert, "yang", NOW), Decision)
    return vitals, journal, desk


def test_locked_by_another_process(engine: Engine, database: Path) -> None:
    vitals, journal, desk = begin(engine)
    holder = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        expect_cut(vitals, journal, desk, "locked")
        process.communicate("")
    expect_recovery(vitals, journal, desk)


def test_read_only(engine: Engine) -> None:
    vitals, journal, desk = begin(engine)
    cut = True

    def protect(connection: Any, _record: object, _proxy: object) -> None:
        # Root writes into any file, whatever its mode: SQLite's own switch gives the same error for everyone.
        connection.execute(f"PRAGMA query_only={'ON' if cut else 'OFF'}")

    event.listen(engine, "checkout", protect)
    expect_cut(vitals, journal, desk, "readonly")
    assert not desk.probe()
    cut = False
    expect_recovery(vitals, journal, desk)


def test_a_cut_and_its_end_are_seen_without_any_alert(engine: Engine) -> None:
    vitals, _, desk = begin(engine)
    switch = "ON"
    event.listen(engine, "checkout", lambda connection, *_: connection.execute(f"PRAGMA query_only={switch}"))
    assert not desk.probe()
    (component,) = vitals.components()
    assert (component.name, component.state) == (COMPONENT, State.DOWN)
    switch = "OFF"
    assert desk.probe()
    assert vitals.state() is State.OK


def test_a_connection_that_was_opened_read_only_is_not_kept(tmp_path: Path) -> None:
    # While a file may only be read, SQLite opens it for reading, and that connection never writes again.
    path = tmp_path / "mingluo.db"
    modes = iter(["ro", "rw"])
    engine = open_database(f"sqlite:///{path}")
    metadata.create_all(engine, tables=JOURNAL_TABLES)
    engine.dispose()

    def connect(*_: object) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{path}?mode={next(modes)}", uri=True, check_same_thread=False)

    event.listen(engine, "do_connect", connect)
    desk = Desk(SqlJournal(engine), (), Vitals(), lambda: NOW)
    with pytest.raises(JournalUnavailable, match="readonly"):
        desk.handle(0, 1, [life(CRITICAL)])
    assert len(desk.handle(0, 1, [life(CRITICAL)])) == 1
    engine.dispose()


def test_full(engine: Engine) -> None:
    vitals, journal, desk = begin(engine)
    pages = 1

    def limit(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine, "checkout", limit)
    big = [life(CRITICAL, NOW + 1, device=f"d{i}") for i in range(400)]
    with pytest.raises(JournalUnavailable, match="full"):
        desk.handle(0, 2, big)
    assert len(journal.events()) == 2
    (component,) = vitals.components()
    assert (component.state, component.detail) == (State.DOWN, "database or disk is full")
    pages = 2**30
    assert len(desk.handle(0, 2, big)) == 400
    assert vitals.state() is State.OK


@pytest.mark.skipif(
    sys.platform != "linux", reason="on macOS the limit of file sizes breaks the interpreter's own files"
)
def test_the_disk_takes_no_more_bytes(engine: Engine, database: Path) -> None:
    begin(engine)
    engine.dispose()
    # In a process of its own, since the limit holds for every file that a process writes.
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from alerts.journal import JournalUnavailable\n"
        "from tests.alerts.makers import *\n"
        "journal = sql_journal(Path(sys.argv[1]))\n"
        "many = [life(CRITICAL, NOW + 1, device=f'd{i}') for i in range(400)]\n"
        "everything = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, everything[1]))\n"
        "try:\n"
        "    desk(journal).handle(0, 2, many)\n"
        "except JournalUnavailable as error:\n"
        "    print(error)\n"
        "print(journal.last_number())\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, everything)\n"
        "print(len(desk(journal).handle(0, 2, many)), journal.last_number())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(database)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    error, *numbers = done.stdout.splitlines()
    assert "full" in error or "I/O" in error
    assert numbers == ["2", "400 402"]


def test_a_missing_file_s_directory(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'gone' / 'mingluo.db'}")
    with pytest.raises(JournalUnavailable, match="unable to open"):
        SqlJournal(engine).last_number()


def test_readers_do_not_wait_for_a_writer(engine: Engine) -> None:
    _, journal, _ = begin(engine)
    with journal.transaction() as work:
        work.advance(0, 99)
        assert journal.positions() == {0: 1}
        assert len(journal.events()) == 2
    assert journal.positions() == {0: 99}


def test_monitor_and_people_at_once(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    metadata.create_all(engine, tables=JOURNAL_TABLES)
    journal = SqlJournal(engine)
    desk = Desk(journal, ("phone",), Vitals(), lambda: NOW)
    (raised,) = desk.handle(9, 1, [life(CRITICAL, device="d9")])
    start = threading.Barrier(6)

    def monitor(partition: int) -> int:
        start.wait(10)
        device, told = f"d{partition}", 0
        for i in range(10):
            told += len(desk.handle(partition, 2 * i + 1, [finding(WARNING, NOW + i, device=device)]))
            told += len(desk.handle(partition, 2 * i + 2, [finding(NORMAL, NOW + i, device=device)]))
        return told

    def person(name: str) -> Decision | Refused:
        start.wait(10)
        return desk.acknowledge(raised.alert, name, NOW)

    with ThreadPoolExecutor(6) as pool:
        people = [pool.submit(person, name) for name in ("yang", "li", "wu")]
        monitors = [pool.submit(monitor, partition) for partition in (0, 1, 2)]
        outcomes = [p.result(30) for p in people]
        assert [m.result(30) for m in monitors] == [20, 20, 20]
    engine.dispose()
    assert sorted(o.reason for o in outcomes) == [
        Reason.ACKNOWLEDGED, Reason.ALREADY_ACKNOWLEDGED, Reason.ALREADY_ACKNOWLEDGED,
    ]  # fmt: skip
    assert [e.number for e in journal.events()] == list(range(1, 63))
    engine.dispose()
