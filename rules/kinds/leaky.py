"""Leaky accumulation of a device's running counter, e.g. of arcs: many in a short time count, few in a long do not.

level <- level exp(-dt / tau) + increment

A counter that falls back was restarted (a wrap at 2^16 or 2^32 looks no different, and is none): what it shows now
was counted since, and is added if it is small. What a counter went up by in a gap (longer than `Table.gap`) happened
at an unknown time of it and is spread evenly over it: increment * tau / dt * (1 - exp(-dt / tau)) of it are left.

Words of a program (3):
    0: time of the last reading times 2, plus 1 if there was one.
    1: float64, the counter.
    2: float64, the level.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled
from rules.kinds.definition import LadderRule, QuantityName, Seconds
from rules.kinds.kernel import IN_ORDER, Duty, Kind


class LeakyRule(LadderRule):
    """A leaky sum of a counter's increments; a step's limit is a number of events.

    Attributes:
        signals: running counters; each is a channel.
        time_constant: s, after which a share of 1/e is left of an event.
        restarts_at_most: what a counter that fell back may show to be added.
    """

    kind: Literal["leaky"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("arc_count",)
    time_constant: Annotated[Seconds, Field(gt=0)] = 60
    restarts_at_most: Annotated[float, Field(ge=0)] = 16


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: increment, counter, level before it."""
    values, order, ts = rows.values, rows.order, rows.ts
    floats = words.view(np.float64)
    for i in range(len(table.present)):
        p = table.present[i]
        column = table.columns[p, 0]
        loud = False
        for b in range(len(ts)):
            value = values[b, column]
            offset = table.offset[rows.shape[b], p]
            if np.isnan(value) or order[b] != IN_ORDER or offset < 0:
                x[i, b] = np.nan
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            increment, level = 0.0, floats[at + 2]
            if words[at] != 0:
                increment = value - floats[at + 1]
                if increment < 0.0:
                    increment = value if value <= table.reals[q, p, 1] else 0.0
                # Nearly all counters stand still at zero, and then nothing need be computed.
                if level > 0.0 or increment > 0.0:
                    dt = ts[b] - (words[at] >> 1)
                    turns = dt / table.reals[q, p, 0]
                    left = math.exp(-turns)
                    level *= left
                    if dt > table.gap[q]:
                        increment *= (1.0 - left) / turns
            words[at] = ts[b] * 2 + 1
            floats[at + 1] = value
            floats[at + 2] = level + increment
            x[i, b] = level + increment
            loud = loud or x[i, b] >= table.quiet[q, p]
            if loud or rows.active[b]:
                extra[i, b, 0] = increment
                extra[i, b, 1] = value
                extra[i, b, 2] = level


class LeakyTwin:
    """The measure of one channel, from every increment there ever was."""

    def __init__(self, rule: LeakyRule, duty: Duty, channel: int) -> None:
        self.rule, self.signal, self.gap = rule, rule.signals[channel], duty.gap
        self.tau = rule.time_constant * 1000
        self.events: list[tuple[int, float]] = []
        self.newest: tuple[int, float] | None = None
        self.extras: tuple[float, ...] = ()

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        value = values[self.signal]
        before = sum(increment * math.exp(-(ts - then) / self.tau) for then, increment in self.events)
        increment = 0.0
        if self.newest is not None:
            then, counter = self.newest
            restarted = value if value <= self.rule.restarts_at_most else 0.0
            increment = value - counter if value >= counter else restarted
            if ts - then > self.gap:
                turns = (ts - then) / self.tau
                increment *= (1 - math.exp(-turns)) / turns
        self.events.append((ts, increment))
        self.newest = ts, value
        self.extras = increment, value, before
        return before + increment


KIND: Kind[LeakyRule] = Kind(
    rule=LeakyRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda _: 3,
    ints=lambda _, __: (),
    reals=lambda r, _: (r.time_constant * 1000, r.restarts_at_most),
    kernel=kernel,
    twin=LeakyTwin,
    unit=lambda _: "",
    evidence=lambda _, extras: {
        name: None if math.isnan(extra) else extra
        for name, extra in zip(("increment", "counter", "level_before"), extras, strict=False)
    },
    steps=lambda r: r.steps,
)
