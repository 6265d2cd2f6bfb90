"""Threshold rules: a quantity, or an expression over quantities, above or below limits."""

from collections.abc import Mapping
from math import inf, isnan
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from community.compiler import compiled
from community.quantities import QUANTITIES
from rules.expressions import RowExpression
from rules.kinds.definition import LadderRule, Limit, Model, QuantityName, limit_of
from rules.kinds.kernel import LATE, Duty, Kind


class Unless(Model):
    """A reading with this signal at this value does not count as dangerous, e.g. an open breaker's voltage."""

    signal: QuantityName
    equals: float


class ThresholdRule(LadderRule):
    """A quantity beyond a limit for a time.

    Attributes:
        signals: the quantity and its phases; each phase has its own ladder, the worst decides.
        value: instead of signals: what is judged is computed from several of them.
        unit: of `value`, for people.
        side: whether greater (`above`) or smaller (`below`) values are worse.
        beyond: values past this level are another matter (no supply is not under-voltage): such a reading counts
            as safe for this rule.
    """

    kind: Literal["threshold"]
    signals: tuple[QuantityName, ...] = ()
    value: RowExpression | None = None
    unit: str = ""
    side: Literal["above", "below"] = "above"
    beyond: Limit | None = None
    unless: Unless | None = None

    @property
    def sign(self) -> int:
        """+1 above, -1 below."""
        return 1 if self.side == "above" else -1

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.value is None) == (not self.signals):
            raise ValueError("expected either signals or value")
        if self.value is not None and (self.beyond is not None or self.unless is not None):
            raise ValueError("with value, beyond and unless are written into the expression")
        if self.value is None and self.unit:
            raise ValueError("signals have their own unit; unit belongs to value")
        return self


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. The measure is the value times sign, or -inf where the reading is excused; extra: the value."""
    values, order, duty, reals = rows.values, rows.order, rows.duty, table.reals
    n = len(rows.ts)
    for i in range(len(table.present)):
        p = table.present[i]
        column, gate = table.columns[p, 0], table.columns[p, 1]
        sign = np.float64(table.ints[0, p, 0])
        gated = table.ints[0, p, 1] != 0
        for b in range(n):
            if order[b] > LATE:
                x[i, b] = np.nan
                continue
            value = sign * values[b, column]
            if gated:
                extra[i, b, 0] = sign * value
                q = duty[b]
                excused = gate >= 0 and values[b, gate] == reals[q, p, 1]
                if value > reals[q, p, 0] or (excused and not np.isnan(value)):
                    value = -np.inf
            x[i, b] = value


class ThresholdTwin:
    """The measure of one channel, slowly."""

    def __init__(self, rule: ThresholdRule, duty: Duty, channel: int) -> None:
        self.rule, self.signal = rule, rule.signals[channel]
        self.beyond = inf if rule.beyond is None else rule.sign * limit_of(rule.beyond, duty.ratings)

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`; the past does not matter."""
        del ts
        if self.signal not in values:
            return None
        value = self.rule.sign * values[self.signal]
        unless = self.rule.unless
        excused = unless is not None and values.get(unless.signal) == unless.equals
        return -inf if excused or value > self.beyond else value


def _evidence(rule: ThresholdRule, extras: tuple[float, ...]) -> dict[str, float]:
    gated = rule.beyond is not None or rule.unless is not None
    return {} if not gated or isnan(extras[0]) else {"reading": extras[0]}


KIND = Kind(
    rule=ThresholdRule,
    inputs=lambda r: tuple((s, r.unless.signal if r.unless else "") for s in r.signals),
    words=lambda _: 0,
    ints=lambda r, _: (r.sign, r.beyond is not None or r.unless is not None),
    reals=lambda r, duty: (
        inf if r.beyond is None else r.sign * limit_of(r.beyond, duty.ratings),
        r.unless.equals if r.unless else 0.0,
    ),
    kernel=kernel,
    twin=ThresholdTwin,
    unit=lambda r: QUANTITIES[r.signals[0]].unit if r.signals else r.unit,
    evidence=_evidence,
    steps=lambda r: r.steps,
    late=True,
    sign=lambda r: r.sign,
)
