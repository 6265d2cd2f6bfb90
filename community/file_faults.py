"""Faults of files that people write: where they stand, what was expected, and the nearest name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from community.toml_lines import TomlLines

BYTE_ORDER_MARK = "\ufeff"
"""Some editors leave it at the beginning of a file."""


@dataclass(frozen=True, slots=True)
class FileError:
    """One fault of a file: where it stands, and what was expected."""

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class FileErrors(Exception):
    """A file was refused.

    Attributes:
        errors: all of its faults, in the order of the file.
    """

    def __init__(self, errors: list[FileError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class Spot(NamedTuple):
    """Where a table of a TOML file stands, to name its lines."""

    source: str
    lines: TomlLines
    path: tuple[str | int, ...]
    label: str = ""

    def error(self, field: Sequence[str | int], message: str) -> FileError:
        """A fault of this field, or of the whole."""
        words = [self.label, *(str(p + 1) if isinstance(p, int) else p for p in field)]
        name = ".".join(filter(None, words))
        return FileError(self.source, self.lines.line((*self.path, *field)), name, message)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for the nearest known word, or nothing."""
    # A key that is known elsewhere is still wrong here: look for another.
    near = get_close_matches(word, [k for k in known if k != word], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def explained(model: type[BaseModel], error: ValidationError) -> Iterator[tuple[list[str | int], str]]:
    """(path, message) of each fault that pydantic found in a table for `model`."""
    for e in _telling(error.errors()):
        yield _explain(model, e)


def _explain(model: type[BaseModel], error: ErrorDetails) -> tuple[list[str | int], str]:
    path = list(error["loc"])
    if error["type"] == "extra_forbidden" and path:
        return path, f"unknown key{nearest(str(path[-1]), sorted(_all_keys(model)))}"
    given = error["input"]
    shown = "" if error["type"] == "missing" or isinstance(given, dict | list | BaseModel) else f", got {given!r}"
    near = ""
    if error["type"] in ("literal_error", "enum"):
        near = nearest(str(given), re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", ""))))
    return path, error["msg"].removeprefix("Value error, ") + shown + near


def _telling(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows from another fault: a list left empty by its items."""
    return [
        e
        for e in errors
        if e["type"] != "too_short" or not any(o is not e and o["loc"][: len(e["loc"])] == e["loc"] for o in errors)
    ]


def _all_keys(model: type[BaseModel]) -> Iterator[str]:
    """Names of the model's fields and of those of the models within."""
    schema = model.model_json_schema()
    yield from schema["properties"]
    for inner in schema.get("$defs", {}).values():
        yield from inner.get("properties", {})


def line_in(message: str) -> int | None:
    """The line that a message of `tomllib` names."""
    words = message.replace(",", " ").replace(")", " ").split()
    return next((int(b) for a, b in pairwise(words) if a == "line" and b.isdigit()), None)
