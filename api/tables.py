"""The tables of accounts and their sessions. `mingluo.migrations` brings a database to their shape."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from community.database import metadata

account = Table(
    "account",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    # Algorithm, its parameters, salt and hash in one text, so that parameters can grow without a migration.
    Column("password", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

# Only a hash of the token is kept: whoever reads the database cannot sign in with what they read.
session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("account.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("ix_session_account", "account"),
)
