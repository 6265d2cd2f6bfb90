"""Change of habit: a household's power against its own hour of the week, by a cumulated sum (Page 1954).

An hour's mean power P becomes u = arsinh(P / scale): logarithmic well above `scale`, linear below it and through zero
(a roof that feeds in). For each of the 168 hours of the local week the usual u is kept, moved each week by 1/`memory`
of the way to the newest. With r = u - usual and s the root mean square of r (over `memory` weeks, not less than
`least_deviation`), z = r / s, cut to ±`cut`, the sums

    S+ = max(0, S+ + z - slack),  S- = max(0, S- - z - slack)

grow while hours deviate again and again to one side. The measure is S+, S- or the greater of them, by `side`.

Each hour of the clock counts, in UTC; its hour of the week is the local one at its beginning (so for zones of half
hours too). An hour without readings leaves everything as it is; after a day without any the sums begin at zero.

Words of a program (25):
    0-20: uint8[168], usual u of each hour, from Monday 00:00, in steps of 1/12 from 128; 0: not yet known;
    21: int32, number of the open hour (since 1970); uint16, its readings (0: nothing was ever seen; beyond 65,535
        not added); uint8, u of the last hour; uint8, what was usual then;
    22: float64, sum of the open hour;
    23: float32, S+; float32, S-;
    24: float32, mean square of r; uint16, hours taken; uint16, hours in the mean square (both stop at 65,535).
"""

from collections.abc import Mapping
from math import asinh, floor, sqrt
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled, inner
from rules.kinds.definition import LadderRule, QuantityName
from rules.kinds.kernel import IN_ORDER, Duty, Kind
from rules.kinds.local_time import HOUR, hour_of_week, local_ms, local_time

STEP = 1 / 12
"""Of a code: 8 % of a power well above `scale`."""

HOURS = 168
WORDS = 25
_ZERO, _FAR, _FULL = 128, 127.0, 65_535
_DAY = 24


