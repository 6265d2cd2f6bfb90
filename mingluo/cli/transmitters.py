"""`mingluo transmitters`: units of GB/T 26875.3 that report to the running system, and orders to them."""

from typing import Annotated, Any

import typer

from community.clock import format_time
from mingluo.cli.database import Config, DataDir
from mingluo.cli.io import emit, people, refuse
from mingluo.cli.load import read_settings
from mingluo.cli.running import ask, running_system

app = typer.Typer(
    help="Transmission units of GB/T 26875.3 (用户信息传输装置) that report to the running system, and orders to them.",
    no_args_is_help=True,
)

Address = Annotated[
    int, typer.Argument(metavar="ADDRESS", min=0, max=2**48 - 1, help="The unit's own address, e.g. 7001.")
]

PATIENCE_S = 60.0
"""Above the 40 s that the gateway takes to give up."""

_PATH = "/api/v1/transmitters"

_MEANING = {
    "confirmed": "confirmed",
    "answered": "answered; readings of it are taken as always",
    "denied": "denied, also after three repetitions",
    "silent": "no answer, also after three repetitions",
}


@app.command("list")
def list_transmitters(config: Config = None, data_dir: DataDir = None) -> None:
    """List the units, one JSON object a line: address, device, whether it is there, when it was last heard."""
    found = ask(running_system(read_settings(config, data_dir=data_dir)), "GET", _PATH)
    if not found["listening"]:
        people.print("nobody listens for them: set gb26875_listen", style="yellow")
    for unit in found["transmitters"]:
        emit(_readable(unit, "last_heard", "last_attended"))


@app.command()
def orders(
    address: Address,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 20,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List the orders that were given to a unit, newest first, one JSON object a line."""
    running = running_system(read_settings(config, data_dir=data_dir))
    for given in ask(running, "GET", f"{_PATH}/{address}/orders", params={"limit": limit})["orders"]:
        emit(_readable(given, "given_at", "answered_at"))


@app.command()
def guard_check(
    address: Address,
    minutes: Annotated[int, typer.Option(min=1, max=255, help="Within so many minutes a key must be pressed.")] = 10,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Ask whether somebody is at the panel (查岗).

    The unit confirms at once that it asks; the press on its key comes later, as last_attended of `list`.
    """
    _order(config, data_dir, address, order="guard_check", minutes=minutes)


@app.command()
def set_clock(address: Address, config: Config = None, data_dir: DataDir = None) -> None:
    """Set the unit's clock to the system's time."""
    _order(config, data_dir, address, order="set_clock")


@app.command()
def read_state(address: Address, config: Config = None, data_dir: DataDir = None) -> None:
    """Ask for the unit's own state (巡检)."""
    _order(config, data_dir, address, order="read_state")


@app.command()
def read_time(address: Address, config: Config = None, data_dir: DataDir = None) -> None:
    """Ask for the unit's time."""
    _order(config, data_dir, address, order="read_time")


@app.command()
def read_system(
    address: Address,
    system_type: Annotated[int, typer.Option("--type", min=0, max=255, help="Its type, e.g. 1: fire alarm.")] = 1,
    system_address: Annotated[int, typer.Option("--address", min=0, max=255, help="Its address.")] = 1,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Ask for the state of a system behind the unit."""
    _order(config, data_dir, address, order="read_system", system_type=system_type, system_address=system_address)


def _order(config: Any, data_dir: Any, address: int, **wish: str | int) -> None:
    running = running_system(read_settings(config, data_dir=data_dir))
    given = ask(running, "POST", f"{_PATH}/{address}/orders", body=wish, patience_s=PATIENCE_S)
    emit(_readable(given, "given_at", "answered_at"))
    told = f"{address}: {_MEANING.get(given['answer'], given['answer'])}"
    if given["answer"] not in ("confirmed", "answered"):
        refuse(told)
    people.print(told, markup=False)


def _readable(line: dict[str, Any], *times: str) -> dict[str, Any]:
    """The line with these times as people write them."""
    return {k: format_time(v) if k in times and v is not None else v for k, v in line.items()}
