"""Reading rulebooks: TOML to rules and overrides, refused whole with every fault told by file, line and field."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from community.file_faults import BYTE_ORDER_MARK, FileError, Spot, explained, line_in, nearest
from community.toml_lines import TomlLines
from rules.errors import RulebookErrors
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
        reader.errors.append(FileError(sources[0].name, None, "rule", f"expected 1 to {MOST_RULES} [[rule]] tables"))
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
        self.errors: list[FileError] = []
        self.rules: dict[str, RuleBase] = {}
        self.overrides: list[tuple[Override, Spot]] = []
        self.failed: set[str] = set()
        self._places: dict[str, Spot] = {}

    def read(self, source: Source, standard: Callable[[], Sequence[Source]]) -> None:
        """Take one file, and first what it extends."""
        if len(source.text) > MOST_CHARACTERS:
            self.errors.append(FileError(source.name, None, "", f"longer than {MOST_CHARACTERS:,} characters"))
            return
        try:
            document = tomllib.loads(source.text.removeprefix(BYTE_ORDER_MARK))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            self.errors.append(FileError(source.name, line_in(str(error)), "", f"not TOML: {error}"))
            return
        lines = TomlLines(source.text.removeprefix(BYTE_ORDER_MARK))
        top = Spot(source.name, lines, ())
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
            self._read_rule(table, Spot(source.name, lines, ("rule", n), _label("rule", table, "id", n)), inherited)
        for n, table in self._tables(document, top, "override", MOST_OVERRIDES):
            label = _label("override", table, "rule", n)
            self._read_override(table, Spot(source.name, lines, ("override", n), label))

    def check_relations(self) -> None:
        """Rules over rules name what is there, and never keep a life alert from being told."""
        ids = [*(r.id for r in self.rules.values() if not isinstance(r, RELATIONS)), *self.failed]
        groups = [r.id for r in self.rules.values() if isinstance(r, GroupRule)]
        for rule in self.rules.values():
            if isinstance(rule, CombinationRule | GroupRule):
                place = self._places[rule.id]
                for pattern in dangling(rule, ids, groups):
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
                    told = [*explained(type(rule), error)]
                for path, text in told:
                    self._fault(place, path, text if rule.id in text else f"for {rule.id}: {text}")

    def _tables(self, document: dict[str, Any], top: Spot, key: str, most: int) -> Iterator[tuple[int, dict[str, Any]]]:
        tables = document.get(key, [])
        if not isinstance(tables, list) or len(tables) > most or not all(isinstance(t, dict) for t in tables):
            self._fault(top, [key], f"expected up to {most:,} [[{key}]] tables")
            return
        yield from enumerate(tables)

    def _read_rule(self, table: dict[str, Any], place: Spot, inherited: set[str]) -> None:
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
                for fault in explained(model, error):
                    self._fault(place, *fault)
            else:
                inherited.discard(rule.id)
                self.rules[rule.id] = rule
                self._places[rule.id] = place
                return
        if isinstance(name, str):
            self.failed.add(name)

    def _read_override(self, table: dict[str, Any], place: Spot) -> None:
        try:
            self.overrides.append((Override.from_table(table), place))
        except ValidationError as error:
            for fault in explained(Override, error):
                self._fault(place, *fault)

    def _fault(self, place: Spot, path: Sequence[str | int], message: str) -> None:
        self.errors.append(place.error(path, message))


def _memory(rule: RuleBase) -> Any:
    """What the engine lays out once for all devices of a rule."""
    kind = KINDS.get(rule.kind)
    return None if kind is None else (kind.inputs(rule), kind.words(rule))


def _label(what: str, table: dict[str, Any], key: str, n: int) -> str:
    name = table.get(key)
    return f"{what} {name if isinstance(name, str) else n + 1}"
