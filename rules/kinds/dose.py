"""Dose: carbon monoxide by its concentration and its time, as EN 50291-1 and UL 2034 ask of alarms.

A standard names for some concentrations the earliest and the latest time of an alarm. A profile holds a time T for
each of these (its *bands*); between two bands ln T is linear in ln ppm, beyond the last the last slope goes on, below
the first there is no dose. The measure is the fraction of the dose that is used up,

    x = ∫ dt / T(ppm),

so that a constant concentration reaches 1.0 exactly after its T, and parts of different concentrations add up as
fractions (linear accumulation of damage). One linear compartment (Coburn, Forster and Kane, linearised)
meets EN 50291-1 only on an edge (a time constant of 16 min with 49 ppm as the level that is never alarmed: at 50 ppm
a sensor's error of 2 % decides), so each band has its own time here.

The rate of an interval is the mean of the rates at its ends; of an interval longer than `bridge` only the smaller of
the two counts, since nobody knows when it rose. After a gap (`Table.gap`) the dose goes on where it was: neither more
nor less is known. In clean air the dose decays by its half-life, as carboxyhaemoglobin does (4 to 5 h at rest).

Words of a program (3):
    0: int64, time of the newest reading times 2, plus 1 (0: nothing was ever seen);
    1: float64, dose;
    2: float32, ppm of the newest reading; float32, minutes of the dose spent at or above the first band.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import exp, log
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from community.compiler import compiled, inner
from community.quantities import QUANTITIES
from rules.kinds.definition import LadderRule, Model, QuantityName, Seconds
from rules.kinds.kernel import IN_ORDER, Duty, Kind

MOST = 3.0
"""The dose stays below this: after an hour at 1,000 ppm it must still be able to clear within a day."""

NOTHING = 0.01
"""A dose that has decayed to this is over."""

MOST_BANDS = 6
WORDS = 3
_FIXED = 1 + 1e-9  # of each rate: a sum of many small parts must not fall short of 1.0 by its rounding


class Band(Model):
    """An alarm is due after so many minutes at this concentration."""

    ppm: Annotated[float, Field(gt=0)]
    minutes: Annotated[float, Field(gt=0)]


PROFILES = {
    "EN 50291-1": ((30, 150), (50, 75), (100, 25), (300, 2)),
    "UL 2034": ((50, 480), (70, 150), (150, 30), (400, 8)),
}
"""(ppm, minutes). EN 50291-1: 30 ppm not before 120 min; 50: 60-90; 100: 10-40; 300: within 3. UL 2034: 30 ppm not
within 30 days; 70: 60-240 min; 150: 10-50; 400: 4-15; at 50 ppm, where it asks nothing, the 8 h of OSHA's limit. The
times lie so within the bands that a reporting interval of a minute does no harm."""


class DoseRule(LadderRule):
    """A dose; a step's limit is a fraction of it, 1.0 where the standard's alarm is due.

    Attributes:
        signals: concentrations, ppm.
        profile: the standard by whose bands is judged.
        bands: bands of one's own instead; ppm rise and minutes fall from band to band.
        half_life: hours in which the dose halves in clean air.
        clean: ppm; below it the air counts as clean.
        bridge: s; see above.
    """

    kind: Literal["dose"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("co",)
    profile: Literal["EN 50291-1", "UL 2034"] = "EN 50291-1"
    bands: Annotated[tuple[Band, ...], Field(max_length=MOST_BANDS)] = ()
    half_life: Annotated[float, Field(gt=0, le=48)] = 4.5
    clean: Annotated[float, Field(gt=0)] = 15
    bridge: Seconds = 300

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The bands as (ppm, minutes)."""
        return tuple((b.ppm, b.minutes) for b in self.bands) or PROFILES[self.profile]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if any(c >= d or t <= u for (c, t), (d, u) in pairwise(self.points)):
            raise ValueError("ppm must rise and minutes fall from band to band")
        if self.clean > self.points[0][0]:
            raise ValueError("air is not clean at the first band")
        if any(not isinstance(s.limit, float) or s.limit >= MOST for s in self.steps):
            raise ValueError(f"limits of a dose are fractions of it, below {MOST}")
        return self


