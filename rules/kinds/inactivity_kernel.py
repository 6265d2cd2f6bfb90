"""The kernel of inactivity rules, and what it keeps; the measure is described in `rules.kinds.inactivity`."""

# mypy: allow-untyped-calls
# Compiled functions carry no annotations where numba finds the types.

import numpy as np

from community.compiler import compiled, inner
from rules.kinds.clock_time import in_span
from rules.kinds.kernel import IN_ORDER
from rules.kinds.local_time import DAY, local_ms

LAST, IDLE, LEVELS, CYCLES, NORM, USUAL, WORDS = range(7)
"""Words: ms of the last sample; ms without activity (int32) and a level to be confirmed, W (float32, NaN: none); level
and spread, W (float32); sizes of two cycling loads, W (uint16), their votes (octets 4 and 5) and samples of this day,
with AWAY (uint16); mean power of a usual day and of this day, W (float32); longest usual gap, h, and last step of
activity, W (float32). A spread of 0 marks that nothing was seen yet."""

AWAY = 0x8000
"""Mark beside the count of samples: the home seems left."""

COUNT = 0x7FFF
"""Room for samples of a day; 10 s apart they are at most 8,640."""

APART = 10_000
"""ms; samples that come sooner are passed over, so that a compressor's inrush is not a level."""

AT_ONCE = 30_000
"""ms; a change between samples further apart than this needs no confirmation by a second one."""

LEARNT, MOST_VOTES = 8, 60
"""Votes from which a load's cycles are known (four cycles), and most that it may have."""

ENOUGH = 60
"""Samples without which a day's mean says nothing."""

DAYS = 28.0
"""Days over which the norm of the power forgets."""

USUAL_DAYS, MARGIN = 112.0, 1.1
"""Days over which a usual gap is forgotten (6 % in a week, so that Sundays are remembered), and its margin."""

MS_PER_HOUR = 3_600_000.0


