"""The journal in a relational database: SQLite or PostgreSQL, through SQLAlchemy."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Select, and_, desc, exists, func, select, tuple_, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from alerts import rehearsal
from alerts.journal import AlertFilter, Condition, JournalConflict, JournalUnavailable
from alerts.journal_rows import alert_of, event_of, promise_of
from alerts.journal_transaction import SqlTransaction
from alerts.promises import Promise, PromiseState
from alerts.rehearsal import Rehearsed
from alerts.tables import alert_event_table, alert_table, number_table, position_table, promise_table
from community.alert import Alert, AlertEvent
from community.severity import Severity


class SqlJournal:
    """A `Journal` in the database behind `engine`, whose tables exist (`mingluo.migrations.upgrade`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _connection(self, *, readonly: bool) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                if readonly:
                    connection.execution_options(readonly=True)
                try:
                    with connection.begin():
                        yield connection
                except DBAPIError:
                    # A connection opened while the file could not be written stays read-only for ever, and one whose
                    # file was replaced never sees the new one: only a fresh one can find that all is well again.
                    connection.invalidate()
                    raise
        except IntegrityError as error:
            raise JournalConflict(str(error.orig)) from error
        except DBAPIError as error:
            raise JournalUnavailable(str(error.orig)) from error
        except PoolTimeout as error:
            raise JournalUnavailable(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """See `Journal.transaction`."""
        with self._connection(readonly=False) as connection:
            yield SqlTransaction(connection)

    def probe(self) -> None:
        """See `Journal.probe`."""
        with self._connection(readonly=False) as connection:
            SqlTransaction(connection)  # makes the row, if none is there: an update of nothing would prove nothing
            connection.execute(update(number_table).values(last=number_table.c.last))

    def open_alerts(self) -> list[Alert]:
        """See `Journal.open_alerts`."""
        table = alert_table.c
        return self._read_alerts(
            select(alert_table).where(table.closed_at.is_(None)).order_by(table.raised_at, table.id)
        )

    def alerts(self, wanted: AlertFilter, limit: int = 100, before: Alert | None = None) -> list[Alert]:
        """See `Journal.alerts`."""
        table = alert_table.c
        query = select(alert_table).order_by(desc(table.raised_at), desc(table.id)).limit(limit)
        if wanted.state is not None:
            query = query.where(_CONDITIONS[wanted.state])
        if wanted.category is not None:
            query = query.where(table.category == wanted.category.value)
        if wanted.severity is not None:
            query = query.where(table.highest >= int(wanted.severity))
        if wanted.household is not None:
            query = query.where(table.household == wanted.household)
        if wanted.device is not None:
            query = query.where(table.device == wanted.device)
        if before is not None:
            query = query.where(tuple_(table.raised_at, table.id) < tuple_(before.raised_at, before.id))
        return self._read_alerts(query)

    def _read_alerts(self, query: Select[tuple[object, ...]]) -> list[Alert]:
        with self._connection(readonly=True) as connection:
            return [alert_of(row) for row in connection.execute(query).mappings()]

    def alert(self, alert_id: str) -> Alert | None:
        """See `Journal.alert`."""
        found = self._read_alerts(select(alert_table).where(alert_table.c.id == alert_id))
        return found[0] if found else None

    def events(self, after: int = 0, limit: int = 1000) -> list[AlertEvent]:
        """See `Journal.events`."""
        number = alert_event_table.c.number
        return self._read_events(select(alert_event_table).where(number > after).order_by(number).limit(limit))

    def events_of(self, alert_id: str) -> list[AlertEvent]:
        """See `Journal.events_of`."""
        table = alert_event_table.c
        return self._read_events(select(alert_event_table).where(table.alert == alert_id).order_by(table.number))

    def _read_events(self, query: Select[tuple[object, ...]]) -> list[AlertEvent]:
        with self._connection(readonly=True) as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]

    def last_number(self) -> int:
        """See `Journal.last_number`."""
        with self._connection(readonly=True) as connection:
            return connection.scalar(select(number_table.c.last)) or 0

    def positions(self) -> dict[int, int]:
        """See `Journal.positions`."""
        table = position_table.c
        with self._connection(readonly=True) as connection:
            return {row.partition: row.position for row in connection.execute(select(table.partition, table.position))}

    def due_promises(self, now: int, limit: int, life: bool) -> list[Promise]:
        """See `Journal.due_promises`."""
        owed = promise_table
        earlier = promise_table.alias("earlier")
        is_held_up = exists().where(
            earlier.c.alert == owed.c.alert,
            earlier.c.channel == owed.c.channel,
            earlier.c.event < owed.c.event,
            earlier.c.state == PromiseState.PROMISED.value,
        )
        ready = (
            select(owed)
            .where(owed.c.state == PromiseState.PROMISED.value, owed.c.life == life, owed.c.due_at <= now, ~is_held_up)
            .order_by(owed.c.event, owed.c.id)
            .limit(limit)
        )
        with self._connection(readonly=True) as connection:
            rows = connection.execute(ready).mappings().all()
            numbers = {row["event"] for row in rows}
            found = connection.execute(select(alert_event_table).where(alert_event_table.c.number.in_(numbers)))
            events = {row["number"]: event_of(row) for row in found.mappings()}
        return [promise_of(row, events[row["event"]]) for row in rows]

    def settle(self, promise: Promise) -> None:
        """See `Journal.settle`."""
        change = (
            update(promise_table)
            .where(promise_table.c.id == promise.id)
            .values(
                state=promise.state.value,
                attempts=promise.attempts,
                due_at=promise.due_at,
                last_error=promise.last_error,
                settled_at=promise.settled_at,
            )
        )
        with self._connection(readonly=False) as connection:
            connection.execute(change)

    def promises_in(self, state: PromiseState) -> int:
        """See `Journal.promises_in`."""
        query = select(func.count()).select_from(promise_table).where(promise_table.c.state == state.value)
        with self._connection(readonly=True) as connection:
            return connection.scalar(query) or 0

    def rehearsed(self, rule: str | None = None, limit: int = 100, before: int | None = None) -> list[Rehearsed]:
        """See `Journal.rehearsed`."""
        with self._connection(readonly=True) as connection:
            return rehearsal.recorded(connection, rule, limit, before)

    def forget_rehearsed(self, older_than: int) -> int:
        """See `Journal.forget_rehearsed`."""
        with self._connection(readonly=False) as connection:
            return rehearsal.forget(connection, older_than)


_open = alert_table.c.closed_at.is_(None)

_CONDITIONS = {
    Condition.OPEN: _open,
    Condition.UNACKNOWLEDGED: and_(_open, alert_table.c.acknowledged.is_(False)),
    Condition.ACKNOWLEDGED: and_(_open, alert_table.c.acknowledged.is_(True)),
    Condition.RETURNED: and_(_open, alert_table.c.severity == int(Severity.NORMAL)),
    Condition.CLOSED: alert_table.c.closed_at.is_not(None),
}
