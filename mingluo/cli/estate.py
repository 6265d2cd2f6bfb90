"""`mingluo estate`: who lives where, and what is installed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from api.security import COMMAND_LINE
from community.announcements import AnnouncementStore, Decision
from community.approval import ApprovalError, Approvals, Hindrance, Installation
from community.clock import format_time
from community.estate import Estate, Ratings
from community.estate_file import dump_estate
from community.estate_store import EstateStore
from mingluo.cli.database import Config, DataDir, opened
from mingluo.cli.io import emit, people, refuse
from mingluo.cli.load import load_estate_file, load_profiles, read_settings
from mingluo.settings import Settings
from mingluo.system import wall_clock
from simulators.village import xijiang

Profile = Annotated[str, typer.Argument(help="What it speaks, as `announced` shows it.")]
Address = Annotated[str, typer.Argument(help="What it calls itself.")]
_USUAL = Ratings()

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
        version = EstateStore(database).replace(homes, COMMAND_LINE, wall_clock())
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
        for found in AnnouncementStore(database).page(None if every else Decision.WAITING):
            times = ("first_seen", "last_seen", "decided_at")
            emit({k: format_time(v) if k in times and v is not None else v for k, v in asdict(found).items()})


@app.command()
def approve(
    profile: Profile,
    address: Address,
    household: Annotated[str, typer.Option(help="Where it is installed.")],
    device_id: Annotated[str | None, typer.Option("--id", help="Its id; by default its address.")] = None,
    kind: Annotated[str | None, typer.Option(help="What it is; by default what it seems to be.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    nominal_voltage: Annotated[float, typer.Option(help="V.")] = _USUAL.nominal_voltage,
    rated_current: Annotated[float, typer.Option(help="In, A.")] = _USUAL.rated_current,
    rated_residual: Annotated[float, typer.Option(help="IΔn, mA.")] = _USUAL.rated_residual,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Take an announced device into the estate. A running system listens to it within seconds."""
    try:
        ratings = Ratings(nominal_voltage=nominal_voltage, rated_current=rated_current, rated_residual=rated_residual)
    except ValidationError as error:
        refuse(*(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()))
    wanted = Installation(household=household, device_id=device_id, kind=kind, name=name, ratings=ratings)
    with opened(read_settings(config, data_dir=data_dir)) as database, _hindrances():
        approvals = Approvals(database, EstateStore(database))
        version = approvals.approve(profile, address, wanted, COMMAND_LINE, wall_clock())
    people.print(f"version {version}: {device_id or address} is in the estate", markup=False, soft_wrap=True)


@app.command()
def reject(
    profile: Profile,
    address: Address,
    reason: Annotated[str | None, typer.Option(help="Why; kept with it.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Turn an announced device away: it is not listed any more, however often it announces itself."""
    with opened(read_settings(config, data_dir=data_dir)) as database, _hindrances():
        Approvals(database, EstateStore(database)).reject(profile, address, reason, COMMAND_LINE, wall_clock())


@contextmanager
def _hindrances() -> Iterator[None]:
    try:
        yield
    except ApprovalError as error:
        unknown = error.hindrance is Hindrance.UNKNOWN_ANNOUNCEMENT
        refuse(f"{error}; see `mingluo estate announced`" if unknown else error)
