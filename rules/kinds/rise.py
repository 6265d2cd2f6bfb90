"""Rate of rise: a robust slope over a window.

Theil's incomplete method (Theil 1950, part I): of six samples 1..6 the slopes of the disjoint pairs (1,4), (2,5),
(3,6), and the median of the three. A wild sample spoils one pair, so the median does not follow it.

Samples are a fifth of the window apart or more; a reading that comes sooner is passed over and says nothing. Devices
that report more seldom make the window longer: six samples are what the method needs. After a gap (`Table.gap`) the
samples begin anew.

A load that was just switched on warms what it flows through. With `inhibit` a step of the current up from its trough
explains a rise for some time; then the samples are kept and nothing is said. The current counts if it comes in one
reading with the signal.

Words of a program (7; 9 with `inhibit`):
    0: time of the newest sample times 64, plus 8 times the slot of the next one, plus the number of samples.
    1 to 6: a slot each: uint32, time mod 2^32 ms, and float32, the value. The slot after next but one is the partner.
    7: time of the last step up times 4, plus 2 if there was one, plus 1 if a trough is known.
    8: float64, the trough: the lowest current since the last step up, A.
"""

from collections.abc import Mapping
from statistics import median
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled
from community.quantities import QUANTITIES
from rules.kinds.definition import LadderRule, Limit, Model, QuantityName, Seconds, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind

SAMPLES = 6


class LoadStep(Model):
    """A step up of the load explains a rise.

    Attributes:
        signals: currents; the greatest of those that a reading has is the load.
        by: A above its trough.
        hold: s for which it explains.
    """

    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    by: Limit
    hold: Seconds


