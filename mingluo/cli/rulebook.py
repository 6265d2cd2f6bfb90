"""`mingluo rules apply|versions|rollback|rehearsal`: the rulebook of a system, running or not."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy import Engine

from alerts.journal_sql import SqlJournal
from alerts.rehearsal import Rehearsed
from community.clock import format_time
from community.estate_store import EstateStore
from mingluo.cli.database import Config, DataDir, opened
from mingluo.cli.io import emit, people, read_text, refuse
from mingluo.cli.load import read_settings
from mingluo.system import wall_clock
from rules.rulebook import RulebookErrors, standard_text
from rules.store import Origin, RulebookStore, UnknownRulebookError, Version

Note = Annotated[str, typer.Option(help="Why; kept with the version.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")]


def apply(
    rulebook: Annotated[Path | None, typer.Argument(metavar="RULES.toml", help="The rulebook, or - for stdin.")] = None,
    standard: Annotated[bool, typer.Option("--standard", help="The standard pack, and later releases' too.")] = False,
    note: Note = "",
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Put a rulebook in force as a new version. A running system takes it over within two seconds.

    A wrong one is refused whole, with every error, and the running one stays. Rules that measure as before go on
    with what they have seen, whatever their limits are now.
    """
    if (rulebook is None) != standard:
        raise typer.BadParameter("expected either RULES.toml or --standard")
    text = standard_text() if rulebook is None else read_text(rulebook)
    with opened(read_settings(config, data_dir=data_dir)) as database:
        store = RulebookStore(database)
        try:
            # Checked under the name of its file, so that errors point there.
            store.check(text, str(rulebook or "standard"))
            origin = Origin.STANDARD if rulebook is None else Origin.APPLIED
            version = store.add(text, _who(), note, wall_clock(), origin)
        except RulebookErrors as errors:
            refuse(*errors.errors)
        _tell(database, store, version)


def rollback(
    version: Annotated[int, typer.Argument(min=1, help="The version to go back to.")],
    note: Note = "",
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Put an earlier version in force again, as a new one, with the standard pack of its time."""
    with opened(read_settings(config, data_dir=data_dir)) as database:
        store = RulebookStore(database)
        try:
            made = store.roll_back(version, _who(), note, wall_clock())
        except UnknownRulebookError as error:
            refuse(error)
        except RulebookErrors as errors:
            refuse(*errors.errors)
        _tell(database, store, made)


def versions(as_json: AsJson = False, limit: Limit = 20, config: Config = None, data_dir: DataDir = None) -> None:
    """List the versions of the rulebook, newest first: the first is in force."""
    with opened(read_settings(config, data_dir=data_dir)) as database:
        found = RulebookStore(database).versions(limit)
    if as_json:
        for line in found:
            emit(line._asdict())
        return
    table = Table("version", Column("made at (UTC)", no_wrap=True), "by", "origin", "note")
    for line in found:
        table.add_row(*_cells(line))
    Console().print(table)


def rehearsal(
    rule: Annotated[str | None, typer.Option(help="Of this rule only.")] = None,
    as_json: AsJson = False,
    limit: Limit = 100,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show what rules in rehearsal (`mode = "shadow"`) found, newest first. Nobody was told of it."""
    with opened(read_settings(config, data_dir=data_dir)) as database:
        found = SqlJournal(database).rehearsed(rule, limit)
    if as_json:
        for one in found:
            emit(_line(one))
        return
    table = Table(Column("at (UTC)", no_wrap=True), "rule", "from", "to", "device", "household", "value", "limit")
    for _, f in found:
        value = "" if f.value is None else f"{f.value:g} {f.unit}"
        limit_crossed = "" if f.threshold is None else f"{f.threshold:g} {f.unit}"
        at = format_time(f.ts)[:16]
        table.add_row(at, f.rule, f.previous.word, f.severity.word, f.device, f.household, value, limit_crossed)
    Console().print(table)


def _who() -> str:
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a container's user need not have a name
        return "command line"


def _tell(database: Engine, store: RulebookStore, version: int) -> None:
    book = store.version(version)
    people.print(f"version {version}: {len(book.rules)} rules, {len(book.overrides)} overrides", markup=False)
    for stranger in book.strangers(EstateStore(database).current()[1]):
        people.print(f"note: an override names {stranger}, which the estate does not know", markup=False)


def _cells(line: Version) -> tuple[str, ...]:
    return str(line.version), format_time(line.made_at)[:16], line.made_by, line.origin.value, line.note


def _line(one: Rehearsed) -> dict[str, Any]:
    finding = one.finding
    line: dict[str, Any] = msgspec.to_builtins(finding)
    return {
        "number": one.number,
        **{k: v for k, v in line.items() if k != "shadow"},
        "severity": finding.severity.word,
        "previous": finding.previous.word,
    }
