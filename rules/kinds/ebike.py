"""Suspected charging of an e-bike indoors: a score over step, plateau, decay, length and hour of the load.

Chargers without correction draw 70 to 500 W at a power factor of 0.5 to 0.75, flat for an hour or more (constant
current), then fall steadily within 0.5 to 3 h (constant voltage) to a small tail; the whole takes 2 to 10 h and mostly
begins in the evening. No standard gives numbers for this signature; they are engineering judgement from chargers'
data (lead 36 V 12 Ah: about 95 W; 60 V 20 Ah: 200 to 280 W). Charging indoors is what is forbidden
(高层民用建筑消防安全管理规定, 2021).

On a feed for the whole home the charger is a step upon a base of other loads:

* Waiting: the base follows the power. A step of the right size from one reading to the next, or within `within`, is a
  candidate; it settles for two minutes (inrush, soft start, readings that are means). Larger steps move the base.
* If power factors were read before and after, the step's own is bounded by taking the nonactive powers
  sqrt(S² - P²) of base and step as adding up directly or in quadrature (both occur, as harmonics lie). A step that
  can have neither 0.5 to 0.75 nor >= 0.9 (a charger with correction) is no charger.
* Charging: time within `flat` of the level counts as plateau. The level may creep (batteries take more towards the
  end of constant current). Slow falls are decay. Anything else is another load: judging pauses until the power is
  back where it was. A pause (or a gap in the readings) longer than `pause` ends it, and so does a sudden end: a
  refrigerator's cycles of 10 to 40 min never come to anything.
* Done: at the tail, if plateau, decay and length were a charger's. The score stands for another hour.

Score: 0.6 x plateau / `suspect_after` while it lasts, 0.8 well into the decay, 1 at the tail; 0.15 less if it did not
begin in the evening, and again if the power factor does not show a charger (corrected, or not read): an evening's
lamps never reach 0.6. Other loads that switch for good while a bike is charging hide it; that is the price of
believing little on the feed of a whole home.
"""

from collections.abc import Mapping
from math import isnan, nan, sqrt
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rules.kinds.clock_time import ClockTime, ms_of_day
from rules.kinds.definition import LadderRule, QuantityName, Seconds
from rules.kinds.ebike_kernel import (
    CHARGING,
    CREEP,
    DONE,
    NEW,
    SETTLE,
    SETTLING,
    SHALLOW,
    SHORTFALL,
    STAND,
    SUDDEN,
    WAITING,
    WORDS,
    kernel,
)  # fmt: skip
from rules.kinds.kernel import Duty, Kind
from rules.kinds.local_time import DAY, local_time


