"""Why and when a person decided on a device that announced itself (`community.announcements`)."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; of earlier decisions neither is known."""
    op.add_column("announcement", sa.Column("decided_at", sa.BigInteger()))
    op.add_column("announcement", sa.Column("reason", sa.Text()))
