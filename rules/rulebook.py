"""The rulebook: rules as data, read from TOML, refused whole with every error told."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from community.toml_lines import TomlLines
from rules.kinds.definition import RuleBase, content_hash
from rules.kinds.flag import FlagRule
from rules.kinds.rise import RiseRule
from rules.kinds.silence import SilenceRule
from rules.kinds.thermal import ThermalRule
from rules.kinds.threshold import ThresholdRule

Rule = ThresholdRule | FlagRule | RiseRule | ThermalRule | SilenceRule
KINDS: dict[str, type[RuleBase]] = {
    "threshold": ThresholdRule,
    "flag": FlagRule,
    "rise": RiseRule,
    "thermal": ThermalRule,
    "silence": SilenceRule,
}
_any_rule: TypeAdapter[Rule] = TypeAdapter(Annotated[Rule, Field(discriminator="kind")])

MOST_RULES = 1_000


@dataclass(frozen=True, slots=True)
class RuleError:
    """One fault of a rulebook: where it stands, and what was expected."""

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class RulebookErrors(Exception):
    """A rulebook was refused.

    Attributes:
        errors: all of its faults, in the order of the file.
    """

    def __init__(self, errors: list[RuleError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


@dataclass(frozen=True)
class Rulebook:
    """Rules in the order of their file; ids differ."""

    rules: tuple[Rule, ...]

    @cached_property
    def version(self) -> str:
        """Hash of all definitions."""
        return content_hash([r.version for r in self.rules])

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Each rule's own version, by number."""
        return tuple(r.version for r in self.rules)

    def describe(self) -> list[dict[str, Any]]:
        """The rules as JSON-ready objects, each with its `version`."""
        return [{**r.model_dump(mode="json"), "version": r.version} for r in self.rules]


def standard_rulebook() -> Rulebook:
    """The standard pack, `rules/packs/standard.toml`."""
    return _standard()


@cache
def _standard() -> Rulebook:
    return load_rulebook(files("rules.packs").joinpath("standard.toml").read_text(encoding="utf-8"), "standard.toml")


def load_rulebook(text: str, source: str) -> Rulebook:
    """Read a rulebook: TOML with one `[[rule]]` table for each rule.

    Args:
        source: name of the file, for messages.

    Raises:
        RulebookErrors: with every fault found; nothing of a wrong rulebook is used.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulebookErrors([RuleError(source, _line_in(str(error)), "", f"not TOML: {error}")]) from None
    lines = TomlLines(text)
    errors = [
        RuleError(source, lines.line((key,)), key, f"unknown key; expected [[rule]] tables{_nearest(key, ['rule'])}")
        for key in document
        if key != "rule"
    ]
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not 0 < len(tables) <= MOST_RULES:
        errors.append(RuleError(source, None, "rule", f"expected 1 to {MOST_RULES} [[rule]] tables"))
        tables = []
    rules: list[Rule] = []
    seen: dict[str, int] = {}
    for n, table in enumerate(tables):
        line = lines.line(("rule", n))
        name = table.get("id") if isinstance(table, dict) else None
        label = f"rule {name if isinstance(name, str) else n + 1}"
        try:
            rule = _any_rule.validate_python(table)
        except ValidationError as error:
            errors += [
                RuleError(source, lines.line(("rule", n, *_path(e))), *_explain(label, table, e))
                for e in _telling(error.errors())
            ]
            continue
        if rule.id in seen:
            errors.append(RuleError(source, line, f"{label}.id", f"also the id of rule number {seen[rule.id]}"))
        seen.setdefault(rule.id, n + 1)
        rules.append(rule)
    if errors:
        raise RulebookErrors(errors)
    return Rulebook(tuple(rules))


def _explain(label: str, table: object, error: ErrorDetails) -> tuple[str, str]:
    path = _path(error)
    field = ".".join([label, *(str(p + 1) if isinstance(p, int) else p for p in path)])
    kind = table.get("kind") if isinstance(table, dict) else None
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"{field}.kind", f"expected one of {', '.join(KINDS)}{_nearest(str(kind), list(KINDS))}"
    if error["type"] == "extra_forbidden" and isinstance(kind, str) and path:
        return field, f"unknown key{_nearest(str(path[-1]), sorted(_all_keys(KINDS[kind])))}"
    given = error["input"]
    shown = "" if error["type"] == "missing" or isinstance(given, dict | list) else f", got {given!r}"
    return field, error["msg"].removeprefix("Value error, ") + shown


def _telling(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows from another fault: the other way to write a limit, a list left empty by its items."""
    return [
        e
        for e in errors
        if not ("float" in e["loc"] and isinstance(e["input"], dict))
        and e["type"] != "model_type"
        and not any(o is not e and o["loc"][: len(e["loc"])] == e["loc"] for o in errors if e["type"] == "too_short")
    ]


def _path(error: ErrorDetails) -> list[str | int]:
    """Where in the rule's table: the location without the names of the union's members."""
    return [p for p in error["loc"] if p not in KINDS and p not in ("float", "Scaled")]


def _all_keys(model: type[BaseModel]) -> Iterator[str]:
    """Names of the model's fields and of those of the models within."""
    schema = model.model_json_schema()
    yield from schema["properties"]
    for inner in schema.get("$defs", {}).values():
        yield from inner.get("properties", {})


def _nearest(word: str, known: list[str]) -> str:
    # A key that is known elsewhere is still wrong here: look for another.
    near = get_close_matches(word, [k for k in known if k != word], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _line_in(message: str) -> int | None:
    words = message.replace(",", " ").split()
    return next((int(b) for a, b in pairwise(words) if a == "line" and b.isdigit()), None)
