"""`mingluo history`: what was measured, asked for again; of a running system through its API, else from the store."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.exc import SQLAlchemyError

from api.histories import FormatWord, Question, ResolutionWord, WrongQuestion
from api.problems import Unavailable
from community.clock import DAY, format_time, parse_time
from community.database import open_database
from community.estate import Estate
from community.estate_store import EstateStore
from community.vitals import State, Vitals
from gateway.history.store import HistoryUnavailable
from mingluo.behind_history import BehindHistory
from mingluo.cli.database import Config, DataDir
from mingluo.cli.io import emit, people, refuse
from mingluo.cli.load import read_settings
from mingluo.cli.running import ask, running_system, streamed
from mingluo.history import make_history, retention, server_options
from mingluo.lock import DataDirInUse, lock_data_dir
from mingluo.run_file import read_run_file
from mingluo.settings import Settings, SettingsError
from mingluo.system import wall_clock

T = TypeVar("T")

app = typer.Typer(help="What was measured, kept and asked for again.", no_args_is_help=True)

Devices = Annotated[list[str], typer.Argument(metavar="DEVICE...", help="Ids of devices.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]
Start = Annotated[str | None, typer.Option("--from", help="RFC 3339 or UTC milliseconds; by default a day before.")]
End = Annotated[str | None, typer.Option("--to", help="The same; by default now.")]
Signals = Annotated[list[str] | None, typer.Option("--signal", help="A quantity or event; may be repeated.")]

EXPORT_PATIENCE_S = 300.0
"""How long the next piece of a file may take: the first one of Parquet comes when all of it is read."""
ROOT = "/api/v1/history"


@app.command()
def status(as_json: AsJson = False, data_dir: DataDir = None, config: Config = None) -> None:
    """Tell what there is, how far it has come, and how much of the disk it takes."""
    settings = read_settings(config, data_dir=data_dir)
    found = _asked(settings, "status", {}, lambda behind: behind.status())
    if as_json:
        emit(found)
        return
    table = Table("", "", show_header=False, box=None)
    rows, oldest = found["rows"] or {}, found["oldest"]
    table.add_row("store", f"{found['store']}: {found['state']} ({found['detail']})")
    table.add_row("position of the log", str(found["position"]))
    lag = found["lag_seconds"]
    table.add_row("behind the clock", "not known" if lag is None else f"{lag:.0f} s")
    if found["bytes"] is not None:
        bound = f" of {found['max_bytes'] / 2**20:,.0f}" if found["max_bytes"] else ""
        table.add_row("on disk", f"{found['bytes'] / 2**20:,.1f}{bound} MiB")
    kept = {"raw": found["kept"]["raw"], "1m": found["kept"]["minutes"], "1h": None}
    for resolution, age in kept.items():
        since = f"since {format_time(oldest[resolution])}" if resolution in oldest else "nothing yet"
        count = f"{rows[resolution]:,} rows, " if resolution in rows else ""
        table.add_row(resolution, f"{count}{since}, kept {'for ever' if age is None else f'{age / DAY:g} days'}")
    Console().print(table)


@app.command()
def query(
    devices: Devices,
    signal: Signals = None,
    start: Start = None,
    end: End = None,
    points: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many for each series.")] = 50,
    resolution: Annotated[str | None, typer.Option(help="raw, 1m or 1h; by default what suits the points.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Print series: what devices measured over time. Without --signal, everything they ever reported."""
    settings = read_settings(config, data_dir=data_dir)
    begin, stop = _span(start, end)
    word = _resolution(resolution)
    signals = signal or sorted({s for values in _last(settings, devices).values() for s in values})
    if not signals:
        refuse(f"nothing is known of {', '.join(devices)}")
    params = {"device": devices, "signal": signals, "start": str(begin), "end": str(stop), "points": points}
    question = Question(devices, signals, begin, stop, points, word)
    answer = _asked(
        settings, "", params | ({"resolution": word} if word else {}), lambda behind: _decoded(behind.series(question))
    )
    if as_json:
        emit(answer)
        return
    table = Table("device", "signal", Column("time (UTC)", no_wrap=True), "min", "mean", "max", "values", "quality")
    for series in answer["series"]:
        columns = (series[name] for name in ("ts", "min", "mean", "max", "count", "quality"))
        for ts, low, mean, high, count, quality in zip(*columns, strict=True):
            values = (f"{low:g}", f"{mean:.6g}", f"{high:g}", str(count), f"{quality:.0%}")
            table.add_row(series["device"], f"{series['signal']} {series['unit']}", format_time(ts), *values)
    Console().print(table)