class ChangeRule(LadderRule):
    """Power that deviates from the household's habits hour after hour; limits are in standard deviations.

    Attributes:
        signals: powers, W; each has its own profile.
        side: `more` or `less` than usual, or `both`.
        scale: W; what is well below does not matter.
        learning: weeks of readings before anything is said.
        memory: weeks over which habits may change.
        slack: deviations that an hour may have for nothing (half of the change that shall be found).
        cut: deviations of one hour that count at most.
        least_deviation: of u, that is 0.2 for about 20 % of the power.
        most: the sums stay below this, so that they can fall again.
    """

    kind: Literal["change"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("active_power",)
    side: Literal["more", "less", "both"] = "both"
    scale: Annotated[float, Field(gt=0)] = 50.0
    learning: Annotated[int, Field(ge=1, le=52)] = 3
    memory: Annotated[int, Field(ge=1, le=52)] = 6
    slack: Annotated[float, Field(ge=0, le=5)] = 0.5
    cut: Annotated[float, Field(gt=0, le=20)] = 4.0
    least_deviation: Annotated[float, Field(gt=0)] = 0.2
    most: Annotated[float, Field(gt=0)] = 48.0


@inner
def end_hour(at, octet, mean, numbers, singles, shorts, octets):  # type: ignore[no-untyped-def]  # compiled
    """Take an hour's mean into sums, mean square and profile; `octet` is the place of its usual u."""
    u = np.arcsinh(mean / numbers[0]) / STEP
    code = int(max(-_FAR, min(_FAR, np.floor(u + 0.5)))) + _ZERO
    usual = np.int64(octets[octet])
    hours = np.int64(shorts[4 * at + 98])
    compared = np.int64(shorts[4 * at + 99])
    octets[8 * at + 174] = code
    octets[8 * at + 175] = usual
    shorts[4 * at + 98] = min(int(hours) + 1, _FULL)
    if usual == 0:
        octets[octet] = code
        return
    r = u - (usual - _ZERO)
    square = np.float64(singles[2 * at + 48])
    deviation = max(np.sqrt(square), numbers[4])
    if hours >= numbers[5]:
        z = max(-numbers[3], min(numbers[3], r / deviation))
        singles[2 * at + 46] = min(max(0.0, np.float64(singles[2 * at + 46]) + z - numbers[2]), numbers[6])
        singles[2 * at + 47] = min(max(0.0, np.float64(singles[2 * at + 47]) - z - numbers[2]), numbers[6])
        r = z * deviation  # one wild hour must not make all later ones look usual
    if compared < _FULL:
        compared += 1
    shorts[4 * at + 99] = compared
    singles[2 * at + 48] = square + (r * r - square) * max(1.0 / compared, numbers[1] / HOURS)
    # A step at least, where there is a difference of one: rounding must not stop the habit on its way.
    r = u - (usual - _ZERO)
    if abs(r) >= 1:
        move = max(1.0, np.floor(abs(r) * numbers[1] + 0.5))
        octets[octet] = int(max(1.0, min(255.0, usual + (move if r > 0 else -move))))


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: the last hour's mean, the usual one, weeks learnt."""
    values, order, ts = rows.values, rows.order, rows.ts
    floats, halves, singles = words.view(np.float64), words.view(np.int32), words.view(np.float32)
    shorts, octets = words.view(np.uint16), words.view(np.uint8)
    for i in range(len(table.present)):
        p = table.present[i]
        speaks = False  # whether any row so far may have begun something
        column = table.columns[p, 0]
        for b in range(len(ts)):
            value = values[b, column]
            offset = table.offset[rows.shape[b], p]
            if np.isnan(value) or order[b] != IN_ORDER or offset < 0:
                x[i, b] = np.nan
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            number = ts[b] // HOUR
            old = np.int64(halves[2 * at + 42])
            count = np.int64(shorts[4 * at + 86])
            if count == 0 or old != number:
                if count > 0:
                    hour = hour_of_week(local_ms(old * HOUR, table.zone[q], table.zones))
                    end_hour(at, 8 * at + hour, floats[at + 22] / count, table.reals[q, p], singles, shorts, octets)
                    if number - old > _DAY:
                        singles[2 * at + 46] = 0.0
                        singles[2 * at + 47] = 0.0
                halves[2 * at + 42] = number
                floats[at + 22] = 0.0
                count = np.int64(0)
            if count < _FULL:
                floats[at + 22] += value
                shorts[4 * at + 86] = count + 1
            measure = np.nan
            hours = np.float64(shorts[4 * at + 98])
            if hours > table.reals[q, p, 5]:
                more, less, side = singles[2 * at + 46], singles[2 * at + 47], table.ints[q, p, 0]
                measure = np.float64(max(more, less) if side == 0 else more if side > 0 else less)
            x[i, b] = measure
            if measure >= table.quiet[q, p] or speaks or rows.active[b]:
                speaks |= rows.active[b] == 0
                scale, usual = table.reals[q, p, 0], octets[8 * at + 175]
                extra[i, b, 0] = scale * np.sinh((np.float64(octets[8 * at + 174]) - _ZERO) * STEP)
                extra[i, b, 1] = scale * np.sinh((np.float64(usual) - _ZERO) * STEP) if usual != 0 else np.nan
                extra[i, b, 2] = hours / HOURS


class ChangeTwin:
    """The measure of one channel, by dictionaries and names; what the kernel keeps as float32 is rounded so here."""

    def __init__(self, rule: ChangeRule, duty: Duty, channel: int) -> None:
        self.rule, self.duty, self.signal = rule, duty, rule.signals[channel]
        self.open: list[tuple[int, float]] = []
        self.usual: dict[int, int] = {}  # hour of the local week → u in steps of 1/12
        self.more = self.less = self.square = 0.0
        self.hours = self.compared = 0

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        if self.open and self.open[0][0] != ts // HOUR:
            self._end_hour()
            if ts // HOUR - self.open[0][0] > _DAY:
                self.more = self.less = 0.0
            self.open = []
        self.open.append((ts // HOUR, values[self.signal]))
        if self.hours <= self.rule.learning * HOURS:
            return None
        return {"more": self.more, "less": self.less, "both": max(self.more, self.less)}[self.rule.side]

    def _end_hour(self) -> None:
        rule = self.rule
        total = 0.0  # in their order, as they came: a compensated sum would round otherwise
        for _, value in self.open:
            total += value
        u = 12 * asinh(total / len(self.open) / rule.scale)
        hour = hour_of_week(local_time(self.open[0][0] * HOUR, self.duty.zone))
        self.hours += 1
        if hour not in self.usual:
            self.usual[hour] = max(-127, min(127, floor(u + 0.5)))
            return
        difference = counted = u - self.usual[hour]
        deviation = max(sqrt(self.square), 12 * rule.least_deviation)
        if self.hours > rule.learning * HOURS:
            z = max(-rule.cut, min(rule.cut, difference / deviation))
            self.more = _single(min(max(0.0, self.more + z - rule.slack), rule.most))
            self.less = _single(min(max(0.0, self.less - z - rule.slack), rule.most))
            counted = z * deviation
        self.compared += 1
        weight = max(1 / self.compared, 1 / (rule.memory * HOURS))
        self.square = _single(self.square + (counted**2 - self.square) * weight)
        if abs(difference) >= 1:
            move = max(1, floor(abs(difference) / rule.memory + 0.5))
            self.usual[hour] = max(-127, min(127, self.usual[hour] + (move if difference > 0 else -move)))


def _single(value: float) -> float:
    return float(np.float32(value))


def _reals(rule: ChangeRule, duty: Duty) -> tuple[float, ...]:
    del duty
    learning = float(rule.learning * HOURS)
    return (rule.scale, 1 / rule.memory, rule.slack, rule.cut, rule.least_deviation / STEP, learning, rule.most)


KIND = Kind(
    rule=ChangeRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda _: WORDS,
    ints=lambda r, _: ({"more": 1, "both": 0, "less": -1}[r.side],),
    reals=_reals,
    kernel=kernel,
    twin=ChangeTwin,
    unit=lambda _: "",
    evidence=lambda _, extras: {
        "mean_power": extras[0],
        "usual_power": None if extras[1] != extras[1] else extras[1],
        "weeks_learnt": extras[2],
    },
    steps=lambda r: r.steps,
    slow=True,
)