class EbikeRule(LadderRule):
    """The score of a load that looks like an e-bike's charger; limits are scores from 0 to 1.

    Attributes:
        signals: active power; each phase is a channel.
        power_factors: for each of `signals` its power factor; empty: not read.
        least_step, most_step: W.
        within: s in which the step may come up, if readings come faster.
        flat: fraction of the step by which the plateau may vary; `noise`, W, if that is more.
        suspect_after: s of plateau for the whole 0.6.
        least_plateau: s without which nothing is confirmed.
        tail: fraction of the step at which the decay is over.
        decay: s, shortest and longest.
        length: s from step to tail, shortest and longest.
        evening: local time in which most charging begins.
        pause: s for which other loads may hide the level.
    """

    kind: Literal["ebike"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("active_power",)
    power_factors: tuple[QuantityName, ...] = ("power_factor",)
    least_step: float = Field(default=70, gt=0, le=5_000)
    most_step: float = Field(default=500, gt=0, le=10_000)
    within: float = Field(default=10, ge=0, le=600)
    flat: float = Field(default=0.05, gt=0, le=0.5)
    noise: float = Field(default=10, ge=0, le=1_000)
    suspect_after: Annotated[float, Field(ge=60, le=86_400)] = 3_600
    least_plateau: Seconds = 2_700
    tail: float = Field(default=0.3, gt=0, lt=1)
    decay: tuple[Seconds, Seconds] = (1_800, 10_800)
    length: tuple[Seconds, Seconds] = (7_200, 36_000)
    evening: tuple[ClockTime, ClockTime] = ("18:00", "24:00")
    pause: float = Field(default=2_700, ge=0, le=43_200)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.power_factors and len(self.power_factors) != len(self.signals):
            raise ValueError("power_factors: expected one for each of signals, or none")
        if self.least_step > self.most_step or self.decay[0] > self.decay[1] or self.length[0] > self.length[1]:
            raise ValueError("least_step, decay, length: expected the smaller value first")
        if self.noise > self.least_step / 2:
            raise ValueError("noise: expected at most half of least_step, else every step is noise")
        if self.length[1] > 86_400:
            raise ValueError("length: expected at most a day")
        if self.decay[0] < 60:
            raise ValueError("decay: expected at least 60 s, else a switch looks like a decay")
        return self


def _single(value: float) -> float:
    return float(np.float32(value))


class EbikeTwin:
    """The measure, slowly: one method for each mode."""

    def __init__(self, rule: EbikeRule, duty: Duty, channel: int) -> None:
        self.rule, self.gap, self.zone = rule, duty.gap, duty.zone
        self.signal = rule.signals[channel]
        self.factor = rule.power_factors[channel] if rule.power_factors else ""
        self.mode, self.last, self.base, self.base_nonactive = NEW, 0, 0.0, nan
        self.age = self.plateau = self.away = 0
        self.step, self.low, self.missing = 0.0, 0.0, 0
        self.decay_since: int | None = None

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        power, factor = values[self.signal], values.get(self.factor, nan)
        dt = ts - self.last if self.mode != NEW else 0
        self.last = ts
        known = not isnan(factor) and abs(factor) >= 0.05
        q = abs(power) * sqrt(max(0.0, 1 / (factor * factor) - 1)) if known else nan
        if self.mode in (NEW, WAITING):
            return self._wait(ts, dt, power, q)
        if self.mode == SETTLING:
            return self._settle(dt, power, q)
        if self.mode == CHARGING:
            return self._charge(dt, power, q)
        self.away += dt
        return self._forget(power, q) if self.away > STAND else 1 - SHORTFALL * self.missing

    def _forget(self, power: float, q: float) -> float:
        self.mode, self.base, self.base_nonactive, self.away = WAITING, _single(power), _single(q), 0
        return 0.0

    def _wait(self, ts: int, dt: int, power: float, q: float) -> float:
        rule, excess, elapsed = self.rule, power - self.base, self.away + dt
        in_time = self.away == 0 or elapsed <= rule.within * 1000
        if self.mode == NEW or dt > self.gap or excess < -rule.noise:
            return self._forget(power, q)
        if excess <= rule.noise:
            return self._forget(self.base + excess / 4, q)
        if rule.least_step <= excess <= rule.most_step and in_time:
            begin, end = (ms_of_day(t) for t in rule.evening)
            moment = local_time(ts, self.zone) % DAY
            inside = begin <= moment < end if begin < end else not end <= moment < begin
            self.mode, self.missing = SETTLING, 0 if inside else 1
            self.age = self.plateau = self.away = 0
        elif elapsed > rule.within * 1000:
            return self._forget(power, q)
        else:
            self.away = elapsed
        return 0.0

    def _settle(self, dt: int, power: float, q: float) -> float:
        excess = power - self.base
        self.age += dt
        if dt > self.gap or not self.rule.least_step <= excess <= self.rule.most_step:
            return self._forget(power, q)
        if self.age >= SETTLE:
            missing = self._factor_missing(excess, q)
            if missing is None:
                return self._forget(power, q)
            self.mode, self.step, self.low = CHARGING, _single(excess), _single(excess)
            self.missing += missing
            self.decay_since = None
        return 0.0

    def _factor_missing(self, step: float, q: float) -> int | None:
        if isnan(q) or isnan(self.base_nonactive):
            return 1
        highest = step / sqrt(step**2 + (q - self.base_nonactive) ** 2)
        lowest = step / sqrt(step**2 + abs(q * q - self.base_nonactive * self.base_nonactive))
        if lowest <= 0.75 and highest >= 0.5:
            return 0
        return 1 if highest >= 0.9 else None

    def _charge(self, dt: int, power: float, q: float) -> float:
        rule, excess, hidden = self.rule, power - self.base, self.away + dt
        self.age += dt
        if hidden > rule.pause * 1000 or self.age > rule.length[1] * 1000:
            return self._forget(power, q)
        band = max(rule.noise, rule.flat * self.step)
        if abs(excess - self.step) <= band and self.low > SHALLOW * self.step:
            if self.away == 0 and dt <= self.gap:
                self.plateau += dt
                constant = CREEP if excess > self.step else 10 * CREEP
                self.step = _single(self.step + (excess - self.step) * min(1.0, dt / constant))
            self.away, self.decay_since, self.low = 0, None, self.step
        elif self.low - band - _fall(rule) * self.step * hidden <= excess <= self.low + band:
            if self.decay_since is None:
                self.decay_since = self.age - hidden
            self.away, self.low = 0, _single(min(self.low, excess))
            falling = self.age - self.decay_since
            if falling > rule.decay[1] * 1000:
                return self._forget(power, q)
            if self.low <= rule.tail * self.step:
                long_enough = self.plateau >= rule.least_plateau * 1000 and self.age >= rule.length[0] * 1000
                if falling < rule.decay[0] * 1000 or not long_enough:
                    return self._forget(power, q)
                self.mode = DONE
                return 1 - SHORTFALL * self.missing
        else:
            self.away = hidden
            if hidden > SUDDEN and excess < rule.tail * self.step:
                return self._forget(power, q)
        return self._score()

    def _score(self) -> float:
        rule, shortfall = self.rule, SHORTFALL * self.missing
        if self.decay_since is not None and self.plateau >= rule.least_plateau * 1000:
            half_way = self.age - self.decay_since >= rule.decay[0] * 1000 // 2
            if half_way and self.low <= SHALLOW * self.step:
                return 0.8 - shortfall
        return (0.6 - shortfall) * min(1.0, self.plateau / (rule.suspect_after * 1000))


def _fall(rule: EbikeRule) -> float:
    """Fraction of the step that a decay may fall in a ms: three times the mean of the shortest, as it begins fast."""
    return 3 * (1 - rule.tail) / (rule.decay[0] * 1000)


def _ints(rule: EbikeRule, duty: Duty) -> tuple[int, ...]:
    del duty
    times = (rule.within, rule.suspect_after, rule.least_plateau, *rule.decay, rule.length[1], rule.pause)
    evening = (ms_of_day(t) for t in rule.evening)
    return (*(round(t * 1000) for t in times), *evening, round(rule.length[0] * 1000))


def _evidence(rule: EbikeRule, extras: tuple[float, ...]) -> dict[str, Any]:
    del rule
    names = ("step_w", "plateau_min", "above_base_w", "score")
    return {n: None if isnan(v) else round(v, 3) for n, v in zip(names, extras, strict=True)}


KIND: Kind[EbikeRule] = Kind(
    rule=EbikeRule,
    inputs=lambda r: tuple((s, r.power_factors[k] if r.power_factors else "") for k, s in enumerate(r.signals)),
    words=lambda _: WORDS,
    ints=_ints,
    reals=lambda r, _: (r.least_step, r.most_step, r.flat, r.noise, r.tail, _fall(r)),
    kernel=kernel,
    twin=EbikeTwin,
    unit=lambda _: "",
    evidence=_evidence,
    steps=lambda r: r.steps,
)
