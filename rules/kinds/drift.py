"""Drift: a value's slow median against the device's own baseline, and the days left until a limit.

Means of two hours are kept; the median of the last twelve is the *slow* value (24 h), so neither a wild sample nor a
shower moves it. The median of a day's means is that day's; the median of the last seven days before today is the
*baseline*. The measure is slow - baseline, in the unit of the signal or as a ratio of the baseline. The slope per day
is the median of all slopes between the days (Theil 1950, Sen 1968).

Hours and days are those of UTC: a day's median does not depend on where the day is cut. A gap leaves bins empty:
medians are of the bins that are there, and below half a day of them nothing is said.

Words of a program (7), kept anew each two hours, so that a reading costs one addition:
    0: float64, sum of the open bin;
    1: int32, number of the open bin (two hours since 1970); float32, the measure since the last bin ended;
    2-6: uint16[20], codes (`rules.kinds.codes`): 12 bins by number mod 12, 7 days by number mod 7, and the count of
        readings in the open bin (0: nothing was ever seen; readings beyond 65,535 are not added).
"""

from collections.abc import Mapping
from itertools import combinations
from math import inf, isfinite
from statistics import median
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from community.quantities import QUANTITIES
from rules.kinds.codes import ABSENT, decode, encode, median_first, rounded
from rules.kinds.compiler import compiled
from rules.kinds.definition import LadderRule, Limit, QuantityName, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind

BIN = 7_200_000
"""ms of one mean."""

BINS, DAYS = 12, 7
"""Means of a day; days of the baseline."""

LEAST_BINS = 6
"""Means that make a median of a day: half of it."""

WORDS = 7
_COUNT = BINS + DAYS
_FULL = 65_535


