"""The relational database behind the stores: SQLite in WAL mode by default, PostgreSQL by setting.

Each store declares its own tables on `metadata`; `mingluo.migrations` brings a database to their shape.
"""

from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def open_database(url: str) -> Engine:
    """Open a database, e.g. `sqlite:////var/lib/mingluo/mingluo.db` or `postgresql+psycopg://...`.

    SQLite runs in WAL mode with `synchronous=FULL`: a committed alert survives a power cut. Every transaction that
    may write begins with `BEGIN IMMEDIATE`, so that two writers queue at the start instead of failing half-way.
    """
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN is deferred and comes late; take transactions into our own hands.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    # Readers ask for `execution_options(readonly=True)` and must not queue behind a writer.
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")
