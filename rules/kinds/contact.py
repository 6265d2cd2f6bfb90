"""Contact resistance of a terminal: its warmth for the current that flows, against its own past.

C = (T_terminal - T_ambient) / I^2   K/A^2,   x = C / median of the daily means of the 14 days before

A good terminal's C hardly changes; one that works loose shows it long before it is hot. Joule's law holds in the
steady state only, so C is taken while the current is at least `least_load` of the rated one and has not moved by more
than `steady_within` of it from where it was `steady_for` s ago or longer. A gap (`Table.gap`) makes the load unknown:
the steady time begins anew. Days are those of UTC; a day counts from `least_readings` on.

A reading counts if it has terminal temperature, ambient temperature and current. Words of a program (7):
    0: time of the last reading times 2, plus 1 if there was one; the day of it is the day that is being summed up.
    1: float32, current from which the steady time runs, A; uint32, steady time so far, ms, at most `steady_for`.
    2: float32, sum of today's C; float32, median of the days before (NaN or 0: too few).
    3 to 6: uint16: readings in today's sum, then a code (`rules.kinds.codes`) for each of 14 days, by day mod 14.
"""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from community.compiler import compiled
from rules.kinds.codes import decode, encode, rounded, sorted_median
from rules.kinds.definition import LadderRule, Limit, QuantityName, Seconds, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind
from rules.kinds.local_time import DAY

DAYS = 14


