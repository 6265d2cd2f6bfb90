"""Writes the table in `docs/alerts.md` from the decisions themselves: `python -m alerts.life_table docs/alerts.md`."""

import sys
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from alerts.decisions import Decision, Refused, on_acknowledge, on_finding, on_reset
from community.alert import Alert
from community.finding import Finding
from community.severity import Category, Severity

BEGIN, END = "<!-- begin: alerts.life_table -->\n", "<!-- end -->\n"


def state_of(alert: Alert | None) -> str:
    """Name of the state, after ISA-18.2 (its letter in brackets)."""
    if alert is None or alert.closed_at is not None:
        return "none open (A)"
    if alert.severity is not Severity.NORMAL:
        return "acknowledged (C)" if alert.acknowledged else "unacknowledged (B)"
    if alert.latched:
        return "latched, acknowledged (F)" if alert.acknowledged else "latched, unacknowledged (E)"
    return "returned, unacknowledged (D)"


def life_table() -> str:
    """The tables in Markdown: for each state, what each happening makes of it."""
    parts = []
    for category, title in ((Category.LIFE, "`life`"), (Category.DETERIORATION, "every other category")):
        lines = [
            f"Alerts of {title}:",
            "",
            "| state | " + " | ".join(_HAPPENINGS) + " |",
            "|---" * (len(_HAPPENINGS) + 1) + "|",
        ]
        for alert in _states(category):
            cells = [_cell(alert, happen(alert, category)) for happen in _HAPPENINGS.values()]
            lines.append(f"| **{state_of(alert)}** | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def rewrite(page: str) -> str:
    """The page with its table as the decisions have it now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + life_table() + END + after


def _finding(category: Category, severity: Severity, late: bool = False) -> Finding:
    return Finding(
        rule="r",
        rule_version="",
        category=category,
        device="d",
        household="h",
        community="c",
        severity=severity,
        previous=Severity.NORMAL,
        ts=2,
        since=2,
        received_at=2,
        value=None,
        threshold=None,
        unit="",
        late=late,
    )


def _states(category: Category) -> list[Alert | None]:
    raised = on_finding(None, _finding(category, Severity.ALARM), "i").alert
    assert raised is not None
    returned = replace(raised, severity=Severity.NORMAL, returned_at=2)
    known = {"acknowledged": True, "acknowledged_at": 2, "acknowledged_by": "a"}
    states = [None, raised, replace(raised, **known), returned]
    return [*states, replace(returned, **known)] if raised.latched else states


Happening = Callable[[Alert | None, Category], Decision | Refused | None]


def _found(severity: Severity, late: bool = False) -> Happening:
    return lambda alert, category: on_finding(alert, _finding(category, severity, late), "i")


_HAPPENINGS: dict[str, Happening] = {
    "begins, or turns worse": _found(Severity.CRITICAL),
    "eases": lambda alert, category: (
        None if alert is None or alert.severity is Severity.NORMAL else _found(Severity.WARNING)(alert, category)
    ),
    "returns to normal": _found(Severity.NORMAL),
    "taken into a group": lambda alert, category: (
        # Life is never absorbed.
        None
        if alert is None or category is Category.LIFE
        else on_finding(alert, replace(_finding(category, Severity.NORMAL), taken_into="building:b"), "i")
    ),
    "late proof of worse": _found(Severity.CRITICAL, late=True),
    "acknowledge": lambda alert, _: None if alert is None else on_acknowledge(alert, "a", 3),
    "reset": lambda alert, _: None if alert is None else on_reset(alert, "a", 3),
}


def _cell(before: Alert | None, outcome: Decision | Refused | None) -> str:
    if outcome is None:
        return ""
    if isinstance(outcome, Refused):
        return f"refused: `{outcome.reason.value}`"
    if not outcome.events:
        return f"no event: `{outcome.reason.value}`"
    told = ", ".join(e.event.value for e in outcome.events)
    now = state_of(outcome.alert)
    return told if now == state_of(before) else f"{told} → {now}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(rewrite(path.read_text("utf-8")), "utf-8")
