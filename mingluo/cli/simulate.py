"""`mingluo simulate`: devices that publish like real ones."""

import asyncio
import signal
import ssl
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from community.clock import SECOND
from community.estate import Estate
from community.vitals import Vitals
from mingluo.cli.estate import stored_estate
from mingluo.cli.io import open_lines, people, refuse
from mingluo.cli.load import load_estate_file, read_settings
from mingluo.run_file import read_run_file
from mingluo.settings import Settings
from mingluo.system import wall_clock
from simulators.demo import demo_incidents
from simulators.fleet import run_fleet
from simulators.playback import PlaybackError, play
from simulators.world import World


def simulate(
    estate: Annotated[
        Path | None, typer.Option(help="Estate file whose devices to simulate; by default the stored estate.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="mqtt://HOST:PORT or mqtts://HOST:PORT; by default the running system's.")
    ] = None,
    recording: Annotated[
        Path | None, typer.Option("--play", help="Publish this recording (READINGS.jsonl) instead of living.")
    ] = None,
    speed: Annotated[float, typer.Option(min=1, help="With --play: how many times faster than recorded.")] = 1,
    quiet: Annotated[bool, typer.Option(help="Ordinary life only: no incidents.")] = False,
    qos: Annotated[int, typer.Option(min=0, max=1, help="Quality of service of telemetry.")] = 0,
    ca: Annotated[Path | None, typer.Option(help="With mqtts://: the broker's CA certificate (PEM).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the running system.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
) -> None:
    """Simulate every device of an estate over real MQTT, each with its own credentials, until Ctrl-C.

    With nothing named, it joins the system that runs over the data directory. A village to begin with is made by:
    mingluo estate village --households 50 > estate.toml
    """
    settings = read_settings(config, data_dir=data_dir)
    homes = load_estate_file(estate) if estate is not None else stored_estate(settings)
    host, port, tls = _address(broker, ca, settings)
    if recording is None and not homes.device:
        refuse("the estate has no devices")
    vitals = Vitals()
    try:
        asyncio.run(_live(homes, host, port, tls, recording, speed, quiet, qos, vitals))
    except PlaybackError as error:
        refuse(f"{recording}: {error}")
    except ValueError as error:  # the estate has too few devices for incidents
        refuse(error, "with --quiet there are no incidents")
    for name, labels, value in vitals.counters():
        people.print(" ".join([name, *(label for _, label in labels), f"{value:.0f}"]), markup=False)


async def _live(
    homes: Estate,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    recording: Path | None,
    speed: float,
    quiet: bool,
    qos: int,
    vitals: Vitals,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    people.print(f"{len(homes.device)} devices, {host}:{port}; Ctrl-C stops them", markup=False)
    if recording is not None:
        with open_lines(recording) as lines:
            text = (line.decode(errors="replace") for line in lines)
            await play(text, homes, host, port, stop, wall_clock, speed=speed, tls=tls, vitals=vitals)
        return
    start = wall_clock()
    world = World(homes, start, () if quiet else demo_incidents(homes, start + SECOND))
    await run_fleet(homes, world, host, port, stop, wall_clock, tls=tls, qos=qos, vitals=vitals)


def _address(broker: str | None, ca: Path | None, settings: Settings) -> tuple[str, int, ssl.SSLContext | None]:
    if broker is None:
        running = read_run_file(settings.data_dir)
        if running is None or running.mqtt is None:
            refuse(f"no system with a broker of its own runs over {settings.data_dir}: name one with --broker")
        return *running.mqtt, None
    parts = urlsplit(broker)
    if parts.scheme not in ("mqtt", "mqtts") or parts.hostname is None:
        refuse(f"--broker {broker}: expected mqtt://HOST:PORT or mqtts://HOST:PORT")
    if parts.scheme == "mqtt":
        return parts.hostname, parts.port or 1883, None
    try:
        return parts.hostname, parts.port or 8883, ssl.create_default_context(cafile=ca)
    except OSError as error:
        refuse(f"--ca {ca}: {error}")