class ContactRule(LadderRule):
    """A terminal that grows warmer for its current than it used to; a step's limit is a multiple of its own past.

    Attributes:
        signals: terminal temperatures; each is a channel.
        currents: the current through each terminal.
        ambient: temperature around it, °C.
        least_load: share of the rated current below which the warmth says too little.
        steady_for: s for which the load must have been steady.
        steady_within: share of the rated current by which a steady load may move.
        least_days: days that must be known before anything is said.
        least_readings: readings that make a day.
        floor: K/A^2; a smaller median counts as this, so that a sensor's resolution does not look like a change.
    """

    kind: Literal["contact"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("terminal_temperature",)
    currents: tuple[QuantityName, ...] = ("current",)
    ambient: QuantityName = "ambient_temperature"
    least_load: float = Field(default=0.3, gt=0, le=2)
    steady_for: Annotated[Seconds, Field(le=86_400)] = 600
    steady_within: float = Field(default=0.05, gt=0, le=1)
    least_days: int = Field(default=3, ge=1, le=DAYS)
    least_readings: int = Field(default=5, ge=1, le=1000)
    floor: Limit = 0.002

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.signals) != len(self.currents):
            raise ValueError("expected one current for each terminal temperature")
        return self


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: C, its median, temperature rise, current."""
    values, order, ts = rows.values, rows.order, rows.ts
    singles, shorts = words.view(np.float32), words.view(np.uint16)
    steady = words.view(np.uint32)
    single = np.empty(1, np.float32)
    bits = single.view(np.uint32)
    room = np.empty(14)
    for i in range(len(table.present)):
        p = table.present[i]
        column, flowing, around = table.columns[p, 0], table.columns[p, 1], table.columns[p, 2]
        for b in range(len(ts)):
            x[i, b] = np.nan
            offset = table.offset[rows.shape[b], p]
            if flowing < 0 or around < 0 or order[b] != IN_ORDER or offset < 0:
                continue
            current = values[b, flowing]
            rise = values[b, column] - values[b, around]
            if np.isnan(current) or np.isnan(rise):
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            now = ts[b]
            ring = 4 * at + 13
            last = words[at] >> 1
            seen = words[at] != 0
            day, today = now // 86_400_000, last // 86_400_000
            if seen and day != today:
                # Close the day; days of which nothing was heard are known to nobody.
                count = np.int64(shorts[4 * at + 12])
                for k in range(min(day - today, 14)):
                    shorts[ring + (today + k) % 14] = 0
                if count >= table.ints[q, p, 2] and day - today <= 14:
                    mean = np.float64(singles[2 * at + 4]) / count
                    shorts[ring + today % 14] = encode(mean, single, bits)
                shorts[4 * at + 12] = 0
                singles[2 * at + 4] = 0.0
                known = 0
                for k in range(14):
                    if shorts[ring + k] != 0:
                        room[known] = decode(shorts[ring + k], single, bits)
                        known += 1
                singles[2 * at + 5] = np.nan
                if known >= table.ints[q, p, 1]:
                    singles[2 * at + 5] = sorted_median(room, known)
            off = abs(current - np.float64(singles[2 * at + 2]))
            if not seen or now - last > table.gap[q] or off > table.reals[q, p, 1]:
                singles[2 * at + 2] = current
                steady[2 * at + 3] = 0
            else:
                steady[2 * at + 3] = min(np.int64(steady[2 * at + 3]) + now - last, table.ints[q, p, 0])
            words[at] = now * 2 + 1
            if np.int64(steady[2 * at + 3]) < table.ints[q, p, 0] or current < table.reals[q, p, 0]:
                continue
            coefficient = rise / (current * current)
            if shorts[4 * at + 12] < 65_535:
                shorts[4 * at + 12] += 1
                singles[2 * at + 4] = np.float64(singles[2 * at + 4]) + coefficient
            usual = np.float64(singles[2 * at + 5])
            if np.isnan(usual) or usual == 0.0:
                continue
            x[i, b] = coefficient / max(usual, table.reals[q, p, 2])
            extra[i, b, 0] = coefficient
            extra[i, b, 1] = usual
            extra[i, b, 2] = rise
            extra[i, b, 3] = current


class ContactTwin:
    """The measure of one channel, from all its past."""

    def __init__(self, rule: ContactRule, duty: Duty, channel: int) -> None:
        self.rule, self.gap = rule, duty.gap
        self.inputs = rule.signals[channel], rule.ambient, rule.currents[channel]
        self.rated, self.floor = duty.ratings.rated_current, limit_of(rule.floor, duty.ratings)
        self.steady: list[tuple[int, float]] = []
        self.found: dict[int, list[float]] = defaultdict(list)
        self.extras: tuple[float, ...] = ()

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if not all(s in values for s in self.inputs):
            return None
        terminal, ambient, current = (values[s] for s in self.inputs)
        if self.steady and (
            ts - self.steady[-1][0] > self.gap
            or abs(current - self.steady[0][1]) > self.rule.steady_within * self.rated
        ):
            self.steady = []
        self.steady.append((ts, current if self.steady else float(np.float32(current))))
        if ts - self.steady[0][0] < round(self.rule.steady_for * 1000) or current < self.rule.least_load * self.rated:
            return None
        coefficient = (terminal - ambient) / (current * current)
        today = ts // DAY
        self.found[today].append(coefficient)
        days = [
            rounded(self._mean(self.found[d]))
            for d in range(today - DAYS, today)
            if len(self.found.get(d, ())) >= self.rule.least_readings
        ]
        if len(days) < self.rule.least_days:
            return None
        usual = float(np.float32(median(days)))
        if usual == 0:
            return None
        self.extras = coefficient, usual, terminal - ambient, current
        return coefficient / max(usual, self.floor)

    @staticmethod
    def _mean(numbers: list[float]) -> float:
        total = np.float32(0)  # summed up as it is kept
        for number in numbers:
            total = np.float32(float(total) + number)
        return float(total) / len(numbers)


def _evidence(_rule: ContactRule, extras: tuple[float, ...]) -> dict[str, Any]:
    names = ("coefficient", "median_14d", "temperature_rise", "current")
    return {n: None if np.isnan(e) else e for n, e in zip(names, extras, strict=True)}


KIND: Kind[ContactRule] = Kind(
    rule=ContactRule,
    inputs=lambda r: tuple((s, i, r.ambient) for s, i in zip(r.signals, r.currents, strict=True)),
    words=lambda _: 7,
    ints=lambda r, _: (round(r.steady_for * 1000), r.least_days, r.least_readings),
    reals=lambda r, duty: (
        r.least_load * duty.ratings.rated_current,
        r.steady_within * duty.ratings.rated_current,
        limit_of(r.floor, duty.ratings),
    ),
    kernel=kernel,
    twin=ContactTwin,
    unit=lambda _: "",
    evidence=_evidence,
    steps=lambda r: r.steps,
    slow=True,
)
