"""Findings, journals and crashes for the tests of this room."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import alerts.tables  # noqa: F401 - declares the journal's tables on the metadata
from alerts.decisions import Decision, Refused
from alerts.desk import Desk
from alerts.journal import Entry, Journal, JournalUnavailable, Transaction
from alerts.journal_sql import SqlJournal
from community.alert import Alert, AlertEvent
from community.database import metadata, open_database
from community.finding import Finding
from community.severity import Category, Severity
from community.vitals import Vitals

NORMAL, WARNING, ALARM, CRITICAL = Severity
NOW = 1_795_000_000_000
JOURNAL_TABLES = [
    metadata.tables[n] for n in ("alert", "alert_event", "promise", "log_position", "journal_number", "rehearsal")
]


def finding(
    severity: Severity,
    ts: int = NOW,
    *,
    device: str = "d1",
    rule: str = "residual.early",
    category: Category = Category.DETERIORATION,
    previous: Severity = NORMAL,
    household: str = "h1",
    late: bool = False,
    value: float | None = 18.5,
    taken_into: str = "",
) -> Finding:
    """A finding with everything filled in."""
    return Finding(
        rule=rule,
        rule_version="v1",
        category=category,
        device=device,
        household=household,
        community="xijiang",
        severity=severity,
        previous=previous,
        ts=ts,
        since=ts - 60_000,
        received_at=ts + 40,
        value=value,
        threshold=15.0,
        unit="mA",
        late=late,
        taken_into=taken_into,
        evidence={"standard": "GB/T 13955", "samples": [[ts, value]]},
    )


def life(severity: Severity, ts: int = NOW, *, late: bool = False, device: str = "d1") -> Finding:
    """A finding of a rule that guards life."""
    return finding(severity, ts, rule="residual.shock", category=Category.LIFE, late=late, device=device)


def of_group(severity: Severity, ts: int = NOW, *, group: str = "feeder:f1", rule: str = "supply.sag") -> Finding:
    """A finding of a rule over a group: it has no household."""
    return finding(severity, ts, device=group, household="", rule=rule, category=Category.SUPERVISORY)


def sql_journal(path: Path) -> SqlJournal:
    """A journal in a SQLite file; its tables are made where they are missing."""
    engine = open_database(f"sqlite:///{path}")
    metadata.create_all(engine, tables=JOURNAL_TABLES)
    return SqlJournal(engine)


def close(journal: Journal) -> None:
    """Close the database of an SQL journal: an open one would be a ResourceWarning later."""
    if isinstance(journal, SqlJournal):
        journal._engine.dispose()


def desk(journal: Journal, *channels: str, vitals: Vitals | None = None) -> Desk:
    """A desk whose clock stands still."""
    return Desk(journal, channels, vitals or Vitals(), lambda: NOW)


def agreed(outcome: Decision | Refused) -> Decision:
    """The decision of an action that must not have been refused."""
    assert isinstance(outcome, Decision), outcome
    return outcome


class Failing:
    """A journal whose transactions break at a chosen verb, as when the process or the database dies there."""

    def __init__(self, journal: Journal) -> None:
        self.inner = journal
        self.fail_at: str | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that raises `JournalUnavailable` at `fail_at` (`store`, `promise`, `advance`, `commit`)."""
        with self.inner.transaction() as work:
            yield _FailingTransaction(work, self.fail_at)
            if self.fail_at == "commit":
                raise JournalUnavailable("cut at commit")

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class _FailingTransaction:
    def __init__(self, work: Transaction, fail_at: str | None) -> None:
        self._work = work
        self._fail_at = fail_at

    def _check(self, verb: str) -> None:
        if verb == self._fail_at:
            raise JournalUnavailable(f"cut at {verb}")

    def position(self, partition: int) -> int:
        return self._work.position(partition)

    def alert(self, alert_id: str) -> Alert | None:
        return self._work.alert(alert_id)

    def taken(self, ids: Collection[str]) -> set[str]:
        return self._work.taken(ids)

    def open_near(self, devices: Collection[str], households: Collection[str]) -> list[Alert]:
        return self._work.open_near(devices, households)

    def told(self, alerts: Collection[str]) -> dict[str, set[str]]:
        return self._work.told(alerts)

    def store(self, opened: Sequence[Alert], changed: Sequence[Alert], entries: Sequence[Entry]) -> list[AlertEvent]:
        events = self._work.store(opened, changed, entries)
        self._check("store")
        return events

    def promise(self, owed: Sequence[tuple[int, str]], now: int) -> None:
        self._work.promise(owed, now)
        self._check("promise")

    def rehearse(self, partition: int, position: int, findings: Sequence[Finding]) -> None:
        self._work.rehearse(partition, position, findings)
        self._check("rehearse")

    def advance(self, partition: int, position: int) -> None:
        self._work.advance(partition, position)
        self._check("advance")
