"""The journal in memory: for replay and tests. It grows with its events, as a database does, and dies with us."""

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice

from msgspec.structs import replace

from alerts.journal import AlertFilter, Entry, JournalConflict, Origin
from alerts.promises import Promise, PromiseState
from alerts.rehearsal import MOST, Rehearsed
from community.alert import Alert, AlertEvent
from community.finding import Finding


class MemoryJournal:
    """A `Journal` of dictionaries. Transactions are serialised by a lock and collected until their end."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._alerts: dict[str, Alert] = {}
        self._open: dict[tuple[str, str], Alert] = {}
        self._open_devices: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._open_households: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._events: list[AlertEvent] = []
        self._events_of: dict[str, list[AlertEvent]] = defaultdict(list)
        self._origins: set[Origin] = set()
        self._positions: dict[int, int] = {}
        self._promises: dict[int, Promise] = {}
        self._told: dict[str, set[str]] = defaultdict(set)
        self._promise_ids = count(1)
        self._rehearsed: list[Rehearsed] = []
        self._rehearsals = count(1)

    @contextmanager
    def transaction(self) -> Iterator["_MemoryTransaction"]:
        """See `Journal.transaction`."""
        with self._lock:
            work = _MemoryTransaction(self)
            yield work
            self._commit(work)

    def _commit(self, work: "_MemoryTransaction") -> None:
        # All that can fail comes before the first change.
        closing = {(a.device, a.rule) for a in work.changed if a.closed_at is not None}
        opening = [(a.device, a.rule) for a in work.opened if a.closed_at is None]
        if len(set(opening)) < len(opening) or any(k in self._open and k not in closing for k in opening):
            raise JournalConflict("a second open alert of one device and rule")
        ids = [a.id for a in work.opened]
        if len(set(ids)) < len(ids) or any(i in self._alerts for i in ids):
            raise JournalConflict("an alert of this id exists")
        if len(set(work.origins)) < len(work.origins) or not self._origins.isdisjoint(work.origins):
            raise JournalConflict("this log record's events are journalled already")
        for alert in (*work.changed, *work.opened):
            self._put(alert)
        for event in work.events:
            self._events.append(event)
            self._events_of[event.alert].append(event)
        self._origins.update(work.origins)
        for promise in work.promises:
            self._promises[promise.id] = promise
            self._told[promise.event.alert].add(promise.channel)
        self._rehearsed += (Rehearsed(next(self._rehearsals), finding) for finding in work.rehearsed)
        self._positions.update(work.positions)

    def _put(self, alert: Alert) -> None:
        key = (alert.device, alert.rule)
        before = self._alerts.get(alert.id)
        if before is not None:
            self._open.pop(key, None)
            self._open_devices[before.device].discard(key)
            self._open_households[before.household].discard(key)
        self._alerts[alert.id] = alert
        if alert.closed_at is None:
            self._open[key] = alert
            self._open_devices[alert.device].add(key)
            self._open_households[alert.household].add(key)

    def probe(self) -> None:
        """See `Journal.probe`: memory can always be written."""

    def open_alerts(self) -> list[Alert]:
        """See `Journal.open_alerts`."""
        with self._lock:
            return sorted(self._open.values(), key=lambda a: (a.raised_at, a.id))

    def alerts(self, wanted: AlertFilter, limit: int = 100, before: Alert | None = None) -> list[Alert]:
        """See `Journal.alerts`."""
        with self._lock:
            found = [
                a
                for a in self._alerts.values()
                if wanted.admits(a) and (before is None or (a.raised_at, a.id) < (before.raised_at, before.id))
            ]
        return sorted(found, key=lambda a: (a.raised_at, a.id), reverse=True)[:limit]

    def alert(self, alert_id: str) -> Alert | None:
        """See `Journal.alert`."""
        with self._lock:
            return self._alerts.get(alert_id)

    def events(self, after: int = 0, limit: int = 1000) -> list[AlertEvent]:
        """See `Journal.events`."""
        with self._lock:
            start = max(0, after)  # numbers begin at 1 and have no gaps
            return self._events[start : start + limit]

    def events_of(self, alert_id: str) -> list[AlertEvent]:
        """See `Journal.events_of`."""
        with self._lock:
            return list(self._events_of.get(alert_id, ()))

    def last_number(self) -> int:
        """See `Journal.last_number`."""
        with self._lock:
            return len(self._events)

    def positions(self) -> dict[int, int]:
        """See `Journal.positions`."""
        with self._lock:
            return dict(self._positions)

    def due_promises(self, now: int, limit: int, life: bool) -> list[Promise]:
        """See `Journal.due_promises`."""
        with self._lock:
            owed = sorted(
                (p for p in self._promises.values() if p.state is PromiseState.PROMISED),
                key=lambda p: (p.event.number, p.id),
            )
        first: dict[tuple[str, str], int] = {}
        for promise in owed:
            first.setdefault((promise.event.alert, promise.channel), promise.id)
        ready = [p for p in owed if p.due_at <= now and p.life is life and first[p.event.alert, p.channel] == p.id]
        return ready[:limit]

    def settle(self, promise: Promise) -> None:
        """See `Journal.settle`."""
        with self._lock:
            self._promises[promise.id] = promise

    def promises_in(self, state: PromiseState) -> int:
        """See `Journal.promises_in`."""
        with self._lock:
            return sum(p.state is state for p in self._promises.values())

    def rehearsed(self, rule: str | None = None, limit: int = 100, before: int | None = None) -> list[Rehearsed]:
        """See `Journal.rehearsed`."""
        with self._lock:
            found = (
                r
                for r in reversed(self._rehearsed)
                if (rule is None or r.finding.rule == rule) and (before is None or r.number < before)
            )
            return list(islice(found, limit))

    def forget_rehearsed(self, older_than: int) -> int:
        """See `Journal.forget_rehearsed`."""
        with self._lock:
            count = len(self._rehearsed)
            self._rehearsed = [r for r in self._rehearsed if r.finding.ts >= older_than][-MOST:]
            return count - len(self._rehearsed)


class _MemoryTransaction:
    """What one block wants to write; the journal takes it over at the end, whole or not at all."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.opened: list[Alert] = []
        self.changed: list[Alert] = []
        self.events: list[AlertEvent] = []
        self.origins: list[Origin] = []
        self.promises: list[Promise] = []
        self.rehearsed: list[Finding] = []
        self.positions: dict[int, int] = {}

    def position(self, partition: int) -> int:
        return self._journal._positions.get(partition, 0)

    def alert(self, alert_id: str) -> Alert | None:
        return self._journal._alerts.get(alert_id)

    def taken(self, ids: Collection[str]) -> set[str]:
        return {i for i in ids if i in self._journal._alerts}

    def open_near(self, devices: Collection[str], households: Collection[str]) -> list[Alert]:
        journal = self._journal
        keys = {k for d in devices for k in journal._open_devices.get(d, ())}
        keys |= {k for h in households for k in journal._open_households.get(h, ())}
        return [journal._open[k] for k in sorted(keys)]

    def told(self, alerts: Collection[str]) -> dict[str, set[str]]:
        return {a: set(self._journal._told[a]) for a in alerts if a in self._journal._told}

    def store(self, opened: Sequence[Alert], changed: Sequence[Alert], entries: Sequence[Entry]) -> list[AlertEvent]:
        self.opened += opened
        self.changed += changed
        start = len(self._journal._events) + len(self.events) + 1
        numbered = [replace(entry.event, number=start + i) for i, entry in enumerate(entries)]
        self.events += numbered
        self.origins += [entry.origin for entry in entries if entry.origin is not None]
        return numbered

    def promise(self, owed: Sequence[tuple[int, str]], now: int) -> None:
        events = {event.number: event for event in self.events}
        for number, channel in owed:
            promise = Promise(
                id=next(self._journal._promise_ids), event=events[number], channel=channel, made_at=now, due_at=now
            )
            self.promises.append(promise)

    def rehearse(self, partition: int, position: int, findings: Sequence[Finding]) -> None:
        # The journalled position, read in this very transaction, keeps a record from being recorded twice.
        self.rehearsed += findings

    def advance(self, partition: int, position: int) -> None:
        self.positions[partition] = position
