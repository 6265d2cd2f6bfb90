"""Overload by thermal image: how warm a conductor is in the eyes of its breaker (IEC 60255-149, first order).

Heq = (I / (k In))^2,   H <- Heq + (H - Heq) exp(-dt / tau),   H = 1 is the trip level
time to trip = tau ln((Heq - H) / (Heq - 1)) while Heq > 1

Breakers are calibrated at 30 °C (IEC 60898-1); in a warmer board they trip at less. So with an ambient temperature in
the reading the trip current k In is reduced for each kelvin above 30 °C, down to a floor. Below 30 °C nothing is
added: that would only let the conductor carry more.

The image begins, for a device new to the engine, with the heat of the present current, but of the rated current at
most. Cold (H = 0) would recognise a standing overload some time constants too late; more than rated cannot be taken
to have stood, since it may be a motor that starts, and the breaker would have opened.

Not more than 60 s are integrated between two readings: what flowed in a longer gap is unknown, so the image holds.

Words of a program (1): uint32, time of the last reading mod 2^32 ms, and float32, H, which is kept above 1e-30 so that
zero marks a fresh word. (A silence of just 49.7 days looks like a short one, and less than the 60 s are integrated.)
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from community.compiler import compiled
from rules.kinds.definition import MAX_STEPS, LadderRule, Model, QuantityName, Seconds, Step, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind

LONGEST_MS = 60_000
REFERENCE = 30.0
"""Ambient temperature at which breakers are calibrated, °C."""

_LEAST = 1e-30


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
        signals: currents; each is a channel.
        k: multiple of the rated current that in the end reaches the trip level.
        time_constants: by rated current, the first that fits.
        trips_above: time to trip counts only above this multiple of the rated current.
        ambient: temperature around the breaker, °C.
        derating: share of the trip current that each kelvin above 30 °C takes.
        derated_to: share that is left at least.
    """

    kind: Literal["thermal"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    k: float = Field(ge=1, le=5)
    time_constants: Annotated[tuple[TimeConstant, ...], Field(min_length=1)]
    trips_above: float = Field(default=1.13, ge=1, le=10)
    ambient: QuantityName = "ambient_temperature"
    derating: float = Field(default=0.006, ge=0, le=0.05)
    derated_to: float = Field(default=0.7, gt=0, le=1)
    steps: tuple[ThermalStep, ...] = Field(min_length=1, max_length=MAX_STEPS)

    @model_validator(mode="after")
    def _last_constant_fits_all(self) -> Self:
        if self.time_constants[-1].up_to is not None:
            raise ValueError("the last time constant must be without up_to, for all larger breakers")
        return self

    def tau_of(self, rated_current: float) -> float:
        """Time constant, s, of a breaker with this rated current, A."""
        return next(c.tau for c in self.time_constants if c.up_to is None or rated_current <= c.up_to)


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: H, current, time to trip (s), derated trip current."""
    values, order, ts = rows.values, rows.order, rows.ts
    singles, times = words.view(np.float32), words.view(np.uint32)
    for i in range(len(table.present)):
        p = table.present[i]
        column, ambient = table.columns[p, 0], table.columns[p, 1]
        loud = False
        before, constant, left = np.int64(-1), 0.0, 0.0
        for b in range(len(ts)):
            current = values[b, column]
            offset = table.offset[rows.shape[b], p]
            if np.isnan(current) or order[b] != IN_ORDER or offset < 0:
                x[i, b] = np.nan
                continue
            at = 2 * (rows.base[b] + offset)
            numbers = table.reals[rows.duty[b], p]
            trip_current, tau = numbers[0], numbers[1]
            if ambient >= 0 and values[b, ambient] > 30.0:
                trip_current *= max(1.0 - numbers[3] * (values[b, ambient] - 30.0), numbers[4])
            end = (current / trip_current) ** 2
            heat = np.float64(singles[at + 1])
            if heat > 0.0:
                dt = min((ts[b] - np.int64(times[at])) & 0xFFFF_FFFF, 60_000)
                if dt != before or tau != constant:  # most devices report at one interval
                    before, constant = dt, tau
                    left = math.exp(-dt / tau)
                heat = end + (heat - end) * left
            else:
                heat = min(end, numbers[5])
            times[at] = ts[b] & 0xFFFF_FFFF
            singles[at + 1] = max(heat, 1e-30)
            heat = np.float64(singles[at + 1])
            worst = heat
            remaining = np.inf
            if current > numbers[2]:
                if heat >= 1.0:
                    remaining = 0.0
                elif end > 1.0:
                    remaining = tau * math.log((end - heat) / (end - 1.0))
                for k in range(6, len(numbers), 2):
                    if remaining < numbers[k] and numbers[k + 1] > worst:
                        worst = numbers[k + 1]
            x[i, b] = worst
            loud = loud or worst >= table.quiet[rows.duty[b], p]
            if loud or rows.active[b]:
                extra[i, b, 0] = heat
                extra[i, b, 1] = current
                extra[i, b, 2] = remaining / 1000.0
                extra[i, b, 3] = trip_current


class ThermalTwin:
    """The measure of one channel, slowly."""

    def __init__(self, rule: ThermalRule, duty: Duty, channel: int) -> None:
        self.rule, self.ratings, self.signal = rule, duty.ratings, rule.signals[channel]
        self.rated, self.tau = duty.ratings.rated_current, rule.tau_of(duty.ratings.rated_current)
        self.newest: tuple[int, float] | None = None
        self.extras: tuple[float, ...] = ()

    def trip_current(self, values: Mapping[str, float]) -> float:
        """A, derated for the ambient temperature of a reading."""
        warmer = max(values.get(self.rule.ambient, REFERENCE) - REFERENCE, 0.0)
        return self.rule.k * self.rated * max(1.0 - self.rule.derating * warmer, self.rule.derated_to)

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        current, trip_current = values[self.signal], self.trip_current(values)
        end = (current / trip_current) ** 2
        if self.newest is None:
            heat = min(end, 1 / self.rule.k**2)
        else:
            then, before = self.newest
            dt = min((ts - then) % 2**32, LONGEST_MS)
            heat = end + (before - end) * math.exp(-dt / (self.tau * 1000))
        heat = float(np.float32(max(heat, _LEAST)))
        self.newest = ts, heat
        left = math.inf
        if current > self.rule.trips_above * self.rated:
            left = 0.0 if heat >= 1 else self.tau * math.log((end - heat) / (end - 1)) if end > 1 else math.inf
        self.extras = heat, current, left, trip_current
        near = [s for s in self.rule.steps if s.time_to_trip is not None and left < s.time_to_trip]
        return max([heat, *(limit_of(s.limit, self.ratings) for s in near)])


def _reals(rule: ThermalRule, duty: Duty) -> tuple[float, ...]:
    rated = duty.ratings.rated_current
    near = [(1000 * s.time_to_trip, limit_of(s.limit, duty.ratings)) for s in rule.steps if s.time_to_trip is not None]
    near += [(0.0, 0.0)] * (MAX_STEPS - len(near))
    own = (rule.k * rated, rule.tau_of(rated) * 1000, rule.trips_above * rated, rule.derating, rule.derated_to,
           1 / rule.k**2)  # fmt: skip
    return (*own, *(number for pair in near for number in pair))


def _deciding(
    rule: ThermalRule, step: int, value: float | None, threshold: float | None, extras: tuple[float, ...]
) -> tuple[float | None, float | None, str]:
    """The heat, or the time to trip where that has reached the step: by its own limit of time or by a worse step's."""
    heat, _, left, _ = extras
    if value is None or threshold is None or math.isnan(heat):
        return value, threshold, ""
    near = next(
        (s.time_to_trip for s in rule.steps[step:] if s.time_to_trip is not None and left < s.time_to_trip), None
    )
    if heat < threshold and near is not None:
        return left, near, "s"
    return min(value, heat), threshold, ""


def _evidence(_rule: ThermalRule, extras: tuple[float, ...]) -> dict[str, Any]:
    names = ("heat", "current", "time_to_trip_s", "trip_current")
    return {n: e if math.isfinite(e) else None for n, e in zip(names, extras, strict=True)}


KIND: Kind[ThermalRule] = Kind(
    rule=ThermalRule,
    inputs=lambda r: tuple((s, r.ambient) for s in r.signals),
    words=lambda _: 1,
    ints=lambda _, __: (),
    reals=_reals,
    kernel=kernel,
    twin=ThermalTwin,
    unit=lambda _: "",
    evidence=_evidence,
    steps=lambda r: r.steps,
    deciding=_deciding,
)
