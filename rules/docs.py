"""`docs/rules.md` from the standard pack: `python -m rules.docs` writes it, a test compares it."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from rules.evidence import unit_of
from rules.explain import ROLES
from rules.expressions import Formula
from rules.kinds.definition import LadderRule, RuleBase, Text
from rules.reading import MODELS
from rules.rulebook import Rulebook, standard_rulebook

_SYMBOLS = {"nominal_voltage": "Un", "rated_current": "In", "rated_residual": "IΔn"}
_UNITS = {"nominal_voltage": "V", "rated_current": "A", "rated_residual": "mA"}
_ROLES = {"staff": "Duty room", "responder": "Who is sent", "resident": "Residents"}
_MODES = {
    "live": "",
    "shadow": " In rehearsal: recorded, and nobody is told.",
    "probe": " A probe: told to nobody, seen by combination and group rules only.",
}
_HAZARDS = {
    "residual": "Residual current",
    "arc": "Arcs",
    "temperature": "Temperature as the device judges it",
    "overvoltage": "Over-voltage as the device judges it",
    "undervoltage": "Under-voltage as the device judges it",
    "neutral": "Neutral conductor",
    "supply": "Supply of many homes",
    "co": "Carbon monoxide",
    "gas": "Combustible gas",
    "ebike": "Electric bicycles",
    "welfare": "People who live alone, or may wander",
    "breaker": "Breakers",
    "manual": "Calls by hand",
    "device": "Devices",
}
"""Headings by the first word of a rule's id, where the word alone is not one."""

_ALIKE = {"severity": "of the finding.", "event": "what the device reports."}
"""Parameters that mean the same wherever they stand."""

_LIMITS = ("limit", "clear")

_INTRODUCTION = """\
# The standard rules

Made from `rules/packs/standard` by `python -m rules.docs`; do not edit. How to write, test and rehearse rules:
[Rules for safety engineers](safety-engineers.md).

A step is proven when its condition has been true for the hold, in event time, between two readings; a hold of 0 s is
proven by one. It is released by a value beyond its clear level. Un, In and IΔn are the device's own ratings. Rules of
category `life` let the last reading stand for up to a minute, and a single late reading proves a step without hold or
of severity critical. Parameters that a rule does not name have the defaults of its kind, see [Kinds](#kinds).
"""


def rules_page(rulebook: Rulebook) -> str:
    """The page as Markdown."""
    lines = [_INTRODUCTION]
    found: dict[str, list[RuleBase]] = {}
    for rule in rulebook.rules:
        found.setdefault(rule.id.split(".")[0], []).append(rule)
    for hazard, rules in found.items():
        lines += _hazard(hazard, rules)
    lines.append("## Kinds\n")
    used = {rule.kind for rule in rulebook.rules}
    for name, model in MODELS.items():
        lines += _kind(name, model, used=name in used)
    return "\n".join(lines).rstrip() + "\n"


def _hazard(hazard: str, rules: Sequence[RuleBase]) -> Iterator[str]:
    yield f"## {_HAZARDS.get(hazard, hazard.replace('_', ' ').capitalize())}\n"
    yield "| rule | | category | severities | source |\n|---|---|---|---|---|"
    for rule in rules:
        words = " ".join(s for s, _ in groupby(_severities(rule)))
        yield f"| [`{rule.id}`](#{_anchor(rule)}) | {rule.title.en} | {rule.category} | {words} | {_source(rule)} |"
    yield ""
    for rule in rules:
        yield from _section(rule)


def _section(rule: RuleBase) -> Iterator[str]:
    yield f'<a id="{_anchor(rule)}"></a>\n'
    yield f"### `{rule.id}`: {rule.title.en} · {rule.title.zh}\n"
    kind = f"[`{rule.kind}`](#kind-{rule.kind})"
    yield f"Category `{rule.category}`, kind {kind}. Source: {_source(rule)}.{_MODES[rule.mode]}\n"
    yield from _applies(rule)
    for name in _own_fields(type(rule)):
        if name in rule.model_fields_set and name != "steps" and getattr(rule, name) is not None:
            yield f"- `{name}`: {_cell(getattr(rule, name))}"
    yield ""
    if "steps" in type(rule).model_fields:
        yield from _steps(rule)
    for role in ROLES:
        text = getattr(rule.guidance, role)
        if text is not None:
            yield f"- {_ROLES[role]}: {text.en} {text.zh}"
    yield ""


def _applies(rule: RuleBase) -> Iterator[str]:
    applies = rule.applies
    if applies.kinds:
        yield f"For devices of kind {_cell(applies.kinds)}.\n"
    for name, most in applies.at_most.items():
        yield f"For devices with {_SYMBOLS[name]} up to {most:g} {_UNITS[name]}.\n"
    if applies.flags:
        yield f"In households with {_cell(applies.flags)}.\n"


