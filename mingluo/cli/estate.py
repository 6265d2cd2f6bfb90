"""`mingluo estate`: who lives where, and what is installed."""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from community.announcements import AnnouncementStore, ApprovalError, Decision, with_device
from community.clock import format_time
from community.estate import Estate
from community.estate_file import dump_estate
from community.estate_store import EstateStore
from mingluo.cli.database import Config, DataDir, opened
from mingluo.cli.io import emit, people, refuse
from mingluo.cli.load import load_estate_file, load_profiles, read_settings
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
    config: Config = None,
) -> None:
    """Check an estate file; say every error with its line, field and what was expected. Exit code 1 if there is any.

    Profiles of one's own are known by the setting `profiles_dir`.
    """
    homes = load_estate_file(estate, load_profiles(read_settings(config).profiles_dir))
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
    settings = read_settings(config, data_dir=data_dir)
    homes = load_estate_file(estate, load_profiles(settings.profiles_dir))
    with opened(settings) as database:
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


@app.command()
def announced(
    every: Annotated[bool, typer.Option("--all", help="Also those that were approved or rejected.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List devices that said they exist and wait for an answer, one JSON object a line, the latest first."""
    with opened(read_settings(config, data_dir=data_dir)) as database:
        for found in AnnouncementStore(database).all(None if every else Decision.WAITING):
            emit(
                {
                    **asdict(found),
                    "first_seen": format_time(found.first_seen),
                    "last_seen": format_time(found.last_seen),
                }
            )


@app.command()
def approve(
    profile: Annotated[str, typer.Argument(help="What it speaks, as `announced` shows it.")],
    address: Annotated[str, typer.Argument(help="What it calls itself.")],
    household: Annotated[str, typer.Option(help="Where it is installed.")],
    device_id: Annotated[str | None, typer.Option("--id", help="Its id; by default its address.")] = None,
    kind: Annotated[str | None, typer.Option(help="What it is; by default what it seems to be.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Take an announced device into the estate. A running system listens to it within seconds."""
    with opened(read_settings(config, data_dir=data_dir)) as database:
        store, estates = AnnouncementStore(database), EstateStore(database)
        found = store.get(profile, address)
        if found is None:
            refuse(f"no {profile} device {address!r} was announced; see `mingluo estate announced`")
        try:
            homes = with_device(
                estates.current()[1], found, household=household, device_id=device_id, kind=kind, name=name
            )
        except ApprovalError as error:
            refuse(error)
        version = estates.replace(homes, "command line", wall_clock())
        store.decide(profile, address, Decision.APPROVED, "command line")
    people.print(f"version {version}: {len(homes.device)} devices", markup=False)


@app.command()
def reject(
    profile: Annotated[str, typer.Argument(help="What it speaks, as `announced` shows it.")],
    address: Annotated[str, typer.Argument(help="What it calls itself.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Turn an announced device away: it is not listed any more, however often it announces itself."""
    with opened(read_settings(config, data_dir=data_dir)) as database:
        if not AnnouncementStore(database).decide(profile, address, Decision.REJECTED, "command line"):
            refuse(f"no {profile} device {address!r} was announced; see `mingluo estate announced`")
