"""What rules in rehearsal found: recorded in the transaction of their log record, and told to nobody."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    desc,
    func,
    insert,
    select,
)

from community.database import metadata
from community.finding import Finding
from community.severity import Category, Severity

MOST = 200_000
"""Rows kept at most, the newest: a rule that flaps in rehearsal must not fill the disk of those that are in force."""

rehearsal_table = Table(
    "rehearsal",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("rule", String(128), nullable=False),
    Column("rule_version", String(128), nullable=False),
    Column("category", String(16), nullable=False),
    Column("device", String(64), nullable=False),
    Column("household", String(64), nullable=False),
    Column("community", String(64), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("previous", Integer, nullable=False),
    Column("value", Float),
    Column("threshold", Float),
    Column("unit", String(16), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("evidence", Text, nullable=False),
    # One record of the log cannot be recorded twice.
    UniqueConstraint("partition", "position", "ordinal", name="uq_rehearsal_origin"),
    Index("ix_rehearsal_rule", "rule", "number"),
    Index("ix_rehearsal_ts", "ts"),
)


class Rehearsed(NamedTuple):
    """A recorded finding; `number` rises in the order of recording, and is what pages count."""

    number: int
    finding: Finding


def record(connection: Connection, partition: int, position: int, findings: Sequence[Finding]) -> None:
    """Store the findings of one log record."""
    rows = [
        {"partition": partition, "position": position, "ordinal": i, **_row(finding)}
        for i, finding in enumerate(findings)
    ]
    if rows:
        connection.execute(insert(rehearsal_table), rows)


def recorded(connection: Connection, rule: str | None, limit: int, before: int | None) -> list[Rehearsed]:
    """The newest findings, of one rule or of all; those with a number less than `before`."""
    table = rehearsal_table.c
    query = select(rehearsal_table).order_by(desc(table.number)).limit(limit)
    if rule is not None:
        query = query.where(table.rule == rule)
    if before is not None:
        query = query.where(table.number < before)
    return [Rehearsed(row["number"], _finding(row)) for row in connection.execute(query).mappings()]


def forget(connection: Connection, older_than: int) -> int:
    """Remove what was found before `older_than` (UTC ms), and all but the newest `MOST`; how many were removed."""
    table = rehearsal_table.c
    newest = connection.scalar(select(func.max(table.number))) or 0
    return connection.execute(
        delete(rehearsal_table).where((table.ts < older_than) | (table.number <= newest - MOST))
    ).rowcount


_IMPLIED = ("shadow", "taken_into")
"""True of all of these, and of none: a group never stands for what nobody is told."""


def _row(finding: Finding) -> dict[str, Any]:
    row = {name: getattr(finding, name) for name in finding.__struct_fields__ if name not in _IMPLIED}
    row.update(
        category=finding.category.value,
        severity=int(finding.severity),
        previous=int(finding.previous),
        evidence=msgspec.json.encode(finding.evidence).decode(),
    )
    return row


def _finding(row: RowMapping) -> Finding:
    fields = {name: row[name] for name in Finding.__struct_fields__ if name not in _IMPLIED}
    fields.update(
        category=Category(row["category"]),
        severity=Severity(row["severity"]),
        previous=Severity(row["previous"]),
        evidence=msgspec.json.decode(row["evidence"]),
    )
    return Finding(**fields, shadow=True)