@app.command()
def last(devices: Devices, as_json: AsJson = False, data_dir: DataDir = None, config: Config = None) -> None:
    """Print the latest value of every signal of devices."""
    found = _last(read_settings(config, data_dir=data_dir), devices)
    if as_json:
        emit({"devices": found})
        return
    table = Table("device", "signal", "value", Column("time (UTC)", no_wrap=True))
    for device, values in found.items():
        for name, value in sorted(values.items()):
            table.add_row(device, name, f"{value['value']:g}", format_time(value["ts"]))
    Console().print(table)


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="jsonl (what `mingluo replay` takes), csv, parquet or arrow.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A file; - is stdout.")] = Path("-"),
    device: Annotated[list[str] | None, typer.Option(help="Of this device; may be repeated. By default all.")] = None,
    signal: Signals = None,
    start: Start = None,
    end: End = None,
    resolution: Annotated[str, typer.Option(help="raw: whole readings; 1m or 1h: roll-ups.")] = "raw",
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write history into a file: whole readings in the order in which they came, or roll-ups."""
    settings = read_settings(config, data_dir=data_dir)
    begin, stop = _span(start, end)
    word = _resolution(resolution)
    if form not in ("csv", "parquet", "arrow", "jsonl"):
        refuse(f"--format {form}: expected csv, parquet, arrow or jsonl")
    wanted: FormatWord = form  # type: ignore[assignment]  # one of them
    if str(output) == "-" and form in ("parquet", "arrow") and sys.stdout.isatty():
        refuse(f"{form} is not for a terminal: name a file with -o")
    question = Question(device or [], signal or [], begin, stop, resolution=word)
    params: dict[str, Any] = {"format": form, "start": str(begin), "end": str(stop), "resolution": word}
    params |= {"device": device} if device else {}
    params |= {"signal": signal} if signal else {}
    running = read_run_file(settings.data_dir)
    with _written(output) as write:
        if running is not None:
            for piece in streamed(running, f"{ROOT}/export", params=params, patience_s=EXPORT_PATIENCE_S):
                write(piece)
            return

        async def copy(behind: BehindHistory) -> None:
            async for piece in await behind.export(question, wanted):
                write(piece)

        _offline(settings, copy)


@app.command()
def rebuild(
    devices: Annotated[list[str] | None, typer.Argument(metavar="[DEVICE...]", help="Ids of devices.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every device of the estate.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Let the running engine's baselines be what the history says: contact resistance, drift, the week's habits.

    For devices that are new to the engine and have a past. What the rules hold now stays.
    """
    if bool(devices) == all_:
        raise typer.BadParameter("expected either devices or --all")
    running = running_system(read_settings(config, data_dir=data_dir))
    answer = ask(running, "POST", f"{ROOT}/rebuild", body={"devices": devices or []})
    people.print(f"{answer['waiting']} devices wait for their baselines; /metrics counts baselines_rebuilt")


