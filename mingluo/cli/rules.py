"""`mingluo rules check|list|explain|test`: the rulebook, and what it found."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from alerts.journal_sql import SqlJournal
from alerts.tables import alert_table
from community.estate_store import EstateStore
from mingluo.cli.database import Config, DataDir, opened
from mingluo.cli.io import emit, people, read_text, refuse
from mingluo.cli.load import load_estate_file, load_rulebook_file, read_settings
from rules.explain import explain as explained
from rules.explain import rule_of
from rules.rulebook import Rulebook, RulebookErrors
from rules.ruletest import Outcome, load_tests, run_tests
from rules.store import RulebookStore

NAMED = 10
"""Alerts named when an id is not enough to tell which is meant."""

app = typer.Typer(help="The rulebook.", no_args_is_help=True)


@app.command()
def check(
    rulebook: Annotated[Path, typer.Argument(metavar="RULES.toml", help="The rulebook to check, or - for stdin.")],
    estate: Annotated[
        Path | None, typer.Option(help="An estate file: places, feeders and devices of overrides must be in it.")
    ] = None,
) -> None:
    """Check a rulebook; say every error with its line, field and what was expected. Exit code 1 if there is any."""
    book = load_rulebook_file(rulebook)
    strangers = [] if estate is None else book.strangers(load_estate_file(estate))
    if strangers:
        refuse(*(f"{rulebook}: an override names {name}, which {estate} does not know" for name in strangers))
    people.print(
        f"{rulebook}: {len(book.rules)} rules, {len(book.overrides)} overrides, all right",
        markup=False,
        soft_wrap=True,
    )


@app.command("list")
def list_rules(
    rules: Annotated[Path | None, typer.Option(help="A rulebook instead of the standard pack.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the rules with their category, kind and source."""
    book = load_rulebook_file(rules)
    if as_json:
        for rule in book.describe():
            emit(rule)
        return
    table = Table("rule", "category", "kind", "mode", "title", "standard")
    for rule in book.describe():
        table.add_row(rule["id"], rule["category"], rule["kind"], rule["mode"], rule["title"]["en"], rule["standard"])
    Console().print(table)


@app.command()
def explain(
    alert: Annotated[str, typer.Argument(help="The alert's id, or enough of its beginning.")],
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Language.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Explain an alert: which rule and version, which values, which limit, how far beyond, for how long, what to do.

    It is told from the evidence kept with the alert, also when the rule has changed since.
    """
    with opened(read_settings(config, data_dir=data_dir)) as database:
        query = select(alert_table.c.id).where(alert_table.c.id.startswith(alert, autoescape=True))
        with database.connect() as connection:
            ids = list(connection.scalars(query.order_by(alert_table.c.id).limit(NAMED + 1)))
        found = SqlJournal(database).alert(alert if alert in ids else ids[0]) if ids else None
        if found is None:
            refuse(f"no alert has an id that begins with {alert!r}")
        if len(ids) > 1 and alert not in ids:
            more = ", and more" if len(ids) > NAMED else ""
            refuse(f"several alerts have an id that begins with {alert!r}: {', '.join(ids[:NAMED])}{more}")
        try:
            book = RulebookStore(database).current()[1]
        except RulebookErrors as errors:
            people.print("the rulebook in force cannot be read by this release:", *errors.errors, sep="\n")
            book = Rulebook(())
        estate = EstateStore(database).current()[1]
    device = estate.devices.get(found.device)
    zone = "UTC" if device is None else estate.zone_of(device)
    told = explained(found, rule_of(found, book, estate), lang, zone=zone)
    if as_json:
        emit(told)
    else:
        Console().print(told.text, markup=False, highlight=False, soft_wrap=True)


@app.command("test")
def run_rule_tests(
    files: Annotated[list[Path], typer.Argument(metavar="TESTS.toml...", help="Files of rule tests.")],
    rules: Annotated[Path | None, typer.Option(help="This rulebook instead of the one that the files name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each test.")] = False,
) -> None:
    """Run tests of rules: series of readings in, findings expected. Exit code 1 if any fails."""
    book = None if rules is None else load_rulebook_file(rules)
    failed = count = 0
    for outcome in _outcomes(files, book):
        count += 1
        failed += not outcome.passed
        if as_json:
            emit({"file": outcome.source, "line": outcome.line, "test": outcome.name, "passed": outcome.passed,
                  "failures": outcome.failures, "findings": outcome.findings})  # fmt: skip
        else:
            _tell(outcome)
    people.print(f"{count - failed} of {count} tests passed", style="red" if failed else "green")
    if failed:
        raise typer.Exit(1)


def _outcomes(files: list[Path], book: Rulebook | None) -> Iterator[Outcome]:
    """Files are all read before any test runs: a fault in the last one is told at once."""
    found, faults = [], []
    for file in files:
        try:
            found.append(load_tests(read_text(file), str(file), partial(_beside, file.parent), book))
        except RulebookErrors as errors:
            faults += errors.errors
    if faults:
        refuse(*faults)
    for tests in found:
        yield from run_tests(tests)


def _beside(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def _tell(outcome: Outcome) -> None:
    style = "green" if outcome.passed else "red"
    word = "passed" if outcome.passed else "FAILED"
    people.print(f"{outcome.source}:{outcome.line}: {outcome.name}: {word}", style=style, markup=False, soft_wrap=True)
    for failure in outcome.failures:
        for line in failure.splitlines():
            people.print(f"    {line}", markup=False, soft_wrap=True)
