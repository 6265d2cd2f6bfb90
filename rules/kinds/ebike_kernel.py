"""The kernel of e-bike rules, and what it keeps; the measure is described in `rules.kinds.ebike`.

Words: ms of the last reading; then int32 and float32 by the numbers below, counted in halves of a word.
"""

# mypy: allow-untyped-calls
# Compiled functions carry no annotations where numba finds the types.

import numpy as np

from community.compiler import compiled, inner
from rules.kinds.clock_time import in_span
from rules.kinds.kernel import IN_ORDER
from rules.kinds.local_time import local_ms

AGE, PLATEAU = 2, 3
"""ms since the step, ms on the plateau (int32)."""
BASE, STEP = 4, 5
"""W (float32)."""
DECAY = 6
"""Until the step has settled, the nonactive power of the base, var (float32); then ms from the step to the decay, -1
before it (int32)."""
LOW = 7
"""Lowest level since the plateau, W above the base (float32)."""
AWAY, MODE = 8, 9
"""ms away from the level; mode, and 8 times how much evidence is missing (int32)."""
WORDS = 5

NEW, WAITING, SETTLING, CHARGING, DONE = range(5)

SETTLE = 120_000
"""ms until the level of a step is taken as read."""

CREEP = 600_000.0
"""ms, time constant with which the level follows upwards; downwards ten times as slowly, so that decay is seen."""

SUDDEN = 120_000
"""ms below the tail without a decay: it was switched off."""

STAND = 3_600_000
"""ms for which the score stands after the tail."""

SHALLOW = 0.7
"""Fraction of the step; from a decay below it nothing leads back to the plateau but another load on top."""

SHORTFALL = 0.15
"""Score missing for each kind of evidence that is missing."""

LONGEST = 86_400_000
"""ms, more than any span that is compared with: longer ones are cut to it, and fit their int32."""


@inner
def nonactive(power: float, factor: float) -> float:
    """sqrt(S² - P²), var, of a power (W) and its factor; NaN without a factor that can be used."""
    if not abs(factor) >= 0.05:
        return np.nan
    return float(abs(power) * np.sqrt(max(0.0, 1.0 / (factor * factor) - 1.0)))


@inner
def missing_of_factor(step: float, before: float, after: float) -> int:
    """What the power factor says of a step: 0 it is a charger's, 1 it may be, 2 it is none.

    Args:
        step: W.
        before, after: nonactive power, var; NaN if not known.
    """
    if np.isnan(before) or np.isnan(after):
        return 1
    least = abs(after - before)
    most = np.sqrt(abs(after * after - before * before))
    high = step / np.sqrt(step * step + least * least)
    low = step / np.sqrt(step * step + most * most)
    if low <= 0.75 and high >= 0.5:
        return 0
    return 1 if high >= 0.9 else 2


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: step W, plateau min, present power above base W, score."""
    halves, singles = words.view(np.int32), words.view(np.float32)
    for i in range(len(table.present)):
        p = table.present[i]
        column, column_factor = table.columns[p, 0], table.columns[p, 1]
        spoke = False
        for b in range(len(rows.ts)):
            power = rows.values[b, column]
            at = np.int64(table.offset[rows.shape[b], p])
            if rows.order[b] != IN_ORDER or at < 0 or np.isnan(power):
                x[i, b] = np.nan
                continue
            at += rows.base[b]
            ts, q, w = rows.ts[b], rows.duty[b], 2 * at
            dt = ts - words[at]
            broken = dt > table.gap[q]
            dt = min(dt, LONGEST)
            words[at] = ts
            mode = np.int64(halves[w + MODE])
            mode, missing = mode & 7, mode >> 3
            away = np.int64(halves[w + AWAY]) + dt
            step = np.float64(singles[w + STEP])
            base = np.float64(singles[w + BASE])
            excess = power - base
            noise = table.reals[q, p, 3]
            level = power
            score, plateau = 0.0, np.int64(0)
            ends = False
            if mode <= WAITING:
                if mode == NEW or broken or excess < -noise:
                    ends = True
                elif excess <= noise:
                    ends = True
                    level = base + excess / 4.0
                else:
                    ints, reals = table.ints[q, p], table.reals[q, p]
                    if excess >= reals[0] and excess <= reals[1] and (away == dt or away <= ints[0]):
                        local = local_ms(ts, table.zone[q], table.zones)
                        halves[w + MODE] = SETTLING + (0 if in_span(local, ints[7], ints[8]) else 8)
                        halves[w + AGE] = 0
                        halves[w + AWAY] = 0
                    elif away > ints[0]:
                        ends = True
                    else:
                        halves[w + AWAY] = away
            else:
                ints, reals = table.ints[q, p], table.reals[q, p]
                age = halves[w + AGE] + dt
                plateau = np.int64(halves[w + PLATEAU])
                since = np.int64(halves[w + DECAY])
                low = np.float64(singles[w + LOW])
                if mode == SETTLING:
                    ends = broken or excess < reals[0] or excess > reals[1]
                    away = np.int64(0)
                    if age >= SETTLE and not ends:
                        after = np.nan
                        if column_factor >= 0:
                            after = nonactive(power, rows.values[b, column_factor])
                        says = missing_of_factor(excess, np.float64(singles[w + DECAY]), after)
                        ends = says == 2
                        mode, missing = np.int64(CHARGING), missing + says
                        step, low, since, plateau = excess, excess, np.int64(-1), np.int64(0)
                elif mode == CHARGING:
                    band = max(noise, reals[2] * step)
                    if away > ints[6] or age > ints[5]:
                        ends = True
                    elif abs(excess - step) <= band and low > SHALLOW * step:
                        if away == dt and not broken:
                            plateau += dt
                            slow = CREEP if excess > step else 10.0 * CREEP
                            step += (excess - step) * min(1.0, dt / slow)
                        low, since, away = step, np.int64(-1), np.int64(0)
                    elif excess <= low + band and excess >= low - band - reals[5] * step * away:
                        if since < 0:
                            since = age - away
                        low, away = np.float64(np.float32(min(low, excess))), np.int64(0)
                        ends = age - since > ints[4]
                        if low <= reals[4] * step:
                            mode = np.int64(DONE)
                            ends |= age - since < ints[3] or plateau < ints[2] or age < ints[9]
                    else:
                        ends = away > SUDDEN and excess < reals[4] * step
                else:
                    ends = away > STAND
                halves[w + AGE] = age
                halves[w + PLATEAU] = plateau
                halves[w + AWAY] = away
                halves[w + MODE] = mode + 8 * missing
                singles[w + STEP] = step
                singles[w + LOW] = low
                if mode == CHARGING:
                    halves[w + DECAY] = since
                    score = (0.6 - SHORTFALL * missing) * min(1.0, plateau / np.float64(ints[1]))
                    deep = since >= 0 and age - since >= ints[3] // 2 and low <= SHALLOW * step
                    if deep and plateau >= ints[2]:
                        score = 0.8 - SHORTFALL * missing
                elif mode == DONE:
                    score = 1.0 - SHORTFALL * missing
            if ends:
                score = 0.0
                halves[w + MODE] = WAITING
                halves[w + AWAY] = 0
                singles[w + BASE] = level
                if column_factor >= 0:
                    singles[w + DECAY] = nonactive(power, rows.values[b, column_factor])
                else:
                    singles[w + DECAY] = np.nan
            x[i, b] = score
            spoke |= score >= table.quiet[q, p]
            if spoke or rows.active[b]:
                extra[i, b, 0] = step
                extra[i, b, 1] = plateau / 60_000.0
                extra[i, b, 2] = excess
                extra[i, b, 3] = score
