"""A migrated database is what the stores declare; every step is taken, and none is taken on what is newer."""

import io
import logging
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

import alerts.rehearsal
import alerts.tables  # noqa: F401 - as above
import api.tables  # noqa: F401 - as above
import community.announcements
import community.estate_tables
import community.transmitter_orders  # noqa: F401 - as above
import rules.store_table  # noqa: F401 - as above
from community.database import metadata, open_database
from mingluo.migrations import (
    DatabaseNewer,
    DatabaseUnusable,
    MigrationRefused,
    configuration,
    revision,
    script_directory,
    upgrade,
)

STEPS = [s.revision for s in reversed(list(script_directory().walk_revisions()))]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    engine = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    yield engine
    engine.dispose()


def schema(engine: Engine) -> dict[str, list[str]]:
    """Every statement that made the database, by name: its parts, in whatever order they were written."""
    with engine.connect().execution_options(readonly=True) as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {name: parts(sql) for name, sql in rows if name != "alembic_version"}


def parts(sql: str) -> list[str]:
    """The pieces of a statement between commas outside parentheses, sorted."""
    head, _, body = re.sub(r"\s+", " ", sql).partition("(")
    return [head.strip(), *sorted(piece.strip(" )") for piece in re.split(r",(?![^()]*\))", body))]


def test_the_migrated_schema_is_the_declared_one(engine: Engine, tmp_path: Path) -> None:
    assert upgrade(engine) == STEPS
    with engine.connect().execution_options(readonly=True) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    # Alembic does not look at everything (conditions of indexes, for one): the statements themselves must agree.
    declared = open_database(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared)
    assert schema(engine) == schema(declared)
    declared.dispose()


def test_one_open_alert_per_device_and_rule_is_the_database_s_own_rule(engine: Engine) -> None:
    upgrade(engine)
    assert schema(engine)["ix_alert_open"] == [
        "CREATE UNIQUE INDEX ix_alert_open ON alert",
        "device, rule) WHERE closed_at IS NULL",
    ]


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_every_step_up(engine: Engine, step: int) -> None:
    if step:
        upgrade(engine, STEPS[step - 1])
    assert upgrade(engine, STEPS[step]) == [STEPS[step]]
    assert revision(engine) == STEPS[step]
    assert upgrade(engine) == STEPS[step + 1 :]


def test_a_second_time_there_is_nothing_to_do(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    assert revision(engine) is None
    with caplog.at_level(logging.INFO, "mingluo.migrations"):
        upgrade(engine)
    assert f"database: {', '.join(STEPS)} applied (empty before)" in caplog.messages
    assert upgrade(engine) == []


def test_a_newer_database_is_refused_by_name(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = schema(engine)
    with pytest.raises(DatabaseNewer, match=r"revision '9999'.*knows up to '\d{4}'"):
        upgrade(engine)
    assert schema(engine) == before


def test_a_step_that_fails_leaves_the_database_as_it_was(engine: Engine, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mingluo.db") as stranger:
        stranger.execute("CREATE TABLE session (theirs TEXT)")  # stands in the way of one of the last tables
    stranger.close()
    before = schema(engine)
    with pytest.raises(DatabaseUnusable, match="table session already exists"):
        upgrade(engine)
    assert schema(engine) == before
    assert inspect(engine).get_table_names() == ["session"]


def test_several_processes_may_start_at_once(tmp_path: Path) -> None:
    engines = [open_database(f"sqlite:///{tmp_path / 'mingluo.db'}") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(upgrade, engines))
    for engine in engines:
        engine.dispose()
    assert sorted(map(len, applied)) == [0, 0, 0, len(STEPS)]


def test_the_steps_can_be_written_for_postgresql() -> None:
    # No PostgreSQL here: at least every statement must be one that its dialect can put into words.
    config = configuration()
    config.output_buffer = io.StringIO()
    config.attributes["dialect"] = "postgresql"
    command.upgrade(config, "head", sql=True)
    written = config.output_buffer.getvalue()
    for table in metadata.tables:
        assert re.search(rf"CREATE TABLE {table} ", written)
    assert "CREATE UNIQUE INDEX ix_alert_open ON alert (device, rule) WHERE closed_at IS NULL;" in written


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'gone' / 'mingluo.db'}")
    with pytest.raises(MigrationRefused, match=r"gone/mingluo.db cannot be used: unable to open"):
        upgrade(engine)