def _steps(rule: RuleBase) -> Iterator[str]:
    steps: tuple[BaseModel, ...] = getattr(rule, "steps", ())
    unit = unit_of(rule)
    sign = "≤" if isinstance(rule, LadderRule) and rule.sign < 0 else "≥"
    names = [n for n in type(steps[0]).model_fields if any(n in s.model_fields_set for s in steps)]
    yield "| " + " | ".join(n.replace("_", " ") for n in names) + " |"
    yield "|---" * len(names) + "|"
    for step in steps:
        cells = []
        for name in names:
            cell = _cell(getattr(step, name))
            if name in _LIMITS:
                cell = f"{cell} {unit}".rstrip() if not isinstance(getattr(step, name), Formula) else cell
            if name == "limit":
                cell = f"{sign} {cell}"
            if name.endswith("hold"):
                cell += " s"
            cells.append(cell)
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _kind(name: str, model: type[RuleBase], *, used: bool) -> Iterator[str]:
    summary, fields = described(model)
    yield f'<a id="kind-{name}"></a>\n'
    yield f"### `{name}`\n"
    yield summary + ("" if used else " No rule of the standard pack uses it.") + "\n"
    own = [n for n in _own_fields(model) if n != "steps"]
    if own:
        yield "| parameter | default | |\n|---|---|---|"
    for field in own:
        info = model.model_fields[field]
        default = "required" if info.is_required() else _cell(info.get_default(call_default_factory=True))
        yield f"| `{field}` | {default} | {fields.get(field, '')} |"
    yield ""


def described(model: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """What a model's docstring says: the part before `Attributes:` in one paragraph, and the text of each parameter.

    Parameters that it does not name are described by the model that first has them, or by the docstring of their type.
    """
    head, fields = _parsed(model.__doc__ or "")
    for base in model.__mro__[1:]:
        if issubclass(base, BaseModel) and base is not BaseModel:
            fields = _parsed(base.__doc__ or "")[1] | fields
    for name, info in model.model_fields.items():
        kinds = [t for t in (info.annotation, *get_args(info.annotation)) if isinstance(t, type)]
        inner = next((t for t in kinds if issubclass(t, BaseModel)), None)
        if name not in fields and inner is not None:
            fields[name] = _parsed(inner.__doc__ or "")[0]
        elsewhere = next((other for other, text in fields.items() if f"`{name}`" in text and other != name), None)
        if name not in fields and elsewhere is not None:
            fields[name] = f"see `{elsewhere}`."
    return head, _ALIKE | fields


def _parsed(docstring: str) -> tuple[str, dict[str, str]]:
    head, _, tail = docstring.partition("Attributes:")
    fields: dict[str, str] = {}
    names: list[str] = []
    for line in tail.splitlines():
        depth = len(line) - len(line.lstrip())
        if depth == 8:
            words, _, text = line.strip().partition(": ")
            names = [word.strip() for word in words.split(",")]
            fields |= dict.fromkeys(names, text)
        elif depth > 8:
            fields |= {n: f"{fields[n]} {line.strip()}" for n in names}
    return " ".join(head.split()), fields


def _own_fields(model: type[BaseModel]) -> list[str]:
    return [n for n in model.model_fields if n not in RuleBase.model_fields]


def _severities(rule: RuleBase) -> Iterable[str]:
    steps: tuple[Any, ...] = getattr(rule, "steps", ()) or (rule,)
    return [step.severity.word for step in steps]


def _source(rule: RuleBase) -> str:
    return rule.standard + (f", {rule.clause}" if rule.clause else "")


def _anchor(rule: RuleBase) -> str:
    return rule.id.replace(".", "-")


def _cell(value: Any) -> str:
    """A value for people."""
    if value is None or value == () or value == "":
        return "-"
    if isinstance(value, Formula):
        text = str(value)
        for name, symbol in _SYMBOLS.items():
            text = text.replace(f"device.{name}", symbol)
        return text.replace(" * ", " ").replace("*", "\\*")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return f"`{value.name.lower()}`" if not isinstance(value, str) else f"`{value}`"
    if isinstance(value, int | float):
        return f"{value:.10g}"
    if isinstance(value, Text):
        return f"{value.en} {value.zh}"
    if isinstance(value, BaseModel):
        given = {n: getattr(value, n) for n in type(value).model_fields if n in value.model_fields_set}
        return ", ".join(f"{n.replace('_', ' ')} {_cell(v)}" for n, v in given.items())
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_cell(v)}" for k, v in value.items())
    if isinstance(value, tuple | list | frozenset):
        separator = "; " if any(isinstance(v, BaseModel) for v in value) else ", "
        return separator.join(_cell(v) for v in value)
    return f"`{value}`".replace("|", "\\|")


if __name__ == "__main__":
    Path("docs/rules.md").write_text(rules_page(standard_rulebook()), encoding="utf-8")
