"""`mingluo log`: the readings log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from community.recording import write_recording
from community.vitals import Vitals
from gateway.broker.connection import connect, disconnect
from gateway.broker.server import BrokerError, BrokerServer
from gateway.log import LogUnavailable, ReadingsLog
from mingluo import options
from mingluo.cli.io import emit_bytes, people, refuse
from mingluo.cli.load import read_settings
from mingluo.lock import DataDirInUse, lock_data_dir
from mingluo.run_file import read_run_file
from mingluo.settings import Settings
from mingluo.system import wall_clock

app = typer.Typer(help="The readings log.", no_args_is_help=True)

TOLD_EVERY = 1_000
"""Records between two signs of progress."""


@app.callback()
def _group() -> None:
    """The readings log."""


@app.command()
def export(
    data_dir: Annotated[Path | None, typer.Option(help="Where the data are kept.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    after: Annotated[int, typer.Option(min=0, help="Begin behind this log position.")] = 0,
) -> None:
    """Print the readings log as JSON lines that `mingluo replay` takes, whether or not the system is running."""
    settings = read_settings(config, data_dir=data_dir)
    if not settings.data_dir.is_dir():
        refuse(f"{settings.data_dir}: no such directory")
    try:
        asyncio.run(_export(settings, after))
    except (BrokerError, DataDirInUse, LogUnavailable, OSError) as error:
        refuse(error)


async def _export(settings: Settings, after: int) -> None:
    async with reached_log(settings) as log:
        last = await log.last_position()
        with people.status("reading") if people.is_terminal else nullcontext() as status:
            async for position, _subject, record in log.read(after, follow=False):
                for line in write_recording([record]):
                    emit_bytes(line)
                if status is not None and position % TOLD_EVERY == 0:
                    status.update(f"record {position} of {last}")


@asynccontextmanager
async def reached_log(settings: Settings) -> AsyncIterator[ReadingsLog]:
    """The log of the running system, or of the data directory, whose broker is then started for a moment."""
    vitals = Vitals()
    async with AsyncExitStack() as stack:
        running = read_run_file(settings.data_dir)
        if running is not None:
            endpoints = running.endpoints
        else:
            stack.enter_context(lock_data_dir(settings.data_dir))
            broker = BrokerServer(options.log_only_broker(settings), vitals, wall_clock)
            endpoints = await broker.start()
            stack.push_async_callback(broker.stop)
        nats = await connect(endpoints, "export", vitals)
        stack.push_async_callback(disconnect, nats)
        yield ReadingsLog(nats, options.log(settings), vitals, wall_clock)
