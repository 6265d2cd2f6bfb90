"""Table of the rulebook's versions; apart from the store, so that a migration need not load the engine."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from community.database import metadata

rulebook_table = Table(
    "rulebook",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("made_at", BigInteger, nullable=False),  # UTC ms
    Column("made_by", String(64), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("content", String(64), nullable=False),  # `Rulebook.version`, as read when it was stored
    Column("text", Text, nullable=False),
    Column("standard", Text),  # the pack that `extends = "standard"` meant then
    sqlite_autoincrement=True,  # a version number is never given twice: log records refer to it
)
