"""One unit of work of the SQL journal, in batched statements."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, insert, select, update

from alerts import rehearsal
from alerts.journal import Entry
from alerts.journal_rows import alert_of, alert_row, event_row
from alerts.promises import PromiseState
from alerts.tables import alert_event_table, alert_table, number_table, position_table, promise_table
from community.alert import Alert, AlertEvent
from community.finding import Finding
from community.severity import Category

_CHUNK = 400
"""Ids in one `IN (...)`: far below every database's limit of parameters."""

_change_alert = (
    update(alert_table)
    .where(alert_table.c.id == bindparam("known_id"))
    .values({c.name: bindparam(c.name) for c in alert_table.c if c.name != "id"})
)


class SqlTransaction:
    """See `alerts.journal.Transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # The row of the last number is the writers' one lock: SQLite serialised us at BEGIN IMMEDIATE, PostgreSQL
        # does it here, so that numbers rise in the order of commits and what we read stays true.
        last = connection.scalar(select(number_table.c.last).with_for_update())
        if last is None:
            connection.execute(insert(number_table).values(id=1, last=0))
        self._last = last or 0
        self._stored: dict[int, AlertEvent] = {}

    def position(self, partition: int) -> int:
        table = position_table.c
        return self._connection.scalar(select(table.position).where(table.partition == partition)) or 0

    def alert(self, alert_id: str) -> Alert | None:
        row = self._connection.execute(select(alert_table).where(alert_table.c.id == alert_id)).mappings().first()
        return None if row is None else alert_of(row)

    def taken(self, ids: Collection[str]) -> set[str]:
        column = alert_table.c.id
        return {i for some in _chunks(ids) for i in self._connection.scalars(select(column).where(column.in_(some)))}

    def open_near(self, devices: Collection[str], households: Collection[str]) -> list[Alert]:
        table = alert_table.c
        found: dict[str, Alert] = {}
        conditions = [table.device.in_(some) for some in _chunks(devices)]
        conditions += [table.household.in_(some) for some in _chunks(households)]
        for condition in conditions:
            query = select(alert_table).where(table.closed_at.is_(None), condition)
            for row in self._connection.execute(query).mappings():
                if row["id"] not in found:
                    found[row["id"]] = alert_of(row)
        return list(found.values())

    def told(self, alerts: Collection[str]) -> dict[str, set[str]]:
        table = promise_table.c
        told: dict[str, set[str]] = {}
        for some in _chunks(alerts):
            query = select(table.alert, table.channel).where(table.alert.in_(some)).distinct()
            for alert, channel in self._connection.execute(query):
                told.setdefault(alert, set()).add(channel)
        return told

    def store(self, opened: Sequence[Alert], changed: Sequence[Alert], entries: Sequence[Entry]) -> list[AlertEvent]:
        # Changes first: one of them may close an alert to which an opened one is the successor.
        if changed:
            rows = [alert_row(alert) for alert in changed]
            self._connection.execute(_change_alert, [row | {"known_id": row.pop("id")} for row in rows])
        if opened:
            self._connection.execute(insert(alert_table), [alert_row(alert) for alert in opened])
        if not entries:
            return []
        numbered = [replace(entry.event, number=self._last + i) for i, entry in enumerate(entries, 1)]
        self._last += len(entries)
        self._connection.execute(update(number_table).values(last=self._last))
        self._connection.execute(
            insert(alert_event_table),
            [event_row(entry, event.number) for entry, event in zip(entries, numbered, strict=True)],
        )
        self._stored.update((event.number, event) for event in numbered)
        return numbered

    def promise(self, owed: Sequence[tuple[int, str]], now: int) -> None:
        if not owed:
            return
        rows = [
            {
                "event": number,
                "alert": self._stored[number].alert,
                "channel": channel,
                "life": self._stored[number].category is Category.LIFE,
                "made_at": now,
                "due_at": now,
                "attempts": 0,
                "state": PromiseState.PROMISED.value,
            }
            for number, channel in owed
        ]
        self._connection.execute(insert(promise_table), rows)

    def rehearse(self, partition: int, position: int, findings: Sequence[Finding]) -> None:
        rehearsal.record(self._connection, partition, position, findings)

    def advance(self, partition: int, position: int) -> None:
        table = position_table
        known = self._connection.execute(update(table).where(table.c.partition == partition).values(position=position))
        if known.rowcount == 0:
            self._connection.execute(insert(table).values(partition=partition, position=position))


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    remaining = iter(sorted(set(ids)))
    while some := list(islice(remaining, _CHUNK)):
        yield some
