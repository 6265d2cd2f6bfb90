"""Flag rules: what a device itself decides or reports."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from community.compiler import compiled
from rules.kinds.definition import EventName, RuleBase, SeverityWord, Step
from rules.kinds.kernel import LATE, Duty, Kind


class FlagRule(RuleBase):
    """An event that a device reports as active and later withdraws; a `reset` of the device withdraws it too."""

    kind: Literal["flag"]
    event: EventName
    severity: SeverityWord


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. The measure is 1 or 0; extra: 1 if the device was reset.

    A reset in the same reading does not hide that the flag is up again (or still).
    """
    values, order = rows.values, rows.order
    for i in range(len(table.present)):
        p = table.present[i]
        column, reset = table.columns[p, 0], table.columns[p, 1]
        for b in range(len(rows.ts)):
            value = np.nan
            if order[b] <= LATE:
                if column >= 0:
                    value = values[b, column]
                by_reset = reset >= 0 and values[b, reset] >= 0.5 and np.isnan(value)
                if by_reset:
                    value = 0.0
                extra[i, b, 0] = by_reset
            x[i, b] = value


class FlagTwin:
    """The measure, slowly."""

    def __init__(self, rule: FlagRule, duty: Duty, channel: int) -> None:
        del duty, channel
        self.event = rule.event

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`; the past does not matter."""
        del ts
        return values.get(self.event, 0.0 if values.get("reset", 0.0) >= 0.5 else None)


def _evidence(rule: FlagRule, extras: tuple[float, ...]) -> dict[str, Any]:
    return {"reset": True} if extras[0] == 1 else {}


def _steps(rule: FlagRule) -> tuple[Step, ...]:
    return (Step(severity=rule.severity, limit=0.5, clear=0.5),)


KIND = Kind(
    rule=FlagRule,
    inputs=lambda r: ((r.event, "reset"),),
    words=lambda _: 0,
    ints=lambda _, __: (),
    reals=lambda _, __: (),
    kernel=kernel,
    twin=FlagTwin,
    unit=lambda _: "",
    evidence=_evidence,
    steps=_steps,
    late=True,
    any_input=True,
)
