"""The steps that bring a database to the shape that this version of the code expects."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

log = logging.getLogger(__name__)

_LOCK = 0x6D696E676C756F  # "mingluo": any number, the same in every process


class MigrationRefused(Exception):
    """The database could not be brought into shape. Nothing was changed."""


class DatabaseNewer(MigrationRefused):
    """The database was written by a newer version: using it could lose what this version does not know of."""


class DatabaseUnusable(MigrationRefused):
    """The database cannot be opened or written, or what stands in it is not ours."""


def script_directory() -> ScriptDirectory:
    """The steps, as Alembic sees them."""
    return ScriptDirectory.from_config(configuration())


def configuration() -> Config:
    """Alembic's configuration, without a file: `command.revision(configuration(), ...)` makes the next step."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, to: str = "head") -> list[str]:
    """Bring a database to the newest shape, in one transaction: all steps or none.

    Several processes may do this at once; they queue, and all but the first find nothing to do.

    Args:
        engine: the database.
        to: revision to stop at, for tests of single steps.

    Returns:
        The revisions that were applied, in order; empty if there was nothing to do. They are logged, too.

    Raises:
        DatabaseNewer: the database is at a revision that this version does not have.
        DatabaseUnusable: it cannot be opened or written, or other tables are in the way.
    """
    try:
        return _upgrade(engine, to)
    except DBAPIError as error:
        raise DatabaseUnusable(f"the database {engine.url.render_as_string()} cannot be used: {error.orig}") from error


def _upgrade(engine: Engine, to: str) -> list[str]:
    scripts = script_directory()
    known = {script.revision for script in scripts.walk_revisions()}
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite has taken its lock with BEGIN IMMEDIATE
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in known:
            raise DatabaseNewer(
                f"the database is at revision {before!r}, this version of Mingluo knows up to"
                f" {scripts.get_current_head()!r}: install the version that wrote it, or a newer one"
            )
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        after = MigrationContext.configure(connection).get_current_revision()
    if after == before:
        return []
    applied = [s.revision for s in scripts.iterate_revisions(after, before)][::-1]
    log.info("database: %s applied (%s before)", ", ".join(applied), before or "empty")
    return applied


def revision(engine: Engine) -> str | None:
    """The revision at which a database is; None before the first step."""
    with engine.connect().execution_options(readonly=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()
