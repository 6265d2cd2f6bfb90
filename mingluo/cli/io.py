"""What every command shares: JSON lines out, errors to stderr, an exit code that says which."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec
from rich.console import Console

_encoder = msgspec.json.Encoder()
people = Console(stderr=True, highlight=False)
"""Messages for people go to stderr, so that stdout stays JSON lines."""


def emit(line: Any) -> None:
    """Write one JSON line to stdout."""
    sys.stdout.buffer.write(_encoder.encode(line) + b"\n")


def refuse(*messages: object) -> NoReturn:
    """Say what was wrong, a line each, and end with exit code 1."""
    for message in messages:
        # No markup and no wrapping: messages quote what people wrote, and editors jump to `file:line` at their start.
        people.print(str(message), style="red", markup=False, soft_wrap=True)
    raise SystemExit(1)


def read_text(path: Path) -> str:
    """The text of a file (`-` is stdin); ends the command if it cannot be read."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{path}: {error}")


@contextmanager
def open_lines(path: Path) -> Iterator[BinaryIO]:
    """The lines of a file (`-` is stdin), as bytes; ends the command if it cannot be read."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        refuse(f"{path}: {error.strerror}")
    with file:
        yield file


def emit_bytes(line: bytes) -> None:
    """Write one line that is JSON already."""
    sys.stdout.buffer.write(line.rstrip(b"\n") + b"\n")
