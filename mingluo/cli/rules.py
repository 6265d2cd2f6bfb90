"""`mingluo rules`: the rulebook."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mingluo.cli.io import emit, people
from mingluo.cli.load import load_rulebook_file

app = typer.Typer(help="The rulebook.", no_args_is_help=True)


@app.command()
def check(
    rulebook: Annotated[Path, typer.Argument(metavar="RULES.toml", help="The rulebook to check, or - for stdin.")],
) -> None:
    """Check a rulebook; say every error with its line, field and what was expected. Exit code 1 if there is any."""
    book = load_rulebook_file(rulebook)
    people.print(f"{rulebook}: {len(book.rules)} rules, all right", markup=False, soft_wrap=True)


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
    table = Table("rule", "category", "kind", "title", "standard")
    for rule in book.describe():
        table.add_row(rule["id"], rule["category"], rule["kind"], rule["title"]["en"], rule["standard"])
    Console().print(table)
