"""Reading rulebooks: TOML to rules and overrides, refused whole with every fault told by file, line and field."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from community.toml_lines import TomlLines
from rules.kinds.definition import RuleBase
from rules.kinds.registry import KINDS
from rules.kinds.silence import SilenceRule
from rules.overrides import Override, faults, matches
from rules.relations import CombinationRule, GroupRule, absorbed_life, dangling

RELATIONS = (CombinationRule, GroupRule)
MODELS: dict[str, type[RuleBase]] = {
    **{name: kind.rule for name, kind in KINDS.items()},
    "silence": SilenceRule,
    "combination": CombinationRule,
    "group": GroupRule,
}
"""Every kind of rule by the word that names it in a rulebook."""

MOST_RULES = 1_000
MOST_OVERRIDES = 10_000
MOST_CHARACTERS = 4_000_000

_TABLES = ("rule", "override")
_KEYS = ("extends", *_TABLES)
_PACKS = ("standard",)


class Source(NamedTuple):
    """A file of a rulebook."""

    name: str
    text: str


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


class _Place(NamedTuple):
    """Where a rule or an override stands, to name its lines."""

    source: str
    lines: TomlLines
    path: tuple[str | int, ...]
    label: str = ""

    def error(self, field: Sequence[str | int], message: str) -> RuleError:
        words = [self.label, *(str(p + 1) if isinstance(p, int) else p for p in field)]
        name = ".".join(filter(None, words))
        return RuleError(self.source, self.lines.line((*self.path, *field)), name, message)


def read_rulebook(
    sources: Sequence[Source], standard: Callable[[], Sequence[Source]] = tuple
) -> tuple[tuple[RuleBase, ...], tuple[Override, ...]]:
    """Rules and overrides of files that together are one rulebook.

    Args:
        standard: what `extends = "standard"` stands for.

    Raises:
        RulebookErrors: with every fault found.
    """
    reader = _Reader()
    for source in sources:
        reader.read(source, standard)
    reader.check_relations()
    reader.check_overrides()
    if not reader.rules and not reader.errors:
        reader.errors.append(RuleError(sources[0].name, None, "rule", f"expected 1 to {MOST_RULES} [[rule]] tables"))
    if reader.errors:
        order = {source.name: n for n, source in enumerate(sources)}
        raise RulebookErrors(sorted(reader.errors, key=lambda e: (order.get(e.file, -1), e.line or 0)))
    return tuple(reader.rules.values()), tuple(o for o, _ in reader.overrides)


class _Reader:
    """Collects rules, overrides and faults.

    Attributes:
        rules: by id, in their order.
        failed: ids of rules that were refused: nobody who names them is to blame.
    """

    def __init__(self) -> None:
        self.errors: list[RuleError] = []
        self.rules: dict[str, RuleBase] = {}
        self.overrides: list[tuple[Override, _Place]] = []
        self.failed: set[str] = set()
        self._places: dict[str, _Place] = {}

    def read(self, source: Source, standard: Callable[[], Sequence[Source]]) -> None:
        """Take one file, and first what it extends."""
        if len(source.text) > MOST_CHARACTERS:
            self.errors.append(RuleError(source.name, None, "", f"longer than {MOST_CHARACTERS:,} characters"))
            return
        try:
            document = tomllib.loads(source.text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            self.errors.append(RuleError(source.name, _line_in(str(error)), "", f"not TOML: {error}"))
            return
        lines = TomlLines(source.text)
        top = _Place(source.name, lines, ())
        for key in document:
            if key not in _KEYS:
                near = nearest(key, _KEYS)
                self._fault(top, [key], f"unknown key; expected [[rule]] and [[override]] tables{near}")
        before = set(self.rules)
        extends = document.get("extends")
        if extends in _PACKS:
            for base in standard():
                self.read(base, tuple)
        elif extends is not None:
            self._fault(top, ["extends"], f"expected one of {', '.join(_PACKS)}{nearest(str(extends), _PACKS)}")
        inherited = set(self.rules) - before
        for n, table in self._tables(document, top, "rule", MOST_RULES):
            self._read_rule(table, _Place(source.name, lines, ("rule", n), _label("rule", table, "id", n)), inherited)
        for n, table in self._tables(document, top, "override", MOST_OVERRIDES):
            label = _label("override", table, "rule", n)
            self._read_override(table, _Place(source.name, lines, ("override", n), label))

    def check_relations(self) -> None:
        """Rules over rules name what is there, and never keep a life alert from being told."""
        ids = [*(r.id for r in self.rules.values() if not isinstance(r, RELATIONS)), *self.failed]
        for rule in self.rules.values():
            if isinstance(rule, CombinationRule | GroupRule):
                place = self._places[rule.id]
                for pattern in dangling(rule, ids):
                    self._fault(place, [], f"no rule is named {pattern!r}{nearest(pattern, ids)}")
                for life in absorbed_life(rule, self.rules.values()):
                    self._fault(place, ["absorbs"], f"would absorb {life}, a life rule; each of those is told")

    def check_overrides(self) -> None:
        """Each override names rules that are there, and is right for every one of them."""
        plain = [r for r in self.rules.values() if not isinstance(r, RELATIONS)]
        ids = [*(r.id for r in plain), *self.failed]
        for override, place in self.overrides:
            if not any(matches(override.rule, i) for i in ids):
                what = "rules over rules cannot be overridden" if override.rule in self.rules else "no such rule"
                self._fault(place, ["rule"], f"{override.rule!r}: {what}{nearest(override.rule, ids)}")
            for rule in plain:
                if not matches(override.rule, rule.id):
                    continue
                told: list[tuple[list[str | int], str]]
                try:
                    told = [([name] if name else [], text) for name, text in faults(rule, override, _memory)]
                except ValidationError as error:
                    told = [_explain(type(rule), e) for e in _telling(error.errors())]
                for path, text in told:
                    self._fault(place, path, text if rule.id in text else f"for {rule.id}: {text}")

    def _tables(
        self, document: dict[str, Any], top: _Place, key: str, most: int
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        tables = document.get(key, [])
        if not isinstance(tables, list) or len(tables) > most or not all(isinstance(t, dict) for t in tables):
            self._fault(top, [key], f"expected up to {most:,} [[{key}]] tables")
            return
        yield from enumerate(tables)

    def _read_rule(self, table: dict[str, Any], place: _Place, inherited: set[str]) -> None:
        name = table.get("id")
        kind = table.get("kind")
        model = MODELS.get(kind) if isinstance(kind, str) else None
        if model is None:
            self._fault(place, ["kind"], f"expected one of {', '.join(MODELS)}{nearest(str(kind), MODELS)}")
        elif isinstance(name, str) and name in self.rules and name not in inherited:
            self._fault(place, ["id"], "another rule has this id")
        else:
            try:
                rule = model.model_validate(table)
            except ValidationError as error:
                for e in _telling(error.errors()):
                    self._fault(place, *_explain(model, e))
            else:
                inherited.discard(rule.id)
                self.rules[rule.id] = rule
                self._places[rule.id] = place
                return
        if isinstance(name, str):
            self.failed.add(name)

    def _read_override(self, table: dict[str, Any], place: _Place) -> None:
        try:
            self.overrides.append((Override.from_table(table), place))
        except ValidationError as error:
            for e in error.errors():
                self._fault(place, *_explain(Override, e))

    def _fault(self, place: _Place, path: Sequence[str | int], message: str) -> None:
        self.errors.append(place.error(path, message))


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for the nearest known word, or nothing."""
    # A key that is known elsewhere is still wrong here: look for another.
    near = get_close_matches(word, [k for k in known if k != word], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _memory(rule: RuleBase) -> Any:
    """What the engine lays out once for all devices of a rule."""
    kind = KINDS.get(rule.kind)
    return None if kind is None else (kind.inputs(rule), kind.words(rule))


def _label(what: str, table: dict[str, Any], key: str, n: int) -> str:
    name = table.get(key)
    return f"{what} {name if isinstance(name, str) else n + 1}"


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


def _line_in(message: str) -> int | None:
    words = message.replace(",", " ").replace(")", " ").split()
    return next((int(b) for a, b in pairwise(words) if a == "line" and b.isdigit()), None)
