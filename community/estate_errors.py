"""What is wrong with an estate file, said so that a person can mend it."""

from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from community.estate import Bridge, Device, DeviceKind, Estate, Household, Place, PlaceKind, Ratings
from community.toml_lines import Path


class EstateError(NamedTuple):
    """One fault of an estate file.

    Attributes:
        file: the file's name.
        line: counted from 1; where a key is missing, the line of its table.
        field: e.g. `device[d0001].ratings.rated_current`; empty for a fault of the whole file.
        message: what is wrong.
        expected: what would be right.
    """

    file: str
    line: int
    field: str
    message: str
    expected: str

    def __str__(self) -> str:
        field = f" {self.field}:" if self.field else ""
        return f"{self.file}:{self.line}:{field} {self.message}; expected {self.expected}"


class EstateErrors(Exception):
    """An estate file was refused whole, for every reason in `errors`."""

    def __init__(self, errors: tuple[EstateError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class Fault(NamedTuple):
    """A fault before its line is known."""

    path: Path
    message: str
    expected: str


_ID = "letters, digits, _ and -, beginning with a letter or digit, at most 64"
_TABLES: dict[str, type[BaseModel]] = {
    "place": Place,
    "household": Household,
    "device": Device,
    "bridge": Bridge,
    "ratings": Ratings,
}
_BY_FIELD = {
    "id": _ID,
    "phase": '"l1", "l2", "l3", or "3" for three-phase',
    "position": "[latitude, longitude] in degrees",
    "place": "the id of a [[place]]",
    "household": "the id of a [[household]]",
    "timezone": "an IANA time zone such as 'Asia/Shanghai'",
}
_KINDS = {
    name: ", ".join(f'"{kind}"' for kind in kinds) for name, kinds in (("place", PlaceKind), ("device", DeviceKind))
}
_BY_TYPE = {
    "string_type": "text",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "model_type": "a table",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "enum": "{expected}",
}


def explain(error: ErrorDetails, document: dict[str, Any]) -> Fault:
    """Turn a finding of pydantic into words of the file."""
    path: Path = tuple(error["loc"])
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    if error["type"] == "extra_forbidden":
        return Fault(path, "unknown key", _known_keys(path))
    if len(path) == 1:
        return Fault(path, f"is {_shown(name, error['input'])}", f"tables that begin with [[{name}]]")
    if error["type"] == "missing" and isinstance(path[-1], str):
        return Fault(path, "is missing", _KINDS[str(path[0])] if name == "kind" else _BY_FIELD.get(name, "a value"))
    template = _BY_TYPE.get(error["type"])
    expected = template.format(**error.get("ctx", {})) if template else error["msg"]
    if name == "position":  # a fault of one of the two numbers is best seen on both
        path = path[: path.index("position") + 1]
        return Fault(path, f"is {_shown(name, _at(document, path))}", _BY_FIELD[name])
    if path[-1] == name and name in _BY_FIELD:
        expected = _BY_FIELD[name]
    return Fault(path, f"is {_shown(name, error['input'])}", expected)


def _known_keys(path: Path) -> str:
    owner = next((step for step in reversed(path[:-1]) if isinstance(step, str)), "")
    known = list((_TABLES[owner] if owner else Estate).model_fields)
    near = get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
    return f"{near[0]!r}?" if near else f"one of {', '.join(known)}"


def _shown(name: str, value: Any) -> str:
    if name == "secret":
        return "not right"  # never printed, not even a wrong one: it may be the true one of another device
    text = f"a table {value!r}" if isinstance(value, dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document
