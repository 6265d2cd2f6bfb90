"""Tables of the journal. Kept in step with `mingluo.migrations` by a contract test."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from community.database import metadata

_Number = BigInteger().with_variant(Integer, "sqlite")  # in SQLite only INTEGER can be the row's own key

alert_table = Table(
    "alert",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("rule", String(128), nullable=False),
    Column("rule_version", String(128), nullable=False),
    Column("category", String(16), nullable=False),
    Column("device", String(64), nullable=False),
    Column("household", String(64), nullable=False),
    Column("community", String(64), nullable=False),
    Column("incident", String(128), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("highest", Integer, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("latched", Boolean, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("returned_at", BigInteger),
    Column("acknowledged_at", BigInteger),
    Column("acknowledged_by", String(128)),
    Column("closed_at", BigInteger),
    Column("value", Float),
    Column("threshold", Float),
    Column("unit", String(16), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("evidence", Text, nullable=False),
    # The database itself guarantees one open alert per device and rule.
    Index(
        "ix_alert_open",
        "device",
        "rule",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_alert_raised_at", "raised_at", "id"),
    Index("ix_alert_household", "household", "raised_at"),
    Index("ix_alert_device", "device", "raised_at"),
)

alert_event_table = Table(
    "alert_event",
    metadata,
    # Given from `journal_number`, not by the database: numbers then rise in the order of commits, without gaps, also
    # where several processes write (a sequence in PostgreSQL promises neither), and the feed can resume by number.
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("partition", Integer),
    Column("position", BigInteger),
    Column("ordinal", Integer),
    Column("ts", BigInteger, nullable=False),
    Column("event", String(16), nullable=False),
    Column("alert", String(255), ForeignKey("alert.id"), nullable=False),
    Column("rule", String(128), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("category", String(16), nullable=False),
    Column("device", String(64), nullable=False),
    Column("household", String(64), nullable=False),
    Column("community", String(64), nullable=False),
    Column("incident", String(128), nullable=False),
    Column("value", Float),
    Column("threshold", Float),
    Column("unit", String(16), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("actor", String(128)),
    Column("note", Text),
    Column("evidence", Text, nullable=False),
    # One record of the log cannot be journalled twice. A person's action has no origin: NULLs never collide.
    UniqueConstraint("partition", "position", "ordinal", name="uq_alert_event_origin"),
    Index("ix_alert_event_alert", "alert", "number"),
)

promise_table = Table(
    "promise",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("event", _Number, ForeignKey("alert_event.number"), nullable=False),
    Column("alert", String(255), ForeignKey("alert.id"), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("life", Boolean, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("last_error", Text),
    Column("settled_at", BigInteger),
    UniqueConstraint("event", "channel"),
    Index("ix_promise_due", "state", "life", "event"),
    Index("ix_promise_alert", "alert", "channel", "event"),
)

position_table = Table(
    "log_position",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

number_table = Table(
    "journal_number",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)