class DriftRule(LadderRule):
    """A value that has risen, over days, above what is usual for this device.

    Attributes:
        signals: the quantity and its phases; each has its own baseline.
        relative: whether the measure is the rise as a ratio of the baseline (0.5: half as much again), and not in
            the signal's unit.
        floor: in the signal's unit; a smaller baseline counts as this much, so that 0.4 mA are not twice 0.2 mA.
        least_days: days of baseline before anything is said.
        reaches: level to which the days left are told.
    """

    kind: Literal["drift"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    relative: bool = False
    floor: Annotated[float, Field(gt=0)] = 1.0
    least_days: Annotated[int, Field(ge=1, le=DAYS)] = 3
    reaches: Limit | None = None


@compiled
def medians(ring, number, shorts, scratch, single, bits):  # type: ignore[no-untyped-def]  # compiled
    """(slow median, bins in it, baseline, days in it) when bin `number` is open; NaN where there is nothing."""
    slow, baseline = np.nan, np.nan
    bins = 0
    for slot in range(BINS):
        if shorts[ring + slot] != ABSENT:
            scratch[bins] = decode(shorts[ring + slot], single, bits)
            bins += 1
    if bins > 0:
        slow = median_first(scratch, bins)
    days = 0
    for slot in range(BINS, BINS + DAYS):
        if shorts[ring + slot] != ABSENT:
            scratch[days] = decode(shorts[ring + slot], single, bits)
            days += 1
    if days > 0:
        baseline = median_first(scratch, days)
    return slow, bins, baseline, days


@compiled
def end_bin(ring, old, number, mean, shorts, scratch, single, bits):  # type: ignore[no-untyped-def]  # compiled
    """Put the mean of bin `old` into the ring, and its day's median if that has ended too; `number` is the next bin."""
    shorts[ring + old % BINS] = encode(mean, single, bits)
    today, day = number // BINS, old // BINS
    if today > day:
        # The slots up to the old bin's are of its day; those behind it still hold the day before.
        count = 0
        for slot in range(old % BINS + 1):
            if shorts[ring + slot] != ABSENT:
                scratch[count] = decode(shorts[ring + slot], single, bits)
                count += 1
        code = encode(median_first(scratch, count), single, bits) if count >= LEAST_BINS else ABSENT
        shorts[ring + BINS + day % DAYS] = code
        for k in range(day + 1, min(today, day + 1 + DAYS)):
            shorts[ring + BINS + k % DAYS] = ABSENT
    for k in range(old + 1, min(number, old + 1 + BINS)):
        shorts[ring + k % BINS] = ABSENT


@compiled
def slope(ring, number, shorts, scratch, single, bits):  # type: ignore[no-untyped-def]  # compiled
    """Median slope per day over the days of the baseline, when bin `number` is open; NaN below three days."""
    today = number // BINS
    count = 0
    for j in range(today - DAYS, today):
        for k in range(j + 1, today):
            first, second = shorts[ring + BINS + j % DAYS], shorts[ring + BINS + k % DAYS]
            if first != ABSENT and second != ABSENT:
                rise = decode(second, single, bits) - decode(first, single, bits)
                scratch[count] = rise / (k - j)
                count += 1
    return median_first(scratch, count) if count >= 3 else np.nan


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: slow median, baseline, slope per day, days until the limit is reached (inf: never)."""
    values, order, ts = rows.values, rows.order, rows.ts
    sums, halves = words.view(np.float64), words.view(np.int32)
    singles, shorts = words.view(np.float32), words.view(np.uint16)
    scratch = np.empty(DAYS * (DAYS - 1) // 2)
    single = np.empty(1, np.float32)
    bits = single.view(np.uint32)
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
            ring = 4 * at + 8
            number = ts[b] // BIN
            count = np.int64(shorts[ring + _COUNT])
            old = np.int64(halves[2 * at + 2])
            if count == 0 or old != number:
                if count > 0:
                    end_bin(ring, old, number, sums[at] / count, shorts, scratch, single, bits)
                slow, bins, baseline, days = medians(ring, number, shorts, scratch, single, bits)
                rise = slow - baseline
                if bins < LEAST_BINS or days < table.ints[q, p, 1]:
                    rise = np.nan
                elif table.ints[q, p, 0] != 0:
                    rise /= max(abs(baseline), table.reals[q, p, 0])
                singles[2 * at + 3] = rise
                halves[2 * at + 2] = number
                sums[at] = 0.0
                count = np.int64(0)
            if count < _FULL:
                sums[at] += value
                shorts[ring + _COUNT] = count + 1
            measure = np.float64(singles[2 * at + 3])
            x[i, b] = measure
            if measure >= table.quiet[q, p] or speaks or rows.active[b]:
                speaks |= rows.active[b] == 0
                slow, bins, baseline, days = medians(ring, number, shorts, scratch, single, bits)
                per_day = slope(ring, number, shorts, scratch, single, bits)
                left = table.reals[q, p, 1] - slow
                extra[i, b, 0] = slow
                extra[i, b, 1] = baseline
                extra[i, b, 2] = per_day
                extra[i, b, 3] = 0.0 if left <= 0 else (left / per_day if per_day > 0 else np.inf)


class DriftTwin:
    """The measure of one channel, from all readings that ever came."""

    def __init__(self, rule: DriftRule, duty: Duty, channel: int) -> None:
        self.rule, self.signal = rule, rule.signals[channel]
        self.reaches = inf if rule.reaches is None else limit_of(rule.reaches, duty.ratings)
        self.bins: dict[int, list[float]] = {}
        self.extras: tuple[float, ...] = ()

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        now = ts // BIN
        today = now // BINS
        self.bins.setdefault(now, []).append(values[self.signal])
        last = self._means(range(now - BINS, now))
        by_day = {d: self._means(range(d * BINS, (d + 1) * BINS)) for d in range(today - DAYS, today)}
        days = {d: rounded(median(means)) for d, means in by_day.items() if len(means) >= LEAST_BINS}
        if len(last) < LEAST_BINS or len(days) < self.rule.least_days:
            return None
        slow, baseline = median(last), median(days.values())
        slopes = [(days[k] - days[j]) / (k - j) for j, k in combinations(sorted(days), 2)]
        per_day = median(slopes) if len(slopes) >= 3 else float("nan")
        left = self.reaches - slow
        self.extras = (slow, baseline, per_day, 0.0 if left <= 0 else left / per_day if per_day > 0 else inf)
        rise = slow - baseline
        return float(np.float32(rise / max(abs(baseline), self.rule.floor) if self.rule.relative else rise))

    def _means(self, numbers: range) -> list[float]:
        means = []
        for number in numbers:
            readings = self.bins.get(number, [])
            total = 0.0  # in their order, as they came: a compensated sum would round otherwise
            for value in readings:
                total += value
            if readings:
                means.append(rounded(total / len(readings)))
        return means


def _evidence(rule: DriftRule, extras: tuple[float, ...]) -> dict[str, Any]:
    names = ("median_24h", "baseline_7d", "slope_per_day") + (("days_until_limit",) if rule.reaches else ())
    return {n: e if isfinite(e) else None for n, e in zip(names, extras, strict=False)}


KIND = Kind(
    rule=DriftRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda _: WORDS,
    ints=lambda r, _: (int(r.relative), r.least_days),
    reals=lambda r, duty: (r.floor, inf if r.reaches is None else limit_of(r.reaches, duty.ratings)),
    kernel=kernel,
    twin=DriftTwin,
    unit=lambda r: "" if r.relative else QUANTITIES[r.signals[0]].unit,
    evidence=_evidence,
    steps=lambda r: r.steps,
)
