"""Tables of the estate: each version whole as a document, and the present one row by row for joins and reports.

Secrets of devices stand in the documents only; whoever may read the rows for a report need not see them.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Integer, String, Table, Text, false

from community.database import metadata

estate_version = Table(
    "estate_version",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("created_at", BigInteger, nullable=False),  # UTC ms
    Column("actor", String(64), nullable=False),
    Column("document", Text, nullable=False),  # the whole estate as JSON
    sqlite_autoincrement=True,  # a version number is never given twice: log records refer to it
)

place = Table(
    "place",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("parent", String(64), ForeignKey("place.id"), index=True),
    Column("timezone", String(64)),  # IANA name; NULL: that of the place above
)

household = Table(
    "household",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("place", String(64), ForeignKey("place.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("latitude", Float),  # degrees north
    Column("longitude", Float),  # degrees east
    Column("material", String(16)),
    Column("lives_alone", Boolean, nullable=False),
    Column("needs_help", Boolean, nullable=False),
    Column("notes", Text, nullable=False),
    # Later than the rest: rows of former releases have them too.
    Column("activity_consent", Boolean, nullable=False, server_default=false()),
    Column("may_wander", Boolean, nullable=False, server_default=false()),
)

device = Table(
    "device",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("household", String(64), ForeignKey("household.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("interval_s", Float),
    Column("feeder", Text),
    Column("phase", String(2)),
    Column("nominal_voltage", Float, nullable=False),  # V
    Column("rated_current", Float, nullable=False),  # A
    Column("rated_residual", Float, nullable=False),  # mA
    Column("address", Text),  # in its profile; NULL: its id
)

bridge = Table(
    "bridge",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("profile", Text, nullable=False),
    Column("name", Text, nullable=False),
)
