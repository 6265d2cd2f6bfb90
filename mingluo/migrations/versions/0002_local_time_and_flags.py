"""Time zones of places; what residents agreed to and need (`community.estate_tables`)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; places of before have no zone of their own, and nobody had agreed to anything."""
    op.add_column("place", sa.Column("timezone", sa.String(length=64)))
    for flag in ("activity_consent", "may_wander"):
        op.add_column("household", sa.Column(flag, sa.Boolean(), nullable=False, server_default=sa.false()))