@inner
def rate(ppm, bands, numbers):  # type: ignore[no-untyped-def]  # compiled
    """Dose per ms at a concentration; `numbers` hold ppm, rate and exponent of each band."""
    if not ppm >= numbers[0]:
        return 0.0
    k = 0
    while k + 1 < bands and ppm >= numbers[3 * (k + 1)]:
        k += 1
    return numbers[3 * k + 1] * np.exp(numbers[3 * k + 2] * np.log(ppm / numbers[3 * k]))


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: ppm, dose, minutes at or above the first band."""
    values, order, ts = rows.values, rows.order, rows.ts
    doses, singles = words.view(np.float64), words.view(np.float32)
    for i in range(len(table.present)):
        p = table.present[i]
        speaks = False  # whether any row so far may have begun something
        column = table.columns[p, 0]
        for b in range(len(ts)):
            ppm = np.float64(np.float32(values[b, column]))  # as it will be remembered
            offset = table.offset[rows.shape[b], p]
            if np.isnan(ppm) or order[b] != IN_ORDER or offset < 0:
                x[i, b] = np.nan
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            numbers = table.reals[q, p]
            seen = words[at]
            passed = ts[b] - (seen >> 1)
            before = np.float64(singles[2 * at + 4])
            dose = doses[at + 1]
            if seen != 0 and 0 < passed <= table.gap[q]:
                if ppm >= numbers[0] or before >= numbers[0]:
                    one, two = rate(before, table.ints[q, p, 0], numbers), rate(ppm, table.ints[q, p, 0], numbers)
                    mean = (one + two) / 2 if passed <= table.ints[q, p, 1] else min(one, two)
                    dose = min(dose + mean * passed, MOST)
                    if mean > 0:
                        singles[2 * at + 5] += passed / 60_000.0
                elif dose > 0 and ppm < numbers[3 * MOST_BANDS] and before < numbers[3 * MOST_BANDS]:
                    dose *= np.exp(numbers[3 * MOST_BANDS + 1] * passed)
                    if dose < NOTHING:
                        dose = 0.0
                        singles[2 * at + 5] = 0.0
            words[at] = ts[b] * 2 + 1
            doses[at + 1] = dose
            singles[2 * at + 4] = ppm
            x[i, b] = dose
            if dose >= table.quiet[q, p] or speaks or rows.active[b]:
                speaks |= rows.active[b] == 0
                extra[i, b, 0] = ppm
                extra[i, b, 1] = dose
                extra[i, b, 2] = singles[2 * at + 5]


class DoseTwin:
    """The measure of one channel: the sum over all intervals since the first reading."""

    def __init__(self, rule: DoseRule, duty: Duty, channel: int) -> None:
        self.rule, self.duty, self.signal = rule, duty, rule.signals[channel]
        self.readings: list[tuple[int, float]] = []

    def minutes(self, ppm: float) -> float | None:
        """Time to alarm at a constant concentration; None for never."""
        points = self.rule.points
        if ppm < points[0][0]:
            return None
        if len(points) == 1:
            return points[0][1] * points[0][0] / ppm
        k = max(n for n, (c, _) in enumerate(points) if c <= ppm)
        (c, t), (d, u) = points[k : k + 2] if k + 1 < len(points) else points[-2:]
        slope = (log(u) - log(t)) / (log(d) - log(c))
        return exp(log(points[k][1]) + slope * (log(ppm) - log(points[k][0])))

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        self.readings.append((ts, float(np.float32(values[self.signal]))))
        dose = 0.0
        for (begin, before), (end, ppm) in pairwise(self.readings):
            passed = end - begin
            if not 0 < passed <= self.duty.gap:
                continue
            rates = [_FIXED / minutes if (minutes := self.minutes(c)) else 0.0 for c in (before, ppm)]
            if any(rates):
                mean = sum(rates) / 2 if passed <= self.rule.bridge * 1000 else min(rates)
                dose = min(dose + mean * passed / 60_000, MOST)
            elif max(before, ppm) < self.rule.clean:
                dose *= 0.5 ** (passed / 3_600_000 / self.rule.half_life)
                if dose < NOTHING:
                    dose = 0.0
        return dose


def _reals(rule: DoseRule, duty: Duty) -> tuple[float, ...]:
    del duty
    points = rule.points
    exponents = [log(t / u) / log(d / c) for (c, t), (d, u) in pairwise(points)] or [1.0]  # one band: Haber's rule
    numbers = [
        n for (c, t), e in zip(points, [*exponents, exponents[-1]], strict=False) for n in (c, _FIXED / (t * 60_000), e)
    ]
    return (*numbers, *[0.0] * (3 * (MOST_BANDS - len(points))), rule.clean, -log(2) / (rule.half_life * 3_600_000))


KIND = Kind(
    rule=DoseRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda _: WORDS,
    ints=lambda r, _: (len(r.points), round(r.bridge * 1000)),
    reals=_reals,
    kernel=kernel,
    twin=DoseTwin,
    unit=lambda _: "",
    evidence=lambda r, extras: {
        QUANTITIES[r.signals[0]].name: extras[0],
        "dose": extras[1],
        f"minutes_above_{r.points[0][0]:g}_ppm": extras[2],
    },
    steps=lambda r: r.steps,
)