class RiseRule(LadderRule):
    """A quantity that rises faster than a limit, in its unit per minute.

    Attributes:
        signals: what is watched; each is a channel.
        over: s, the window.
        only_above: at this level and below it a rise counts as none.
        inhibit: what explains a rise.
    """

    kind: Literal["rise"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    over: Annotated[float, Field(ge=1, le=86_400)] = 120
    only_above: Limit | None = None
    inhibit: LoadStep | None = None

    @property
    def apart(self) -> int:
        """Least time between samples, ms."""
        return round(self.over * 1000 / (SAMPLES - 1))


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: value, and the slopes of the three pairs."""
    values, order, ts = rows.values, rows.order, rows.ts
    floats, singles, times = words.view(np.float64), words.view(np.float32), words.view(np.uint32)
    slope = np.empty(3)
    for i in range(len(table.present)):
        p = table.present[i]
        column = table.columns[p, 0]
        loud = False
        for b in range(len(ts)):
            value = values[b, column]
            offset = table.offset[rows.shape[b], p]
            x[i, b] = np.nan
            if np.isnan(value) or order[b] != IN_ORDER or offset < 0:
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            inhibited = False
            hold = table.ints[q, p, 1]
            if hold >= 0:
                load = -1.0
                for j in range(1, table.columns.shape[1]):
                    if table.columns[p, j] >= 0 and values[b, table.columns[p, j]] > load:
                        load = values[b, table.columns[p, j]]
                stepped = words[at + 7]
                if load >= 0.0:
                    up = stepped & 1 and load >= floats[at + 8] + table.reals[q, p, 1]
                    if up:
                        stepped = ts[b] * 4 + 3
                    if up or not stepped & 1 or load < floats[at + 8]:
                        floats[at + 8] = load
                    stepped |= 1
                    words[at + 7] = stepped
                inhibited = stepped & 2 and ts[b] - (stepped >> 2) < hold
            mark = words[at]
            slot, count = (mark >> 3) & 7, mark & 7
            if count > 0:
                since = ts[b] - (mark >> 6)
                if since < table.ints[q, p, 0]:
                    continue
                if since > table.gap[q]:
                    count = np.int64(0)
            times[2 * (at + 1 + slot)] = ts[b] & 0xFFFF_FFFF
            singles[2 * (at + 1 + slot) + 1] = value
            count = min(count + 1, 6)
            words[at] = ts[b] * 64 + 8 * ((slot + 1) % 6) + count
            if count < 6 or inhibited:
                continue
            for k in range(3):
                a, c = 2 * (at + 1 + k), 2 * (at + 4 + k)
                dt = np.int64(times[c]) - np.int64(times[a])
                # Partners are less than 2^31 ms apart, whichever of the two is older.
                if dt >= 0x8000_0000:
                    dt -= 0x1_0000_0000
                elif dt < -0x8000_0000:
                    dt += 0x1_0000_0000
                slope[k] = (np.float64(singles[c + 1]) - np.float64(singles[a + 1])) / dt * 60_000.0
            low, high = min(slope[0], slope[1]), max(slope[0], slope[1])
            middle = max(low, min(high, slope[2]))
            if value <= table.reals[q, p, 0]:
                middle = min(middle, 0.0)
            x[i, b] = middle
            loud = loud or middle >= table.quiet[q, p]
            if loud or rows.active[b]:
                extra[i, b, 0] = value
                for k in range(3):
                    # From the oldest pair on, wherever it lies in the ring.
                    extra[i, b, 1 + k] = slope[(slot + 1 + k) % 3]


class RiseTwin:
    """The measure of one channel, with every sample since the last gap."""

    def __init__(self, rule: RiseRule, duty: Duty, channel: int) -> None:
        self.rule, self.signal, self.gap = rule, rule.signals[channel], duty.gap
        self.above = -np.inf if rule.only_above is None else limit_of(rule.only_above, duty.ratings)
        self.load = None if rule.inhibit is None else LoadTwin(rule.inhibit, duty)
        self.samples: list[tuple[int, float]] = []
        self.extras: tuple[float, ...] = ()

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        inhibited = self.load is not None and self.load.inhibits(ts, values)
        value = values[self.signal]
        if self.samples and ts - self.samples[-1][0] < self.rule.apart:
            return None
        if self.samples and ts - self.samples[-1][0] > self.gap:
            self.samples = []
        self.samples.append((ts, float(np.float32(value))))
        if len(self.samples) < SAMPLES or inhibited:
            return None
        latest = self.samples[-SAMPLES:]
        slopes = [(w - v) / (t - s) * 60_000.0 for (s, v), (t, w) in zip(latest[:3], latest[3:], strict=True)]
        self.extras = value, *slopes
        return median(slopes) if value > self.above else min(median(slopes), 0.0)


class LoadTwin:
    """Whether the load stepped up lately, slowly."""

    def __init__(self, rule: LoadStep, duty: Duty) -> None:
        self.signals, self.by = rule.signals, limit_of(rule.by, duty.ratings)
        self.hold = round(rule.hold * 1000)
        self.since_step: list[float] = []
        self.stepped: int | None = None

    def inhibits(self, ts: int, values: Mapping[str, float]) -> bool:
        """Take a reading's currents; whether a rise at `ts` is explained by the load."""
        loads = [values[s] for s in self.signals if s in values]
        if loads:
            if self.since_step and max(loads) >= min(self.since_step) + self.by:
                self.stepped, self.since_step = ts, []
            self.since_step.append(max(loads))
        return self.stepped is not None and ts - self.stepped < self.hold


def _evidence(rule: RiseRule, extras: tuple[float, ...]) -> dict[str, Any]:
    if np.isnan(extras[0]):
        return {}
    return {"reading": extras[0], "slopes_per_min": list(extras[1:])}


KIND: Kind[RiseRule] = Kind(
    rule=RiseRule,
    inputs=lambda r: tuple((s, *(r.inhibit.signals if r.inhibit else ())) for s in r.signals),
    words=lambda r: 7 if r.inhibit is None else 9,
    ints=lambda r, _: (r.apart, -1 if r.inhibit is None else round(r.inhibit.hold * 1000)),
    reals=lambda r, duty: (
        -np.inf if r.only_above is None else limit_of(r.only_above, duty.ratings),
        0.0 if r.inhibit is None else limit_of(r.inhibit.by, duty.ratings),
    ),
    kernel=kernel,
    twin=RiseTwin,
    unit=lambda r: f"{QUANTITIES[r.signals[0]].unit}/min",
    evidence=_evidence,
    steps=lambda r: r.steps,
)
