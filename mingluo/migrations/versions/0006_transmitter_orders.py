"""Orders that people gave to transmitters (`community.transmitter_orders`)."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; no orders could be given before."""
    op.create_table(
        "transmitter_order",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("transmitter", sa.BigInteger(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(length=16)),
        sa.Column("answered_at", sa.BigInteger()),
        sa.Column("said", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_transmitter_order_transmitter"), "transmitter_order", ["transmitter"])
