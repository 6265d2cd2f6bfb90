"""What devices call themselves in their profiles; bridges that publish for many (`community.estate_tables`)."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; devices of before are addressed by their ids."""
    op.add_column("device", sa.Column("address", sa.Text()))
    op.create_table(
        "bridge",
        sa.Column("id", sa.String(length=64), primary_key=True),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
    )
