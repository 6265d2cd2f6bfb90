"""`mingluo estate`: who lives where, and what is installed."""

import time
from pathlib import Path
from typing import Annotated

import typer

from community.database import open_database
from community.estate_file import dump_estate
from community.estate_store import EstateStore
from mingluo import migrations
from mingluo.cli.io import people
from mingluo.cli.load import load_estate_file, read_settings

app = typer.Typer(help="Who lives where, and what is installed.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML).")]
DataDir = Annotated[Path | None, typer.Option(help="Where the data are kept.")]


def _store(config: Path | None, data_dir: Path | None) -> EstateStore:
    settings = read_settings(config, data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.database)
    migrations.upgrade(database)
    return EstateStore(database)


@app.command()
def check(
    estate: Annotated[Path, typer.Argument(metavar="ESTATE.toml", help="The estate file to check, or - for stdin.")],
) -> None:
    """Check an estate file; say every error with its line, field and what was expected. Exit code 1 if there is any."""
    homes = load_estate_file(estate)
    people.print(
        f"{estate}: {len(homes.place)} places, {len(homes.household)} households, {len(homes.device)} devices, all right"
    )


@app.command("import")
def import_estate(
    estate: Annotated[Path, typer.Argument(metavar="ESTATE.toml", help="The estate file, or - for stdin.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Put an estate file in place of the stored estate. A running system takes it over within seconds."""
    homes = load_estate_file(estate)
    version = _store(config, data_dir).replace(homes, "command line", time.time_ns() // 1_000_000)
    people.print(f"version {version}: {len(homes.household)} households, {len(homes.device)} devices")


@app.command()
def export(config: Config = None, data_dir: DataDir = None) -> None:
    """Print the stored estate as TOML, with the devices' secrets: keep it safe."""
    _, homes = _store(config, data_dir).current()
    typer.echo(dump_estate(homes), nl=False)
