"""`mingluo up`: everything on one machine."""

import asyncio
import gc
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.journal import JournalUnavailable
from community.clock import format_time
from community.vitals import Component, State
from gateway.broker.server import BrokerError
from gateway.kernels import prepare
from gateway.log import LogUnavailable
from mingluo.cli.io import people, read_text, refuse
from mingluo.cli.load import load_rulebook_file, read_settings
from mingluo.demo import demo_estate, run_demo_devices
from mingluo.lock import DataDirInUse, lock_data_dir
from mingluo.migrations import DatabaseNewer
from mingluo.settings import Settings, SettingsError
from mingluo.system import Running, system
from rules.warm import compile_kernels

CANNOT_START = (DataDirInUse, SettingsError, DatabaseNewer, BrokerError, LogUnavailable, JournalUnavailable, OSError)
"""What the person who starts it can mend; anything else is a fault of ours and ends with its traceback."""


def up(
    demo: Annotated[bool, typer.Option("--demo", help="With a village of 200 simulated households.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where the log, the database and the keys are kept.")] = None,
    http: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Address of the API and console.")] = None,
    mqtt: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Address on which devices connect.")] = None,
    mqtt_url: Annotated[str | None, typer.Option(help="An external broker: mqtt:// or mqtts://.")] = None,
    rules: Annotated[Path | None, typer.Option(help="A rulebook instead of the standard pack.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
) -> None:
    """Run everything on one machine: broker, gateway, rules, alert desk, API and console. Ctrl-C stops it.

    The first start makes an account and prints its password once. Nothing listens beyond this machine unless an
    address says so. If a usual port is taken, a free one is used and printed.
    """
    if demo and data_dir is None and config is None:
        data_dir = Path("data/demo")
    settings = read_settings(config, data_dir=data_dir, http=http, mqtt=mqtt, mqtt_url=mqtt_url, rules=rules)
    if demo and settings.mqtt_url is not None:
        refuse("the demo's devices use the embedded broker: leave mqtt_url out")
    if demo and settings.mqtt_tls_certificate is not None:
        refuse("the demo's devices speak without TLS: leave mqtt_tls_certificate out")
    book = None
    if settings.rules is not None:
        load_rulebook_file(settings.rules)  # its errors are told with the file's name
        book = read_text(settings.rules)
    try:
        with lock_data_dir(settings.data_dir):
            _compile()
            asyncio.run(_run(settings, book, demo=demo))
    except CANNOT_START as error:
        refuse(error)


def _compile() -> None:
    """Compile rule engine and gateway if this machine has never done so; usually the installation has."""
    with people.status("") as status:
        compiled = compile_kernels(status.update)
        fresh = prepare(status.update)
    if compiled or fresh:
        people.print("rule engine and gateway are compiled; later starts find that on disk", markup=False)


async def _run(settings: Settings, rules: str | None, *, demo: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    greeted = False

    def tell(component: Component) -> None:
        if greeted and not stop.is_set():  # what begins or ends because we do is no news
            _tell(component)

    first_estate = demo_estate if demo else None
    async with system(settings, rules, first_estate=first_estate, on_change=tell) as running:
        _greet(settings, running)
        greeted = True
        _spare_the_collector()
        stopping = asyncio.create_task(stop.wait())
        devices = None
        if demo and running.mqtt is not None:
            devices = asyncio.create_task(run_demo_devices(running.mqtt, running.estate))
        ends: set[asyncio.Future[Any]] = {stopping, running.failed}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        gc.unfreeze()  # or DuckDB's bindings complain at the end of objects that nobody collects
        people.print("stopping")
        for task in (devices, stopping):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if running.failed.done():
            running.failed.result()  # raises the fault: better to end and be started again than to run half


def _spare_the_collector() -> None:
    """Keep the garbage collector away from what is there for good.

    With an estate of 10,000 devices a full collection stops everything for 250 ms, and an alert with it; without the
    estate and the modules it takes a few.
    """
    gc.collect()
    gc.freeze()


def _tell(component: Component) -> None:
    """A line for the operator's journal when a component falls ill or is well again."""
    what = f"{format_time(component.since)} {component.name} {component.state}: {component.detail}"
    people.print(what, style=None if component.state is State.OK else "yellow", markup=False, soft_wrap=True)


def _greet(settings: Settings, running: Running) -> None:
    def say(text: str) -> None:
        people.print(text, markup=False, soft_wrap=True)

    say(f"鸣锣 Mingluo watches {len(running.estate.household)} households, {len(running.estate.device)} devices.")
    for note in running.notes:
        say(f"  note      {note}")
    say(f"  console   {running.http}")
    if running.mqtt is not None:
        scheme = "mqtt" if settings.mqtt_tls_certificate is None else "mqtts"
        say(f"  devices   {scheme}://{running.mqtt[0]}:{running.mqtt[1]}")
    else:
        say(f"  devices   through {settings.mqtt_url}")
    say(f"  data      {settings.data_dir}")
    if running.admin_password is not None:
        say(f"  account   admin, password {running.admin_password}   (shown this once)")
    say("  Ctrl-C stops it.")
