"""No sign of life: hours of the waking day without a change of load that a person must have made.

To be used only where a person lives alone and agreed to it (`applies.flags`). The method follows what is published on
elders' activity from electricity (Sensors 2024, 24(11), 3662 and others: steps over a background, the person's own
norm of 28 days); no standard gives numbers, they are engineering judgement.

* Activity is a lasting change of the power by more than `least_step` and more than three times its usual unrest
  (a mean of absolute changes, steps clipped). Samples closer than 10 s are passed over, and a change must still be
  there at the next sample unless samples are 30 s or more apart: a compressor's inrush is nobody's doing.
* Refrigerators switch all night. The two commonest sizes of night steps (Misra and Gries 1982) are taken for cycling
  loads once four cycles were seen, and such changes are not activity. Before the first night nobody is missed.
* Time counts outside the night only. A gap in the readings counts as nothing: missing readings are not inactivity.
  Activity at night is a sign of life too.
* A gap that is usual for this person says nothing: the measure is 0 up to the longest gap that ended by itself
  and a tenth more, at most `usual_at_most`; what does not come again is forgotten over some months.
* If the home has used less than `away_below` of its usual mean power since midnight, the person has probably left it:
  up to `away_until` the measure then stays at `away_at_most`, which should reach the step that asks, and not the one
  that alarms.

A door's contact is another device; join the two by a combination rule.
"""

from collections.abc import Mapping
from math import isnan, nan
from typing import Any, Literal

import numpy as np
from pydantic import Field

from rules.kinds.clock_time import ClockTime, ms_of_day
from rules.kinds.definition import LadderRule, QuantityName
from rules.kinds.inactivity_kernel import (
    APART,
    AT_ONCE,
    COUNT,
    DAYS,
    ENOUGH,
    LEARNT,
    MARGIN,
    MOST_VOTES,
    USUAL_DAYS,
    WORDS,
    kernel,
)
from rules.kinds.kernel import Duty, Kind
from rules.kinds.local_time import DAY, local_time


class InactivityRule(LadderRule):
    """Hours without a sign of life; limits are hours of the waking day.

    Attributes:
        signal: the home's active power, W; or its current, which is then taken times the nominal voltage.
        least_step: W, smallest change that counts as activity.
        night_begin, night_end: local time that is not counted.
        usual_at_most: h; longer gaps never become usual. Below the limit that alarms.
        away_below: fraction of the home's usual mean power.
        away_at_most, away_until: h, see above.
    """

    kind: Literal["inactivity"]
    signal: QuantityName = "active_power"
    least_step: float = Field(default=30, gt=0, le=10_000)
    night_begin: ClockTime = "22:00"
    night_end: ClockTime = "06:00"
    usual_at_most: float = Field(default=11, ge=0, le=168)
    away_below: float = Field(default=0.2, ge=0, lt=1)
    away_at_most: float = Field(default=4, ge=0, le=168)
    away_until: float = Field(default=48, ge=0, le=336)


def _single(value: float) -> float:
    return float(np.float32(value))


