"""Stuck: a sensor that answers and no longer measures. The measure is for how long its value has not moved, in s.

A stretch begins with a reading, its anchor, and ends with the first reading that differs from the anchor by more than
`within`; that one is the next anchor. Some values are flat by nature (0 A, 0 dB/m, 100 %): at these, and while another
signal of the same reading excuses it, there is no stretch and the measure is 0. A gap (`Table.gap`) ends a stretch:
readings must keep coming. Below `least_readings` of them the measure is 0, since few equal readings say little.

Values are compared as float32, which is finer than any sensor's step.

Words of a program (2):
    0: int64, time of the newest reading times 65,536, plus the readings of the stretch (at most 65,535; 0: none);
    1: float32, anchor; int32, ms since the stretch began (at most 2^31 - 1: 24 days).
"""

from collections.abc import Mapping
from math import nan
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled
from rules.kinds.definition import LadderRule, QuantityName
from rules.kinds.kernel import IN_ORDER, Duty, Kind
from rules.kinds.threshold import Unless

EXCEPTIONS = 3
LONGEST = 2**31 - 1
WORDS = 2
_MOST = 65_535


class StuckRule(LadderRule):
    """A value that does not move; a step's limit is in seconds.

    Attributes:
        signals: what is watched; each for itself.
        within: in the signal's unit; smaller movements are none.
        least_readings: fewer readings of the same value prove nothing.
        except_at: values (to within `within`) at which standing still is normal.
        unless: another signal of the same reading with a value that excuses standing still.
    """

    kind: Literal["stuck"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    within: Annotated[float, Field(ge=0)] = 0.0
    least_readings: Annotated[int, Field(ge=2, le=_MOST)] = 60
    except_at: Annotated[tuple[float, ...], Field(max_length=EXCEPTIONS)] = ()
    unless: Unless | None = None


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: the reading, readings of the stretch, the anchor."""
    values, order, ts = rows.values, rows.order, rows.ts
    singles, halves = words.view(np.float32), words.view(np.int32)
    for i in range(len(table.present)):
        p = table.present[i]
        speaks = False  # whether any row so far may have begun something
        column, gate = table.columns[p, 0], table.columns[p, 1]
        for b in range(len(ts)):
            value = np.float64(np.float32(values[b, column]))
            offset = table.offset[rows.shape[b], p]
            if np.isnan(value) or order[b] != IN_ORDER or offset < 0:
                x[i, b] = np.nan
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            numbers = table.reals[q, p]
            anchor = np.float64(singles[2 * at + 2])
            passed = ts[b] - (words[at] >> 16)
            count = words[at] & _MOST
            lasted = np.int64(0)
            if count > 0 and abs(value - anchor) <= numbers[0] and passed <= table.gap[q]:
                lasted = halves[2 * at + 3] + passed
                if lasted > LONGEST:
                    lasted = np.int64(LONGEST)
                if count < _MOST:
                    count += 1
            else:
                count = np.int64(1)
                singles[2 * at + 2] = value
                anchor = value
            excused = gate >= 0 and values[b, gate] == numbers[1]
            for k in range(EXCEPTIONS):
                excused |= abs(value - numbers[2 + k]) <= numbers[0]
            if excused:
                count, lasted = np.int64(0), np.int64(0)
            words[at] = ts[b] * 65_536 + count
            halves[2 * at + 3] = lasted
            measure = lasted / 1000.0 if count >= table.ints[q, p, 0] else 0.0
            x[i, b] = measure
            if measure >= table.quiet[q, p] or speaks or rows.active[b]:
                speaks |= rows.active[b] == 0
                extra[i, b, 0] = value
                extra[i, b, 1] = count
                extra[i, b, 2] = anchor


class StuckTwin:
    """The measure of one channel: each reading of the stretch in a list."""

    def __init__(self, rule: StuckRule, duty: Duty, channel: int) -> None:
        self.rule, self.duty, self.signal = rule, duty, rule.signals[channel]
        self.stretch: list[tuple[int, float]] = []

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        rule, value = self.rule, float(np.float32(values[self.signal]))
        within = float(np.float32(rule.within))
        if self.stretch:
            moved = abs(value - self.stretch[0][1]) > within
            if moved or ts - self.stretch[-1][0] > self.duty.gap:
                self.stretch = []
        self.stretch.append((ts, value))
        if any(abs(value - float(np.float32(e))) <= within for e in rule.except_at) or (
            rule.unless is not None and values.get(rule.unless.signal) == rule.unless.equals
        ):
            self.stretch = []
        if len(self.stretch) < rule.least_readings:
            return 0.0
        return min(ts - self.stretch[0][0], LONGEST) / 1000


def _reals(rule: StuckRule, duty: Duty) -> tuple[float, ...]:
    del duty
    normal = [float(np.float32(e)) for e in rule.except_at]
    padding = [nan] * (EXCEPTIONS - len(normal))
    return (float(np.float32(rule.within)), rule.unless.equals if rule.unless else 0.0, *normal, *padding)


KIND = Kind(
    rule=StuckRule,
    inputs=lambda r: tuple((s, r.unless.signal if r.unless else "") for s in r.signals),
    words=lambda _: WORDS,
    ints=lambda r, _: (r.least_readings,),
    reals=_reals,
    kernel=kernel,
    twin=StuckTwin,
    unit=lambda _: "s",
    evidence=lambda _, extras: {"reading": extras[0], "readings": extras[1], "since_value": extras[2]},
    steps=lambda r: r.steps,
)
