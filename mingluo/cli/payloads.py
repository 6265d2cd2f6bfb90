"""`mingluo payloads`: what the gateway makes of messages."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.decoding.loader import ProfileErrors
from gateway.decoding.registry import Profiles
from gateway.payloads import UnknownProfileError, check_lines
from mingluo.cli.io import emit, open_lines, refuse
from mingluo.cli.tail import tail

app = typer.Typer(help="What the gateway makes of messages.", no_args_is_help=True)
app.command()(tail)


@app.callback()
def _group() -> None:
    """What the gateway makes of messages."""


@app.command()
def check(
    messages: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Recorded messages, or - for stdin.")],
    profile: Annotated[str | None, typer.Option(help="Decode everything with this device profile.")] = None,
    profiles: Annotated[Path | None, typer.Option(help="Folder with profile files of one's own (*.toml).")] = None,
) -> None:
    """Decode recorded messages as the gateway would, offline; print one JSON object for each line.

    Each input line is {"topic": "mingluo/v1/xijiang/h0001/d0001/telemetry", "payload": {...}}; the payload may be an
    object, a text, or hex digits as "payload_hex". No estate is needed: every device counts as registered. The
    topic "tcp" stands for GB/T 26875.3; its payload is a frame in hex, or {"hex": ..., "kind": "app-data unit"}. The
    outcome is accepted, event, quarantined (with the reason) or ignored (not a topic of ours). It never stops at a
    bad line.
    """
    if profiles is not None and not profiles.is_dir():
        refuse(f"{profiles}: no such folder")
    try:
        known = Profiles(profiles)
    except ProfileErrors as errors:
        refuse(*errors.errors)
    except OSError as error:
        refuse(f"{profiles}: {error}")
    with open_lines(messages) as lines:
        try:
            for outcome in check_lines(lines, profile, profiles=known):
                emit(outcome)
        except UnknownProfileError as error:
            refuse(error)
