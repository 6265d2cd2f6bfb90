"""`mingluo replay`: the engine and the desk over recorded readings, in virtual time."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from alerts.desk import Desk
from alerts.journal_memory import MemoryJournal
from community.recording import RecordingError, read_recording
from community.vitals import Vitals
from mingluo.cli.io import emit, open_lines, refuse
from mingluo.cli.load import load_estate_file, load_rulebook_file
from rules.replay import replay as replay_records


def replay(
    readings: Annotated[Path, typer.Argument(metavar="READINGS.jsonl", help="Recorded readings, or - for stdin.")],
    estate: Annotated[Path, typer.Option(help="The estate file (TOML): which devices stand where, and their ratings.")],
    rules: Annotated[Path | None, typer.Option(help="A rulebook (TOML) instead of the standard pack.")] = None,
) -> None:
    """Run recorded readings through the rules and the desk; print one alert event a line.

    Each input line is one of:

      {"device": "d0001", "ts": 1795000000000, "values": {"residual_current": 45}}

      {"device": "d0002", "ts": "2026-11-22T03:00:00Z", "event": "smoke_alarm"}

      {"tick": 1795000001000}

    "received_at" may stand beside "ts". A file without any tick is given one for each second. Nothing is stored; the
    same file gives the same events, always. A line that is wrong is left out and told at the end, with exit code 1.
    """
    book = load_rulebook_file(rules)
    homes = load_estate_file(estate)
    desk = Desk(MemoryJournal(), channels=(), vitals=Vitals(), clock=lambda: 0)
    wrong: list[RecordingError] = []
    with open_lines(readings) as lines:
        for position, findings in replay_records(read_recording(lines, errors=wrong), book, homes):
            # A replay is one history, so one position counts for all partitions.
            for event in desk.handle(0, position, findings):
                emit(event.line())
    sys.stdout.flush()
    if wrong:
        refuse(*(f"{readings}: {error}" for error in wrong))
