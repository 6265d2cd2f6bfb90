"""The database of a data directory, as commands use it: opened, brought into shape, closed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from community.database import open_database
from mingluo import migrations
from mingluo.cli.io import refuse
from mingluo.settings import Settings

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML).")]
DataDir = Annotated[Path | None, typer.Option(help="Where the data are kept.")]


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """The database while the block lasts; ends the command if it cannot be used."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = open_database(settings.database)
        try:
            migrations.upgrade(database)
            yield database
        finally:
            database.dispose()
    except (OSError, SQLAlchemyError, migrations.MigrationRefused) as error:
        refuse(f"the database cannot be used: {error}")
