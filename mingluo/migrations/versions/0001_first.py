"""The first tables: the journal, the estate, accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    _journal()
    _estate()
    _accounts()


def _number() -> sa.types.TypeEngine[int]:
    # In SQLite only INTEGER can be the row's own key.
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _journal() -> None:
    """The journal: alerts, events, promises, positions (`alerts.tables`)."""
    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("rule_version", sa.String(length=128), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("household", sa.String(length=64), nullable=False),
        sa.Column("community", sa.String(length=64), nullable=False),
        sa.Column("incident", sa.String(length=128), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("latched", sa.Boolean(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("returned_at", sa.BigInteger()),
        sa.Column("acknowledged_at", sa.BigInteger()),
        sa.Column("acknowledged_by", sa.String(length=128)),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("value", sa.Float()),
        sa.Column("threshold", sa.Float()),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index("ix_alert_device", "alert", ["device", "raised_at"])
    op.create_index("ix_alert_household", "alert", ["household", "raised_at"])
    op.create_index(
        "ix_alert_open",
        "alert",
        ["device", "rule"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_alert_raised_at", "alert", ["raised_at", "id"])
    op.create_table(
        "alert_event",
        sa.Column("number", _number(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer()),
        sa.Column("position", sa.BigInteger()),
        sa.Column("ordinal", sa.Integer()),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("alert", sa.String(length=255), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("household", sa.String(length=64), nullable=False),
        sa.Column("community", sa.String(length=64), nullable=False),
        sa.Column("incident", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("threshold", sa.Float()),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=128)),
        sa.Column("note", sa.Text()),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_alert_event_alert_alert"),
        sa.PrimaryKeyConstraint("number", name="pk_alert_event"),
        sa.UniqueConstraint("partition", "position", "ordinal", name="uq_alert_event_origin"),
    )
    op.create_index("ix_alert_event_alert", "alert_event", ["alert", "number"])
    op.create_table(
        "promise",
        sa.Column("id", _number(), nullable=False),
        sa.Column("event", _number(), nullable=False),
        sa.Column("alert", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("life", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_promise_alert_alert"),
        sa.ForeignKeyConstraint(["event"], ["alert_event.number"], name="fk_promise_event_alert_event"),
        sa.PrimaryKeyConstraint("id", name="pk_promise"),
        sa.UniqueConstraint("event", "channel", name="uq_promise_event"),
    )
    op.create_index("ix_promise_alert", "promise", ["alert", "channel", "event"])
    op.create_index("ix_promise_due", "promise", ["state", "life", "event"])
    op.create_table(
        "log_position",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition", name="pk_log_position"),
    )
    op.create_table(
        "journal_number",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_number"),
    )


def _estate() -> None:
    """The estate (`community.estate_tables`)."""
    op.create_table(
        "estate_version",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_estate_version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "place",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.String(length=64)),
        sa.ForeignKeyConstraint(["parent"], ["place.id"], name="fk_place_parent_place"),
        sa.PrimaryKeyConstraint("id", name="pk_place"),
    )
    op.create_index("ix_place_parent", "place", ["parent"])
    op.create_table(
        "household",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("material", sa.String(length=16)),
        sa.Column("lives_alone", sa.Boolean(), nullable=False),
        sa.Column("needs_help", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["place.id"], name="fk_household_place_place"),
        sa.PrimaryKeyConstraint("id", name="pk_household"),
    )
    op.create_index("ix_household_place", "household", ["place"])
    op.create_table(
        "device",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("household", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("interval_s", sa.Float()),
        sa.Column("feeder", sa.Text()),
        sa.Column("phase", sa.String(length=2)),
        sa.Column("nominal_voltage", sa.Float(), nullable=False),
        sa.Column("rated_current", sa.Float(), nullable=False),
        sa.Column("rated_residual", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["household"], ["household.id"], name="fk_device_household_household"),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
    )
    op.create_index("ix_device_household", "device", ["household"])


def _accounts() -> None:
    """Accounts and their sessions (`api.tables`)."""
    op.create_table(
        "account",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_account"),
    )
    op.create_table(
        "session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.name"], name="fk_session_account_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_session"),
    )
    op.create_index("ix_session_account", "session", ["account"])
