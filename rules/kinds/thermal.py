"""Overload by thermal image: how warm a conductor is in the eyes of its breaker (IEC 60255-149, first order).

Heq = (I / (k In))^2,   H <- Heq + (H - Heq) exp(-dt / tau),   H = 1 is the trip level
time to trip = tau ln((Heq - H) / (Heq - 1)) while Heq > 1
"""

import math
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rules.kinds.batch import BY_READING, IN_ORDER, NONE
from rules.kinds.definition import MAX_STEPS, LadderRule, Model, QuantityName, Seconds, Step
from rules.kinds.ladder import EDGES, LAST, advance, level_of, measure, write

LONGEST_STEP_MS = 60_000
"""Between two readings no more than this is integrated: what flowed in a longer gap is unknown, so the image holds."""


class ThermalStep(Step):
    """A step over H. `time_to_trip` (s): also true while the trip is nearer than this, at the present current."""

    time_to_trip: Seconds | None = None


class TimeConstant(Model):
    """Heating and cooling time constant `tau`, s, of breakers up to this rated current, A (none: any)."""

    up_to: float | None = None
    tau: float = Field(gt=0, le=86_400)


class ThermalRule(LadderRule):
    """Overload by thermal image; each phase has its own image, the warmest decides.

    Attributes:
        k: multiple of the rated current that in the end reaches the trip level.
        time_constants: by rated current, the first that fits.
        trips_above: time to trip counts only above this multiple of the rated current.
    """

    kind: Literal["thermal"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    k: float = Field(ge=1, le=5)
    time_constants: Annotated[tuple[TimeConstant, ...], Field(min_length=1)]
    trips_above: float = Field(default=1.13, ge=1, le=10)
    steps: tuple[ThermalStep, ...] = Field(min_length=1, max_length=MAX_STEPS)

    @model_validator(mode="after")
    def _last_constant_fits_all(self) -> Self:
        if self.time_constants[-1].up_to is not None:
            raise ValueError("the last time constant must be without up_to, for all larger breakers")
        return self

    def tau_of(self, rated_current: float) -> float:
        """Time constant, s, of a breaker with this rated current, A."""
        return next(c.tau for c in self.time_constants if c.up_to is None or rated_current <= c.up_to)


class Images(NamedTuple):
    """The thermal images as data; r rules, q duties, s steps.

    Attributes:
        trip_current: float64[q, r], k In, A. tau: float64[q, r], ms.
        from_current: float64[q, r], A, above which time to trip counts.
        nearer_than: float64[s], ms; 0 where time to trip does not count.
    """

    trip_current: NDArray[np.float64]
    tau: NDArray[np.float64]
    from_current: NDArray[np.float64]
    nearer_than: NDArray[np.float64]


@njit(cache=True)
def warmed(heat, current, trip_current, tau, dt):  # type: ignore[no-untyped-def]  # compiled
    """The image after `dt` ms at `current`: (H, time to trip in ms; infinite if the current never trips)."""
    end = (current / trip_current) ** 2
    heat = end + (heat - end) * math.exp(-dt / tau)
    if heat >= 1:
        return heat, 0.0
    if end <= 1:
        return heat, np.inf
    return heat, tau * math.log((end - heat) / (end - 1))


@njit(cache=True)
def overloads(start, rows, columns, state, table, images, out):  # type: ignore[no-untyped-def]  # compiled
    """Evaluate every thermal rule over the rows from `start` on; see `thresholds`. Late rows are passed over."""
    k = 0
    rules = len(table.rule)
    n = len(rows.device)
    for i in range(start, n):
        if k + rules > out.ints.shape[0]:
            return k, i
        d = rows.device[i]
        if d < 0 or rows.order[i] != IN_ORDER:
            continue
        ts = rows.ts[i]
        q = state.duty[d]
        for r in range(rules):
            before, best = -1, -1
            deciding, step, value, since, gap, flowing, left = -1, -1, 0.0, 0, 0, 0.0, 0.0
            first = table.steps[r]
            steps = table.steps[r + 1] - first
            for j in range(table.channels[r], table.channels[r + 1]):
                if columns[j] < 0:
                    continue
                at = state.slot[d, table.slot[j]]
                current = rows.values[i, columns[j]]
                if at < 0 or np.isnan(current):
                    continue
                if before < 0:
                    before = level_of(state, table, d, r, 0)
                last = state.ints[at + LAST]
                dt = 0 if last == NONE else min(ts - last, LONGEST_STEP_MS)
                word = at + EDGES + steps
                heat, remaining = warmed(state.floats[word], current, images.trip_current[q, r], images.tau[q, r], dt)
                state.floats[word] = heat
                forced = 0
                if current > images.from_current[q, r]:
                    for s in range(steps):
                        if remaining < images.nearer_than[first + s]:
                            forced |= 1 << s
                was, now, began, apart = advance(state, table, at, d, r, ts, rows.received[i], heat, forced)
                weight = 8 + now if now > was else was
                if now != was and weight > best:
                    best = weight
                    deciding, step, value, since, gap = j, max(was, now), heat, began, apart
                    flowing, left = current, remaining
            if best < 0:
                continue
            after = level_of(state, table, d, r, 0)
            if after == before:
                continue
            at = state.slot[d, table.slot[deciding]]
            write(out, k, i, d, table.rule[r], deciding - table.channels[r], step, after, before, 0, BY_READING, ts,
                  since, rows.received[i], gap)  # fmt: skip
            measure(out, k, 1.0, value, table.limit[q, first + step], table.clear[q, first + step],
                    state.floats[at + 3], state.floats[at + 4], flowing, left / 1000)  # fmt: skip
            k += 1
    return k, n


def warmed_twin(heat: float, current: float, trip_current: float, tau: float, dt: float) -> tuple[float, float]:
    """`warmed`, uncompiled: the oracle."""
    end = (current / trip_current) ** 2
    heat = end + (heat - end) * math.exp(-dt / tau)
    if heat >= 1:
        return heat, 0.0
    return heat, math.inf if end <= 1 else tau * math.log((end - heat) / (end - 1))
