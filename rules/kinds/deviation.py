"""Deviation of a value from its own past: z-score against exponentially weighted mean and variance.

z = (v - m) / max(sqrt(s), floor);   then   d = v - m,   m <- m + a d,   s <- (1 - a)(s + a d^2)

after West (1979), with a = 1 - exp(-dt / tau), and at least 1/(n+1) for the n+1st reading, so that the first ones
weigh the same. A value is judged before it is learnt from. The time of a gap (longer than `Table.gap`) counts as one
gap's length: silence teaches nothing, and the past is not forgotten for it.

Words of a program (2):
    0: time of the last reading times 1024, plus the number of readings learnt, at most 1023.
    1: float32 mean, float32 variance.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled
from community.quantities import QUANTITIES
from rules.kinds.definition import LadderRule, Limit, QuantityName, Seconds, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind

MOST_LEARNT = 1023
_ABOVE, _BELOW, _BOTH = 1, -1, 0
_SIDES = {"above": _ABOVE, "below": _BELOW, "both": _BOTH}


class DeviationRule(LadderRule):
    """A value unlike its own past; a step's limit is a number of standard deviations.

    Attributes:
        signals: what is watched; each is a channel.
        side: which deviations count: of greater values, of smaller ones, or both.
        time_constant: s, of mean and variance.
        warm_up: readings that are learnt before the first is judged.
        floor: standard deviation, in the signal's unit, that is assumed at least: a flat line makes nothing extreme.
    """

    kind: Literal["deviation"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    side: Literal["above", "below", "both"] = "both"
    time_constant: Annotated[Seconds, Field(gt=0)] = 6_000
    warm_up: Annotated[int, Field(ge=2, le=MOST_LEARNT)] = 30
    floor: Limit = 1.0


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: value, mean, standard deviation, readings learnt."""
    values, order, ts = rows.values, rows.order, rows.ts
    singles = words.view(np.float32)
    for i in range(len(table.present)):
        p = table.present[i]
        column = table.columns[p, 0]
        loud = False
        before, tau, weight = np.int64(-1), 0.0, 0.0
        for b in range(len(ts)):
            value = values[b, column]
            offset = table.offset[rows.shape[b], p]
            x[i, b] = np.nan
            if np.isnan(value) or order[b] != IN_ORDER or offset < 0:
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            learnt = words[at] & 1023
            dt = min(ts[b] - (words[at] >> 10), table.gap[q]) if learnt > 0 else np.int64(0)
            if dt != before or tau != table.reals[q, p, 0]:  # most devices report at one interval
                before, tau = dt, table.reals[q, p, 0]
                weight = 1.0 - math.exp(-dt / tau)
            mean, variance = np.float64(singles[2 * at + 2]), np.float64(singles[2 * at + 3])
            off = value - mean
            if learnt >= table.ints[q, p, 0]:
                spread = max(math.sqrt(variance), table.reals[q, p, 1])
                side = table.ints[q, p, 1]
                z = off / spread
                x[i, b] = abs(z) if side == 0 else side * z
                loud = loud or x[i, b] >= table.quiet[q, p]
                if loud or rows.active[b]:
                    extra[i, b, 0] = value
                    extra[i, b, 1] = mean
                    extra[i, b, 2] = spread
                    extra[i, b, 3] = learnt
            # A division only while the mean is young.
            share = weight if weight * (learnt + 1) >= 1.0 else 1.0 / (learnt + 1)
            singles[2 * at + 2] = mean + share * off
            singles[2 * at + 3] = (1.0 - share) * (variance + share * off * off)
            words[at] = ts[b] * 1024 + min(learnt + 1, 1023)


class DeviationTwin:
    """The measure of one channel, slowly."""

    def __init__(self, rule: DeviationRule, duty: Duty, channel: int) -> None:
        self.rule, self.signal, self.gap = rule, rule.signals[channel], duty.gap
        self.floor = limit_of(rule.floor, duty.ratings)
        self.times: list[int] = []
        self.mean, self.variance = np.float32(0), np.float32(0)
        self.extras: tuple[float, ...] = ()

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        mean, variance = float(self.mean), float(self.variance)
        off = values[self.signal] - mean
        learnt = min(len(self.times), MOST_LEARNT)
        deviation = max(math.sqrt(variance), self.floor)
        dt = min(ts - self.times[-1], self.gap) if self.times else 0
        share = max(1 - math.exp(-dt / (self.rule.time_constant * 1000)), 1 / (learnt + 1))
        self.mean = np.float32(mean + share * off)
        self.variance = np.float32((1 - share) * (variance + share * off * off))
        self.times.append(ts)
        if learnt < self.rule.warm_up:
            return None
        self.extras = values[self.signal], mean, deviation, learnt
        z = off / deviation
        return abs(z) if self.rule.side == "both" else z if self.rule.side == "above" else -z


def _evidence(rule: DeviationRule, extras: tuple[float, ...]) -> dict[str, Any]:
    unit = QUANTITIES[rule.signals[0]].unit
    names = ("reading", "mean", "standard_deviation", "readings_learnt")
    return {n: None if math.isnan(e) else e for n, e in zip(names, extras, strict=True)} | {"reading_unit": unit}


KIND: Kind[DeviationRule] = Kind(
    rule=DeviationRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda _: 2,
    ints=lambda r, _: (r.warm_up, _SIDES[r.side]),
    reals=lambda r, duty: (r.time_constant * 1000, limit_of(r.floor, duty.ratings)),
    kernel=kernel,
    twin=DeviationTwin,
    unit=lambda _: "σ",
    evidence=_evidence,
    steps=lambda r: r.steps,
    slow=True,
)