@app.command()
def init(data_dir: DataDir = None, config: Config = None) -> None:
    """Make what a history server needs: buckets, retention and down-sampling tasks in InfluxDB 2.

    Of VictoriaMetrics it looks at the flags. Harmless when all is there; the embedded store needs none of it.
    """
    # Imported here: InfluxData's client would cost every command half a second.
    from gateway.history.influx.setup import initialise
    from gateway.history.influx.victoria import inspect

    settings = read_settings(config, data_dir=data_dir)
    try:
        match settings.history:
            case "influxdb":
                done = initialise(server_options(settings, settings.data_dir / "history"))
            case "victoriametrics":
                done = inspect(server_options(settings, settings.data_dir / "history"))
            case "duckdb":
                done = ["the embedded store makes itself at the first start: nothing to do"]
            case "none":
                done = ["the setting history is none: nothing to do"]
    except (HistoryUnavailable, SettingsError) as error:
        refuse(error)
    for sentence in done:
        people.print(sentence, markup=False)


def _last(settings: Settings, devices: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    async def ask_store(behind: BehindHistory) -> Any:
        found = await behind.last(devices)
        return {
            "devices": {d: {s: {"ts": t, "value": v} for s, (t, v) in values.items()} for d, values in found.items()}
        }

    answer: dict[str, dict[str, dict[str, dict[str, Any]]]] = _asked(settings, "last", {"device": devices}, ask_store)
    return answer["devices"]


def _asked(
    settings: Settings,
    path: str,
    params: dict[str, Any],
    offline: Callable[[BehindHistory], Coroutine[Any, Any, Any]],
) -> Any:
    running = read_run_file(settings.data_dir)
    if running is None:
        return _offline(settings, offline)
    return ask(running, "GET", f"{ROOT}/{path}" if path else ROOT, params=params)


def _offline(settings: Settings, asked: Callable[[BehindHistory], Coroutine[Any, Any, T]]) -> T:
    """Ask the store itself, as the system would; ends the command if that cannot be."""
    if not settings.data_dir.is_dir():
        refuse(f"{settings.data_dir}: no such directory")

    async def with_store() -> T:
        vitals = Vitals()
        store = make_history(settings, vitals)
        if store is None:
            refuse("no history is kept here: the setting history is none")
        vitals.report("history", State.DOWN, "nobody writes: the system does not run", wall_clock())
        estate = _estate(settings)
        behind = BehindHistory(
            settings.history,
            store,
            retention(settings),
            lambda: estate,
            vitals,
            store.position,
            lambda _devices: 0,
            settings.data_dir / "history" / "spool",
        )
        try:
            return await asked(behind)
        finally:
            behind.close()
            store.close()

    try:
        with lock_data_dir(settings.data_dir):
            return asyncio.run(with_store())
    except (DataDirInUse, SettingsError, HistoryUnavailable, Unavailable, WrongQuestion) as error:
        refuse(error)


def _estate(settings: Settings) -> Estate:
    """The estate, if the database has one: it tells how often devices report."""
    try:
        database = open_database(settings.database)
        try:
            return EstateStore(database).current()[1]
        finally:
            database.dispose()
    except SQLAlchemyError:
        return Estate()  # a history that was copied here without its database answers all the same


async def _decoded(answer: Coroutine[Any, Any, bytes]) -> Any:
    return msgspec.json.decode(await answer)


def _span(start: str | None, end: str | None) -> tuple[int, int]:
    stop = wall_clock() if end is None else _moment("--to", end)
    return stop - DAY if start is None else _moment("--from", start), stop


def _moment(option: str, text: str) -> int:
    try:
        return parse_time(int(text) if text.isdigit() else text)
    except ValueError as error:
        refuse(f"{option}: {error}")


def _resolution(text: str | None) -> ResolutionWord | None:
    if text not in (None, "raw", "1m", "1h"):
        refuse(f"--resolution {text}: expected raw, 1m or 1h")
    return text  # type: ignore[return-value]  # one of them


@contextmanager
def _written(path: Path) -> Iterator[Callable[[bytes], object]]:
    if str(path) == "-":
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    try:
        with path.open("wb") as file:
            yield file.write
    except OSError as error:
        refuse(f"{path}: {error.strerror or error}")
