"""`mingluo profiles`: the ways of speaking that the gateway understands."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import BUILT_IN
from gateway.examples import run_examples
from mingluo.cli.io import emit, people, refuse
from mingluo.cli.load import load_profiles

app = typer.Typer(help="The ways of speaking that the gateway understands.", no_args_is_help=True)

Own = Annotated[Path | None, typer.Option("--profiles", metavar="DIR", help="Folder with a community's own profiles.")]


@app.callback()
def _group() -> None:
    """The ways of speaking that the gateway understands."""


@app.command("list")
def list_profiles(
    profiles: Own = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False
) -> None:
    """List the profiles: name, what it is for, and what a device's address in it is."""
    for name, profile in load_profiles(profiles).items():
        title, address = (
            (profile.file.title, profile.file.address) if isinstance(profile, DataProfile) else BUILT_IN[name]
        )
        if as_json:
            emit({"profile": name, "title": title, "address": address, "subscribe": list(profile.subscribe)})
        else:
            typer.echo(f"{name:14} {title:44} {address}")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with profile files (*.toml).")],
) -> None:
    """Check a folder of profile files: every error with its line, and every example that does not come out as it says.

    Exit code 1 if there is any.
    """
    profiles = load_profiles(folder)
    wrong = []
    for file in sorted(folder.glob("*.toml")):
        examples = list(run_examples(profiles, file.stem))
        wrong += [f"{file}: example {example.note!r}: {text}" for example, texts in examples for text in texts]
        people.print(f"{file}: {len(examples)} examples", markup=False, soft_wrap=True)
    if wrong:
        refuse(*wrong)
