"""`mingluo simulate`: devices that publish like real ones."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from community.estate import Estate
from mingluo.cli.io import people, refuse
from mingluo.cli.load import load_estate_file, read_settings
from mingluo.demo import demo_estate
from mingluo.run_file import read_run_file
from mingluo.system import wall_clock
from simulators.demo import demo_incidents
from simulators.fleet import run_fleet
from simulators.world import World


def simulate(
    estate: Annotated[Path, typer.Option(help="The estate (TOML) whose devices to simulate, with their secrets.")],
) -> None:
    """Simulate."""
