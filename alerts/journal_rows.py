"""Alerts, events and promises as rows, and back."""

from typing import Any

import msgspec
from sqlalchemy import RowMapping

from alerts.journal import Entry
from alerts.promises import Promise, PromiseState
from community.alert import Alert, AlertEvent, EventKind
from community.severity import Category, Severity

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def alert_row(alert: Alert) -> dict[str, Any]:
    """Columns of `alert`."""
    row = {name: getattr(alert, name) for name in alert.__struct_fields__}
    row.update(
        category=alert.category.value,
        severity=int(alert.severity),
        highest=int(alert.highest),
        evidence=msgspec.json.encode(alert.evidence).decode(),
    )
    return row


def alert_of(row: RowMapping) -> Alert:
    """The alert of a row."""
    fields = dict(row)
    fields.update(
        category=Category(row["category"]),
        severity=Severity(row["severity"]),
        highest=Severity(row["highest"]),
        evidence=_decode(row["evidence"]),
    )
    return Alert(**fields)


def event_row(entry: Entry, number: int) -> dict[str, Any]:
    """Columns of `alert_event` for an entry that has been given its number."""
    event, origin = entry
    row = {name: getattr(event, name) for name in event.__struct_fields__}
    row.update(
        number=number,
        event=event.event.value,
        category=event.category.value,
        severity=int(event.severity),
        evidence=msgspec.json.encode(event.evidence).decode(),
        partition=None if origin is None else origin.partition,
        position=None if origin is None else origin.position,
        ordinal=None if origin is None else origin.ordinal,
    )
    return row


def event_of(row: RowMapping) -> AlertEvent:
    """The event of a row; columns that are not its own are passed over."""
    fields = {name: row[name] for name in AlertEvent.__struct_fields__}
    fields.update(
        event=EventKind(row["event"]),
        category=Category(row["category"]),
        severity=Severity(row["severity"]),
        evidence=_decode(row["evidence"]),
    )
    return AlertEvent(**fields)


def promise_of(promise: RowMapping, event: AlertEvent) -> Promise:
    """The promise of a row, for its event."""
    return Promise(
        id=promise["id"],
        event=event,
        channel=promise["channel"],
        made_at=promise["made_at"],
        due_at=promise["due_at"],
        attempts=promise["attempts"],
        state=PromiseState(promise["state"]),
        last_error=promise["last_error"],
        settled_at=promise["settled_at"],
    )
