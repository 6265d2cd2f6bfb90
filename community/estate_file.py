"""The estate as a TOML file: read with every fault told at once, and written again.

`[[place]]`, `[[household]]`, `[[device]]` and `[[bridge]]` tables with the fields of `community.estate`; every field
but ids, kinds and references has a default.
"""

import json
import re
import tomllib
from collections.abc import Collection
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from community.estate import Estate
from community.estate_errors import EstateError, EstateErrors, Fault, explain
from community.estate_references import broken_references
from community.toml_lines import Path, TomlLines

__all__ = ["EstateError", "EstateErrors", "dump_estate", "load_estate"]


def load_estate(text: str, source: str, profiles: Collection[str] | None = None) -> Estate:
    """Read an estate.

    Args:
        text: the file's content.
        source: its name, for the errors.
        profiles: names of all that there are; a device or bridge with another one is a fault. None: not looked at.

    Raises:
        EstateErrors: with every fault in the file, in the order of its lines.
    """
    text = text.removeprefix("\ufeff")  # some editors leave a byte order mark
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise EstateErrors((_syntax_error(error, text, source),)) from None
    faults: list[Fault] = []
    estate = Estate()
    try:
        # JSON mode is the strict one that still takes words for enums and arrays for tuples.
        estate = Estate.model_validate_json(json.dumps(document, default=_not_json), strict=True)
    except ValidationError as errors:
        faults += [explain(error, document) for error in errors.errors(include_url=False)]
    except ValueError:  # an integer too long to be written
        faults.append(Fault((), "a number has more digits than can be read", "numbers in the range of their field"))
    faults += broken_references(document, profiles)
    if faults:
        lines = TomlLines(text)
        found = [
            EstateError(source, lines.line(f.path), _field(f.path, document), f.message, f.expected) for f in faults
        ]
        raise EstateErrors(tuple(sorted(found, key=lambda e: e.line)))
    return estate


def dump_estate(estate: Estate) -> str:
    """Write an estate as TOML that `load_estate` reads back as the same estate. Holds the devices' secrets."""
    groups = {"place": estate.place, "household": estate.household, "device": estate.device, "bridge": estate.bridge}
    return "\n".join(_table(name, row) for name, rows in groups.items() for row in rows)


def _table(name: str, row: BaseModel) -> str:
    fields = row.model_dump(mode="json", exclude_defaults=True)
    return f"[[{name}]]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in fields.items())


def _value(value: Any) -> str:
    # Short tables and arrays stay on their line, as people write them; tomli_w would spread them.
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")


def _not_json(value: object) -> dict[str, str]:
    # TOML's dates and times have no place in an estate: as a table they are refused wherever they stand.
    return {"date or time": str(value)}


def _syntax_error(error: Exception, text: str, source: str) -> EstateError:
    place = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)", str(error))
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    message = str(error)[: place.start()] if place else str(error) or "too deeply nested"
    return EstateError(source, line, "", message, "TOML")


def _field(path: Path, document: dict[str, Any]) -> str:
    """The path for people: `device[d0001].ratings.rated_current`, or the number from 1 where there is no id."""
    words: list[str] = []
    here: Any = document
    for step in path:
        here = _step(here, step)
        if isinstance(step, str):
            words.append(f".{step}" if words else step)
        else:
            known = here.get("id") if isinstance(here, dict) else None
            words.append(f"[{known if isinstance(known, str) and known else f'#{step + 1}'}]")
    return "".join(words)


def _step(here: Any, step: str | int) -> Any:
    try:
        return here[step]
    except (KeyError, IndexError, TypeError):
        return None
