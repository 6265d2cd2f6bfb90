"""`mingluo estate`: who lives where, and what is installed."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from community.estate import Estate
from community.estate_file import dump_estate
from community.estate_store import EstateStore
from mingluo.cli.database import Config, DataDir, opened
from mingluo.cli.io import people
from mingluo.cli.load import load_estate_file, read_settings
from mingluo.settings import Settings
from mingluo.system import wall_clock
from simulators.village import xijiang

app = typer.Typer(help="Who lives where, and what is installed.", no_args_is_help=True)


def stored_estate(settings: Settings) -> Estate:
    """The estate in force, with the devices' secrets."""
    with opened(settings) as database:
        return EstateStore(database).current()[1]


@app.command()
def check(
    estate: Annotated[Path, typer.Argument(metavar="ESTATE.toml", help="The estate file to check, or - for stdin.")],
) -> None:
    """Check an estate file; say every error with its line, field and what was expected. Exit code 1 if there is any."""
    homes = load_estate_file(estate)
    people.print(
        f"{estate}: {len(homes.place)} places, {len(homes.household)} households, {len(homes.device)} devices: right",
        markup=False,
        soft_wrap=True,
    )


@app.command("import")
def import_estate(
    estate: Annotated[Path, typer.Argument(metavar="ESTATE.toml", help="The estate file, or - for stdin.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Put an estate file in place of the stored estate. A running system takes it over within seconds."""
    homes = load_estate_file(estate)
    with opened(read_settings(config, data_dir=data_dir)) as database:
        version = EstateStore(database).replace(homes, "command line", wall_clock())
    people.print(f"version {version}: {len(homes.household)} households, {len(homes.device)} devices")


@app.command()
def export(config: Config = None, data_dir: DataDir = None) -> None:
    """Print the stored estate as TOML, with the devices' secrets: keep it safe."""
    typer.echo(dump_estate(stored_estate(read_settings(config, data_dir=data_dir))), nl=False)


@app.command()
def village(
    households: Annotated[int, typer.Option(min=3, max=100_000, help="How many houses.")] = 200,
    interval: Annotated[float, typer.Option(min=1, help="Reporting interval of the electrical protectors, s.")] = 5,
) -> None:
    """Print the estate file of an invented village in the spirit of Xijiang, with fresh secrets."""
    homes = xijiang(lambda: secrets.token_urlsafe(12), households=households, interval_s=interval)
    typer.echo(dump_estate(homes), nl=False)
