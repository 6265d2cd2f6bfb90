"""GB/T 45839-2025, 5.9.5: the history of alerts is kept for at least a year, whatever becomes of the readings."""

from pathlib import Path

from msgspec.structs import replace

from alerts.desk import Desk
from alerts.journal import AlertFilter
from alerts.journal_sql import SqlJournal
from community.clock import DAY, HOUR
from community.database import open_database
from community.finding import Finding
from community.frame import Reading
from community.severity import Category, Severity
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import Resolution, Retention
from mingluo import migrations
from tests.gateway.history.influx.makers import batch

LONG_AGO = 1_750_000_000_000
NOW = LONG_AGO + 400 * DAY
FINDING = Finding(
    rule="smoke.alarm",
    rule_version="5f2c9a",
    category=Category.LIFE,
    device="s1",
    household="h1",
    community="xijiang",
    severity=Severity.CRITICAL,
    previous=Severity.NORMAL,
    ts=LONG_AGO,
    since=LONG_AGO,
    received_at=LONG_AGO + 100,
    value=1.0,
    threshold=1.0,
    unit="",
    evidence={},
)


def test_clause_5_9_5_alerts_stay_when_the_disk_takes_the_readings(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    migrations.upgrade(database)
    journal = SqlJournal(database)
    desk = Desk(journal, ["webhook"], Vitals(), lambda: LONG_AGO, lambda _events: None)
    desk.handle(0, 1, [FINDING])
    alert = journal.alerts(AlertFilter())[0]
    desk.acknowledge(alert.id, "night duty", LONG_AGO + 60_000, "called; nobody answers")
    desk.handle(0, 2, [replace(FINDING, severity=Severity.NORMAL, previous=Severity.CRITICAL, ts=LONG_AGO + HOUR)])
    desk.reset(alert.id, "fire brigade", LONG_AGO + 2 * HOUR, "a pot; put out")
    told = [(e.ts, e.event, e.actor) for e in journal.events_of(alert.id)]
    assert len(told) >= 4

    # A bound so small that the store removes all it may, and all of its times run out.
    history = DuckStore(
        tmp_path / "history", Retention(raw_ms=DAY, minute_ms=DAY, max_bytes=1, min_free_bytes=0), Vitals()
    )
    for position, at in enumerate((LONG_AGO, NOW - HOUR), 1):
        history.write(batch(position, [Reading("s1", at + k, at + k, {"smoke_obscuration": 0.3}) for k in range(500)]))
        history.tend(at + 2 * HOUR)
    history.tend(NOW + HOUR)
    rows = history.usage().rows
    assert rows is not None
    assert (rows[Resolution.RAW], rows[Resolution.MINUTE]) == (0, 0)
    assert list(history.readings(None, 0, NOW)) == []
    history.close()
    desk.forget_rehearsed(NOW)

    journal = SqlJournal(database)
    assert journal.alert(alert.id) is not None
    assert [(e.ts, e.event, e.actor) for e in journal.events_of(alert.id)] == told
    database.dispose()
