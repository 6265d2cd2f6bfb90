"""`mingluo rules backtest`: what another rulebook would have told, against what the present one did."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from community.clock import DAY, HOUR, MINUTE
from community.estate import Estate
from community.estate_store import EstateStore
from community.recording import RecordingError, read_recording
from gateway.broker.server import BrokerError
from gateway.log import LogUnavailable
from mingluo.cli.backtest_tables import show
from mingluo.cli.database import Config, DataDir, opened
from mingluo.cli.io import emit, open_lines, people, refuse
from mingluo.cli.load import load_estate_file, load_rulebook_file, read_settings
from mingluo.cli.log import TOLD_EVERY, reached_log
from mingluo.lock import DataDirInUse
from mingluo.settings import Settings
from mingluo.system import wall_clock
from rules.backtest import Backtest, Report
from rules.backtest import backtest as run_backtest
from rules.backtest.incidents import Incident, read_incidents
from rules.rulebook import Rulebook, RulebookErrors
from rules.store import RulebookStore

_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def backtest(
    new: Annotated[Path, typer.Argument(metavar="NEW.toml", help="The rulebook to try, or - for stdin.")],
    against: Annotated[
        Path | None, typer.Option(help="The rulebook to compare it with; else the one in force.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Over the system's own log, of the last 30d, 12h, 2w ...")] = None,
    warm_up: Annotated[str, typer.Option(help="How much of the log before that is read first, uncounted.")] = "14d",
    recording: Annotated[
        Path | None, typer.Option("--from", metavar="READINGS.jsonl", help="Over a recording instead.")
    ] = None,
    estate: Annotated[Path | None, typer.Option(help="The estate file of the recording.")] = None,
    incidents: Annotated[
        Path | None,
        typer.Option(help='What really happened: {"household", "at", "what"} a line; else what devices reported.'),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Run two rulebooks over the same readings and compare what people would have been told.

    Nothing is stored and nobody is told anything. The log keeps readings for `log_max_age_d` days: the report says
    what was really covered.
    """
    if (since is None) == (recording is None) or (recording is None) != (estate is None):
        raise typer.BadParameter("expected either --since, or --from and --estate")
    span = None if since is None else (_duration(since), _duration(warm_up))
    book = load_rulebook_file(new)
    known = _incidents(incidents)
    if recording is not None and estate is not None:
        old = load_rulebook_file(against)
        report = _over_recording(recording, load_estate_file(estate), old, book, known)
    else:
        assert span is not None, "without a recording there is a span"
        report = _over_log(read_settings(config, data_dir=data_dir), span, against, book, known)
    if report is None:
        refuse("there is no reading to compare the rulebooks over")
    if as_json:
        emit(report)
    else:
        show(report)
    sys.stdout.flush()


def _over_recording(
    path: Path, estate: Estate, old: Rulebook, new: Rulebook, incidents: list[Incident]
) -> Report | None:
    wrong: list[RecordingError] = []
    with open_lines(path) as lines:
        report = run_backtest(read_recording(lines, errors=wrong), old, new, estate, incidents=incidents)
    for error in wrong:
        people.print(f"{path}: {error}", style="red", markup=False, soft_wrap=True)
    return report


def _over_log(
    settings: Settings, span: tuple[int, int], against: Path | None, new: Rulebook, incidents: list[Incident]
) -> Report | None:
    if not settings.data_dir.is_dir():
        refuse(f"{settings.data_dir}: no such directory")
    if hasattr(os, "nice"):
        os.nice(10)  # the running system's alerts come first
    begin = wall_clock() - span[0]
    with opened(settings) as database:
        old = _in_force(RulebookStore(database)) if against is None else load_rulebook_file(against)
        estates = EstateStore(database)
        test = Backtest(
            old,
            new,
            _estate_at(estates, begin - span[1]),
            begin=begin,
            estate_of=estates.version,
            incidents=incidents,
        )
        try:
            asyncio.run(_feed(settings, test, begin - span[1]))
        except (BrokerError, DataDirInUse, LogUnavailable, OSError) as error:
            refuse(error)
    return test.report()


async def _feed(settings: Settings, test: Backtest, since_ms: int) -> None:
    async with reached_log(settings) as log:
        last = await log.last_position()
        if not last:
            return
        with people.status("reading") if people.is_terminal else nullcontext() as status:
            async for position, _subject, record in log.read(0, follow=False, since_ms=since_ms):
                test.take(record)
                if status is not None and position % TOLD_EVERY == 0:
                    status.update(f"record {position} of {last}")
                if position >= last:
                    return  # what came since we began would keep us for ever


def _in_force(store: RulebookStore) -> Rulebook:
    try:
        return store.current()[1]
    except RulebookErrors as errors:
        refuse(*errors.errors)


def _estate_at(estates: EstateStore, ts: int) -> Estate:
    """The estate in force at a time; the first one, for a time before it. Changes since then stand in the log."""
    versions = estates.versions()
    if not versions:
        refuse("there is no estate, and so no device to judge")
    before = [v.version for v in versions if v.created_at <= ts]
    return estates.version(before[0] if before else versions[-1].version)


def _incidents(path: Path | None) -> list[Incident]:
    if path is None:
        return []
    with _named(path), open_lines(path) as lines:
        return read_incidents(lines)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        refuse(f"{path}: {error}")


def _duration(text: str) -> int:
    """ms of `30d`, `12h`, `90m` or `2w`."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([mhdw])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r}: expected a duration such as 90m, 12h, 30d or 2w")
    return round(float(found[1]) * _UNITS[found[2]])