@inner
def cycling(size, known, votes):  # type: ignore[no-untyped-def]  # compiled
    """Whether a change of power is that of a known cycling load: within 20 % and 15 W."""
    return votes > 0 and abs(size - known) <= max(15.0, 0.2 * known)


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: h without activity, last step of activity W, level W, whether the home seems left."""
    halves, singles = words.view(np.int32), words.view(np.float32)
    shorts, octets = words.view(np.uint16), words.view(np.uint8)
    for i in range(len(table.present)):
        p = table.present[i]
        column = table.columns[p, 0]
        for b in range(len(rows.ts)):
            x[i, b] = np.nan
            value = rows.values[b, column]
            at = np.int64(table.offset[rows.shape[b], p])
            if rows.order[b] != IN_ORDER or at < 0 or np.isnan(value):
                continue
            at += rows.base[b]
            ts, q = rows.ts[b], rows.duty[b]
            ints, reals = table.ints[q, p], table.reals[q, p]
            power = value * reals[0]
            spread = np.float64(singles[2 * at + 2 * LEVELS + 1])
            dt = ts - words[at + LAST]
            if spread == 0.0 or dt >= APART:
                words[at + LAST] = ts
                local = local_ms(ts, table.zone[q], table.zones)
                night = in_span(local, ints[0], ints[1])
                active = False
                if spread == 0.0:
                    spread = reals[1] / 3.0
                    singles[2 * at + 2 * LEVELS] = power
                    singles[2 * at + 2 * IDLE + 1] = np.nan
                elif dt > table.gap[q]:
                    singles[2 * at + 2 * LEVELS] = power
                    singles[2 * at + 2 * IDLE + 1] = np.nan
                else:
                    if not night:
                        halves[2 * at + 2 * IDLE] = min(np.int64(halves[2 * at + 2 * IDLE]) + dt, 2_000_000_000)
                    size = abs(power - np.float64(singles[2 * at + 2 * LEVELS]))
                    least = max(reals[1], 3.0 * spread)
                    spread += (min(size, least) - spread) / 32.0
                    waiting = np.float64(singles[2 * at + 2 * IDLE + 1])
                    if size <= least:
                        singles[2 * at + 2 * LEVELS] = power
                        singles[2 * at + 2 * IDLE + 1] = np.nan
                    elif dt < AT_ONCE and not abs(power - waiting) <= least:
                        singles[2 * at + 2 * IDLE + 1] = power
                    else:
                        singles[2 * at + 2 * LEVELS] = power
                        singles[2 * at + 2 * IDLE + 1] = np.nan
                        cycle = 4 * at + 4 * CYCLES
                        vote = 8 * at + 8 * CYCLES + 4
                        which = -1
                        for j in range(2):
                            if which < 0 and cycling(size, np.int64(shorts[cycle + j]), np.int64(octets[vote + j])):
                                which = j
                        active = which < 0 or octets[vote + which] < LEARNT
                        if night:
                            # Misra and Gries (1982): what more than a third of the night's steps agree on stays.
                            for j in range(2):
                                if which < 0 and octets[vote + j] == 0:
                                    which = j
                                    shorts[cycle + j] = np.int64(min(size, 65_535.0) + 0.5) & 0xFFFF
                            if which >= 0:
                                octets[vote + which] = min(np.int64(octets[vote + which]) + 1, MOST_VOTES)
                                known = np.float64(shorts[cycle + which])
                                shorts[cycle + which] = np.int64(known + (min(size, 65_535.0) - known) / 4.0 + 0.5)
                            else:
                                octets[vote] -= 1
                                octets[vote + 1] -= 1
                        if active:
                            singles[2 * at + 2 * USUAL + 1] = size
                singles[2 * at + 2 * LEVELS + 1] = max(spread, 0.001)

                samples = np.int64(shorts[4 * at + 4 * CYCLES + 3])
                away, count = samples & AWAY, samples & COUNT
                norm = np.float64(singles[2 * at + 2 * NORM])
                mean = np.float64(singles[2 * at + 2 * NORM + 1])
                if count > 0 and local // DAY != (local - dt) // DAY:
                    if count >= ENOUGH and away == 0:
                        norm = mean if norm == 0.0 else norm + (mean - norm) / DAYS
                        singles[2 * at + 2 * NORM] = norm
                    singles[2 * at + 2 * USUAL] = np.float64(singles[2 * at + 2 * USUAL]) * (1.0 - 1.0 / USUAL_DAYS)
                    count, mean = np.int64(0), np.float64(0.0)
                if count < COUNT:
                    count += 1
                    mean = np.float64(np.float32(mean + (power - mean) / count))
                    singles[2 * at + 2 * NORM + 1] = mean
                if count >= ENOUGH and local % DAY >= ints[1]:
                    away = np.int64(AWAY if mean < reals[2] * norm else 0)
                if active:
                    if away == 0:
                        usual = min(MARGIN * halves[2 * at + 2 * IDLE] / MS_PER_HOUR, reals[5])
                        singles[2 * at + 2 * USUAL] = max(np.float64(singles[2 * at + 2 * USUAL]), usual)
                    away = np.int64(0)
                    halves[2 * at + 2 * IDLE] = 0
                shorts[4 * at + 4 * CYCLES + 3] = away | count

            hours = halves[2 * at + 2 * IDLE] / MS_PER_HOUR
            left = (shorts[4 * at + 4 * CYCLES + 3] & AWAY) != 0
            x[i, b] = hours
            if hours <= np.float64(singles[2 * at + 2 * USUAL]):
                x[i, b] = 0.0
            elif left and hours < reals[4]:
                x[i, b] = min(hours, reals[3])
            extra[i, b, 0] = hours
            extra[i, b, 1] = np.float64(singles[2 * at + 2 * USUAL + 1])
            extra[i, b, 2] = np.float64(singles[2 * at + 2 * LEVELS])
            extra[i, b, 3] = 1.0 if left else 0.0
