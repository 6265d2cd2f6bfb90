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

from community.compiler import compiled, inner
from community.quantities import QUANTITIES
from rules.kinds.codes import ABSENT, decode, encode, rounded, sorted_median
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


@inner
def renew(ring, old, number, shorts, numbers, found, single, bits):  # type: ignore[no-untyped-def]  # compiled
    """Find the medians when bin `number` is open; end the day of bin `old` if it is over, and clear what is missing.

    A loop over the four medians (of the day that ended, slow, baseline, slope), and one place that sorts: it compiles
    in half the time.

    Args:
        numbers: float64[21], scratch.
        found: float64[8], to be filled: the medians (NaN where there is nothing), and how many numbers each is of.
    """
    today, day = number // BINS, old // BINS
    for k in range(4):
        n = 0
        if k == 3:
            for first in range(today - DAYS, today):
                for second in range(first + 1, today):
                    one, two = shorts[ring + BINS + first % DAYS], shorts[ring + BINS + second % DAYS]
                    if one != ABSENT and two != ABSENT:
                        numbers[n] = (decode(two, single, bits) - decode(one, single, bits)) / (second - first)
                        n += 1
        else:
            # Of the day that ended: the slots behind the old bin's still hold the day before.
            for slot in range(BINS if k == 2 else 0, _COUNT if k == 2 else BINS if k == 1 else old % BINS + 1):
                if shorts[ring + slot] != ABSENT:
                    numbers[n] = decode(shorts[ring + slot], single, bits)
                    n += 1
        found[k] = sorted_median(numbers, n) if n > 0 else np.nan
        found[4 + k] = n
        if k == 0:
            if today > day:
                shorts[ring + BINS + day % DAYS] = encode(found[0], single, bits) if n >= LEAST_BINS else ABSENT
                for missing in range(day + 1, min(today, day + 1 + DAYS)):
                    shorts[ring + BINS + missing % DAYS] = ABSENT
            for missing in range(old + 1, min(number, old + 1 + BINS)):
                shorts[ring + missing % BINS] = ABSENT


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: slow median, baseline, slope per day, days until the limit is reached (inf: never)."""
    values, order, ts = rows.values, rows.order, rows.ts
    sums, halves = words.view(np.float64), words.view(np.int32)
    singles, shorts = words.view(np.float32), words.view(np.uint16)
    numbers, found = np.empty(DAYS * (DAYS - 1) // 2), np.empty(8)
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
            measure = np.float64(singles[2 * at + 3])
            fresh = count == 0 or old != number
            if fresh or measure >= table.quiet[q, p] or speaks or rows.active[b]:
                if count == 0:
                    old = number
                elif fresh:
                    shorts[ring + old % BINS] = encode(sums[at] / count, single, bits)
                renew(ring, old, number, shorts, numbers, found, single, bits)
                slow, baseline, per_day = found[1], found[2], found[3]
                if fresh:
                    measure = slow - baseline
                    if found[5] < LEAST_BINS or found[6] < table.ints[q, p, 1]:
                        measure = np.float64(np.nan)
                    elif table.ints[q, p, 0] != 0:
                        measure = np.float64(measure / max(abs(baseline), table.reals[q, p, 0]))
                    singles[2 * at + 3] = measure
                    measure = np.float64(singles[2 * at + 3])
                    halves[2 * at + 2] = number
                    sums[at] = 0.0
                    count = np.int64(0)
                speaks |= rows.active[b] == 0 and measure >= table.quiet[q, p]
                left = table.reals[q, p, 1] - slow
                extra[i, b, 0] = slow
                extra[i, b, 1] = baseline
                extra[i, b, 2] = per_day if found[7] >= 3 else np.nan
                extra[i, b, 3] = 0.0 if left <= 0 else (left / per_day if per_day > 0 and found[7] >= 3 else np.inf)
            if count < _FULL:
                sums[at] += value
                shorts[ring + _COUNT] = count + 1
            x[i, b] = measure


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
    slow=True,
)
