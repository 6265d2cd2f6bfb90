"""The journal's contract: alerts, their events, promises and log positions, written in one transaction.

Implementations: `journal_sql` (SQLite, PostgreSQL) and `journal_memory` (replay, tests). One list of conformance
checks holds for both (`tests/alerts/test_journal.py`).
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from alerts.promises import Promise, PromiseState
from alerts.rehearsal import Rehearsed
from community.alert import Alert, AlertEvent
from community.finding import Finding
from community.severity import Category, Severity


class JournalError(Exception):
    """Something is wrong with the journal."""


class JournalUnavailable(JournalError):
    """The database cannot be written or read now: locked, read-only, full, gone. Nothing was stored; try again."""


class JournalConflict(JournalError):
    """A write would break what the journal guarantees: an event stored twice, a second open alert of its kind."""


class Condition(StrEnum):
    """Which alerts are asked for. All but `closed` are open ones."""

    OPEN = "open"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    CLOSED = "closed"


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to list; None leaves a field open.

    Attributes:
        severity: alerts whose highest severity is at least this.
    """

    state: Condition | None = None
    category: Category | None = None
    severity: Severity | None = None
    household: str | None = None
    device: str | None = None

    def admits(self, alert: Alert) -> bool:
        """Whether `alert` is asked for."""
        return (
            (self.state is None or _in(alert, self.state))
            and (self.category is None or alert.category is self.category)
            and (self.severity is None or alert.highest >= self.severity)
            and (self.household is None or alert.household == self.household)
            and (self.device is None or alert.device == self.device)
        )


def _in(alert: Alert, condition: Condition) -> bool:
    if condition is Condition.CLOSED or alert.closed_at is not None:
        return condition is Condition.CLOSED and alert.closed_at is not None
    if condition is Condition.RETURNED:
        return alert.severity is Severity.NORMAL
    return condition is Condition.OPEN or alert.acknowledged == (condition is Condition.ACKNOWLEDGED)


class Origin(NamedTuple):
    """Where an engine's event came from: the `ordinal`-th event of the log record at `position` of `partition`."""

    partition: int
    position: int
    ordinal: int


class Entry(NamedTuple):
    """An event to be stored; `origin` is None for a person's action."""

    event: AlertEvent
    origin: Origin | None


class Transaction(Protocol):
    """One unit of work. Writers are serialised: what was read here stays true until the commit.

    Read first, then write: whether a read sees the transaction's own writes is not promised.
    """

    def position(self, partition: int) -> int:
        """Log position up to which findings of `partition` are journalled; 0 if none is."""

    def alert(self, alert_id: str) -> Alert | None:
        """The alert of this id."""

    def taken(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that an alert has, open or closed."""

    def open_near(self, devices: Collection[str], households: Collection[str]) -> list[Alert]:
        """Open alerts of any of these devices or households."""

    def told(self, alerts: Collection[str]) -> dict[str, set[str]]:
        """Alert id → channels that were promised one of its events."""

    def store(self, opened: Sequence[Alert], changed: Sequence[Alert], entries: Sequence[Entry]) -> list[AlertEvent]:
        """Store new alerts, new states of known ones, and events.

        Returns:
            The events with their numbers, in order.

        Raises:
            JournalConflict: (at the latest at the commit) for a second open alert of one device and rule, a taken
                id, or an origin that is stored already.
        """

    def promise(self, owed: Sequence[tuple[int, str]], now: int) -> None:
        """Promise events (by number) to channels (by name), due at once."""

    def rehearse(self, partition: int, position: int, findings: Sequence[Finding]) -> None:
        """Record what rules in rehearsal found in a log record.

        Raises:
            JournalConflict: (at the latest at the commit) if that record's were recorded already.
        """

    def advance(self, partition: int, position: int) -> None:
        """Set the journalled position of `partition`."""


class Journal(Protocol):
    """Alerts and everything owed for them. Every method may raise `JournalUnavailable`. Safe to use from threads."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a unit of work: committed at the end of the block, rolled back whole when it raises."""

    def probe(self) -> None:
        """Write, and change nothing: raises `JournalUnavailable` where an alert could not be stored now."""

    def open_alerts(self) -> list[Alert]:
        """Every open alert, earliest first."""

    def alerts(self, wanted: AlertFilter, limit: int = 100, before: Alert | None = None) -> list[Alert]:
        """Alerts, newest first by (raised_at, id); `before`: go on behind this one."""

    def alert(self, alert_id: str) -> Alert | None:
        """The alert of this id."""

    def events(self, after: int = 0, limit: int = 1000) -> list[AlertEvent]:
        """Events with a number greater than `after`, in order of their numbers."""

    def events_of(self, alert_id: str) -> list[AlertEvent]:
        """Every event of an alert, in order."""

    def last_number(self) -> int:
        """The greatest event number given so far; 0 before the first."""

    def positions(self) -> dict[int, int]:
        """Partition → log position up to which its findings are journalled."""

    def due_promises(self, now: int, limit: int, life: bool) -> list[Promise]:
        """Promises due at `now`, in the order of their events: `life` ones, or the others.

        A promise waits while an earlier event of the same alert is still owed to the same channel: nobody shall hear
        "cleared" before "raised".
        """

    def settle(self, promise: Promise) -> None:
        """Store `state`, `attempts`, `due_at`, `last_error` and `settled_at` of a promise after a try."""

    def promises_in(self, state: PromiseState) -> int:
        """How many promises are in this state."""

    def rehearsed(self, rule: str | None = None, limit: int = 100, before: int | None = None) -> list[Rehearsed]:
        """What rules in rehearsal found, newest first; `before`: go on behind this number."""

    def forget_rehearsed(self, older_than: int) -> int:
        """Remove what was found in rehearsal before this time (UTC ms), and what is too much; how many went."""
