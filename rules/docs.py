"""`docs/rules.md` from the standard pack: `python -m rules.docs` writes it, a test compares it."""

from collections.abc import Iterator
from pathlib import Path

from rules.evidence import unit_of
from rules.kinds.definition import LadderRule, Limit, Scaled
from rules.kinds.flag import FlagRule
from rules.kinds.rise import RiseRule
from rules.kinds.silence import Allowance, SilenceRule
from rules.kinds.thermal import ThermalRule
from rules.kinds.threshold import ThresholdRule
from rules.rulebook import Rule, Rulebook, standard_rulebook

_SYMBOLS = {"nominal_voltage": "Un", "rated_current": "In", "rated_residual": "IΔn"}
_UNITS = {"nominal_voltage": "V", "rated_current": "A", "rated_residual": "mA"}

_INTRODUCTION = """\
# The standard rules

Made from `rules/packs/standard.toml` by `python -m rules.docs`; do not edit. A step is proven when its condition has
been true for the hold, in event time, between two readings; a hold of 0 s is proven by one. It is released by a value
beyond its clear level. Un, In and IΔn are the device's own ratings. Rules of category `life` let the last reading
stand for up to a minute, and a single late reading proves a step without hold or of severity critical.
"""


def rules_page(rulebook: Rulebook) -> str:
    """The page as Markdown."""
    return "\n".join([_INTRODUCTION, *(line for rule in rulebook.rules for line in _section(rule))])


def _section(rule: Rule) -> Iterator[str]:
    yield f"## `{rule.id}`: {rule.title.en} · {rule.title.zh}\n"
    yield f"Category `{rule.category}`, kind `{rule.kind}`. Source: {rule.standard}" + (
        f", {rule.clause}.\n" if rule.clause else ".\n"
    )
    yield from _condition(rule)
    yield f"What to do: {rule.guidance.en} {rule.guidance.zh}\n"


def _condition(rule: Rule) -> Iterator[str]:
    for name, most in rule.applies.at_most.items():
        yield f"For devices with {_SYMBOLS[name]} up to {most:g} {_UNITS[name]}.\n"
    match rule:
        case FlagRule():
            yield f"Severity {rule.severity.word} while the device reports the event `{rule.event}`.\n"
        case SilenceRule():
            yield f"A last will counts as the last step after {rule.after_last_will:g} s.\n"
            yield "| severity | mains: silent for | battery: silent for |\n|---|---|---|"
            for step in rule.steps:
                yield f"| {step.severity.word} | {_allowance(step.mains)} | {_allowance(step.battery)} |"
            yield ""
        case ThresholdRule() | RiseRule() | ThermalRule():
            yield from _ladder(rule)


def _ladder(rule: ThresholdRule | RiseRule | ThermalRule) -> Iterator[str]:
    unit = unit_of(rule)
    sign = "≥" if rule.sign > 0 else "≤"
    yield f"Signals: {', '.join(f'`{s}`' for s in rule.signals)}.\n"
    if isinstance(rule, ThresholdRule) and rule.beyond is not None:
        yield f"Not judged past {_limit(rule.beyond, unit)}.\n"
    if isinstance(rule, ThresholdRule) and rule.unless is not None:
        yield f"Not judged while `{rule.unless.signal}` is {rule.unless.equals:g}.\n"
    if isinstance(rule, RiseRule) and rule.inhibit is not None:
        by = _limit(rule.inhibit.by, "A")
        yield f"Not judged for {rule.inhibit.hold:g} s after the current stepped up by {by}.\n"
    if isinstance(rule, ThermalRule):
        constants = ", ".join(
            f"{c.tau:g} s" + (f" up to {c.up_to:g} A" if c.up_to is not None else " above") for c in rule.time_constants
        )
        yield f"k = {rule.k:g}; time constant {constants}. Values are fractions of the trip level.\n"
    yield from _steps(rule, sign, unit)


def _steps(rule: LadderRule, sign: str, unit: str) -> Iterator[str]:
    yield "| severity | condition | hold | clear level |\n|---|---|---|---|"
    for step in rule.steps:
        condition = f"{sign} {_limit(step.limit, unit)}"
        trip = getattr(step, "time_to_trip", None)
        if trip is not None:
            condition += f", or trip nearer than {trip:g} s"
        yield f"| {step.severity.word} | {condition} | {step.hold:g} s | {_limit(step.clear, unit)} |"
    yield ""


def _limit(limit: Limit, unit: str) -> str:
    if isinstance(limit, Scaled):
        return f"{limit.factor:g} {_SYMBOLS[limit.rating]}"
    return f"{limit:g} {unit}".rstrip()


def _allowance(allowance: Allowance | None) -> str:
    if allowance is None:
        return "-"
    text = f"{allowance.factor:g} reporting intervals"
    if allowance.plus:
        text += f" and {allowance.plus:g} s"
    return text + (f", at least {allowance.at_least:g} s" if allowance.at_least else "")


if __name__ == "__main__":
    Path("docs/rules.md").write_text(rules_page(standard_rulebook()), encoding="utf-8")