class InactivityTwin:
    """The measure, slowly: each thing it knows in a field of its own."""

    def __init__(self, rule: InactivityRule, duty: Duty, channel: int) -> None:
        del channel
        self.rule, self.gap, self.zone = rule, duty.gap, duty.zone
        self.scale = _scale(rule, duty)
        self.night = ms_of_day(rule.night_begin), ms_of_day(rule.night_end)
        self.last: int | None = None
        self.level, self.waiting = 0.0, nan
        self.spread = rule.least_step / 3
        self.idle, self.usual = 0, 0.0
        self.cycles = [(0, 0), (0, 0)]
        self.samples, self.mean, self.norm, self.left = 0, 0.0, 0.0, False

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.rule.signal not in values:
            return None
        if self.last is None or ts - self.last >= APART:
            self._sample(ts, values[self.rule.signal] * self.scale)
        hours = self.idle / 3_600_000
        if hours <= self.usual:
            return 0.0
        return min(hours, self.rule.away_at_most) if self.left and hours < self.rule.away_until else hours

    def _sample(self, ts: int, power: float) -> None:
        dt = 0 if self.last is None else ts - self.last
        local = local_time(ts, self.zone)
        begin, end = self.night
        moment = local % DAY
        night = begin <= moment < end if begin < end else not end <= moment < begin
        active = False
        if self.last is None or dt > self.gap:
            self.level, self.waiting = _single(power), nan
        else:
            if not night:
                self.idle = min(self.idle + dt, 2_000_000_000)
            active = self._changed(dt, power) and self._is_activity(abs(power - self.before), night)
        self.spread = _single(max(self.spread, 0.001))
        self.last = ts
        self._day(dt, local, power)
        if active:
            if not self.left:
                self.usual = max(self.usual, _single(min(MARGIN * self.idle / 3_600_000, self.rule.usual_at_most)))
            self.left, self.idle = False, 0

    def _changed(self, dt: int, power: float) -> bool:
        size = abs(power - self.level)
        least = max(self.rule.least_step, 3 * self.spread)
        self.spread += (min(size, least) - self.spread) / 32
        if size > least and dt < AT_ONCE and (isnan(self.waiting) or abs(power - self.waiting) > least):
            self.waiting = _single(power)
            return False
        self.before, self.level, self.waiting = self.level, _single(power), nan
        return size > least

    def _is_activity(self, size: float, night: bool) -> bool:
        clipped = min(size, 65_535.0)
        near = [k for k, (known, votes) in enumerate(self.cycles) if votes and _like(size, known)]
        active = not near or self.cycles[near[0]][1] < LEARNT
        if not night:
            return active
        unused = [k for k, (_, votes) in enumerate(self.cycles) if not votes]
        if near:
            known, votes = self.cycles[near[0]]
            self.cycles[near[0]] = int(known + (clipped - known) / 4 + 0.5), min(votes + 1, MOST_VOTES)
        elif unused:
            size_known = int(clipped + 0.5)
            self.cycles[unused[0]] = int(size_known + (clipped - size_known) / 4 + 0.5), 1
        else:
            self.cycles = [(known, votes - 1) for known, votes in self.cycles]
        return active

    def _day(self, dt: int, local: int, power: float) -> None:
        if self.samples and local // DAY != (local - dt) // DAY:
            if self.samples >= ENOUGH and not self.left:
                self.norm = _single(self.mean if self.norm == 0 else self.norm + (self.mean - self.norm) / DAYS)
            self.usual = _single(self.usual * (1 - 1 / USUAL_DAYS))
            self.samples, self.mean = 0, 0.0
        if self.samples < COUNT:
            self.samples += 1
            self.mean = _single(self.mean + (power - self.mean) / self.samples)
        if self.samples >= ENOUGH and local % DAY >= self.night[1]:
            self.left = self.mean < self.rule.away_below * self.norm


def _like(size: float, known: int) -> bool:
    return abs(size - known) <= max(15.0, 0.2 * known)


def _scale(rule: InactivityRule, duty: Duty) -> float:
    return duty.ratings.nominal_voltage if rule.signal.startswith("current") else 1.0


def _evidence(rule: InactivityRule, extras: tuple[float, ...]) -> dict[str, Any]:
    del rule
    hours, step, level, left = extras
    rounded = {
        n: None if isnan(v) else round(v, 2) for n, v in (("hours", hours), ("last_step_w", step), ("base_w", level))
    }
    return {**rounded, "seems_away": left == 1}


KIND: Kind[InactivityRule] = Kind(
    rule=InactivityRule,
    inputs=lambda r: ((r.signal,),),
    words=lambda _: WORDS,
    ints=lambda r, _: (ms_of_day(r.night_begin), ms_of_day(r.night_end)),
    reals=lambda r, duty: (
        _scale(r, duty),
        r.least_step,
        r.away_below,
        r.away_at_most,
        r.away_until,
        r.usual_at_most,
    ),
    kernel=kernel,
    twin=InactivityTwin,
    unit=lambda _: "h",
    evidence=_evidence,
    steps=lambda r: r.steps,
    slow=True,
)
