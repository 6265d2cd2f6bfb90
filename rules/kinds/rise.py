"""Rate-of-rise rules: a robust slope over the latest two minutes, and a ladder over the slope.

The slope is the median of the slopes between all pairs of samples (Theil 1950, Sen 1968): of five samples or more it
does not follow a single wild one. It needs no model of what is measured.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from rules.kinds.batch import BY_READING, IN_ORDER, NONE
from rules.kinds.definition import LadderRule, Limit, Model, QuantityName, Seconds
from rules.kinds.ladder import EDGES, advance, gap_limit_of, level_of, measure, top_step, write

SAMPLES = 16
WINDOW_MS = 120_000
APART_MS = WINDOW_MS // (SAMPLES - 1)
"""Samples closer together than this are passed over, so that the ring always reaches back over the window."""

FEWEST = 5
"""With fewer samples one wild value could carry the median."""

RING_WORDS = 2 + SAMPLES
"""Words behind the ladder's: time of the newest sample, count, offsets (int32) from it, values (float32)."""

TROUGH, STEPPED = 0, 1
"""Words of a device's load: the lowest current since the last step up, and when that step was."""


class LoadStep(Model):
    """A step up of the load explains a rise: for `hold` s after the current rose by `by` from its trough."""

    signals: tuple[QuantityName, ...]
    by: Limit
    hold: Seconds


class RiseRule(LadderRule):
    """A quantity that rises faster than a limit, in its unit per minute, over 2 min and at least 5 samples."""

    kind: Literal["rise"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    inhibit: LoadStep | None = None


class Loads(NamedTuple):
    """The inhibitions as data; r rules, q duties, c columns of current for each rule.

    Attributes:
        slot: int64[r], column of `State.slot` that keeps the load; -1 without inhibition.
        by: float64[q, r], A. hold: int64[r], ms.
        channels: int64[r+1], bounds of each rule's current columns.
    """

    slot: NDArray[np.int64]
    by: NDArray[np.float64]
    hold: NDArray[np.int64]
    channels: NDArray[np.int64]


@njit(cache=True)
def keep_sample(state, at, d, ts, value):  # type: ignore[no-untyped-def]  # compiled
    """Put a sample into the ring at word `at`, oldest first; False if it came too soon after the last."""
    ints, offsets, values = state.ints, state.halves, state.singles
    newest, count = ints[at], ints[at + 1]
    if count == NONE:
        count = 0
    where = 2 * (at + 2)
    if count > 0:
        gap = ts - newest
        if gap < APART_MS:
            return False
        if gap > gap_limit_of(state.interval[d], state.mains[d] != 0):
            count = 0
        else:
            drop = 1 if count == SAMPLES else 0
            for i in range(drop, count):
                offsets[where + i - drop] = offsets[where + i] - gap
                values[where + SAMPLES + i - drop] = values[where + SAMPLES + i]
            count -= drop
    offsets[where + count] = 0
    values[where + SAMPLES + count] = value
    ints[at], ints[at + 1] = ts, count + 1
    return True


@njit(cache=True)
def slope(state, at, least, room):  # type: ignore[no-untyped-def]  # compiled
    """Median slope per minute over the latest samples that cover the window.

    Args:
        least: a median below this need not be known exactly; -inf: it must.
        room: float64[SAMPLES * (SAMPLES - 1) / 2], scratch.

    Returns:
        (slope, samples used, span in ms); the slope is NaN while the samples do not cover the window, and -inf if it
        is below `least`.
    """
    offsets, values = state.halves, state.singles
    count = state.ints[at + 1]
    where = 2 * (at + 2)
    begin = count - 1
    while begin >= 0 and (-offsets[where + begin] < WINDOW_MS or count - begin < FEWEST):
        begin -= 1
    if begin < 0:
        return np.nan, count, 0
    n = (count - begin) * (count - begin - 1) // 2
    if least != -np.inf:
        # The quiet way, taken nearly always: too few steep pairs for a steep median, so nothing need be divided or
        # sorted. A hair below the limit counts as steep, so that rounding cannot hide one.
        bar = (least - 1e-6) / 60_000.0
        for i in range(begin, count):
            room[i] = np.float64(values[where + SAMPLES + i]) - bar * np.float64(offsets[where + i])
        steep = 0
        for j in range(begin + 1, count):
            for i in range(begin, j):
                steep += room[j] >= room[i]
        if steep < n - n // 2:
            return -np.inf, count - begin, -offsets[where + begin]
    n = 0
    for j in range(begin + 1, count):
        for i in range(begin, j):
            rise = np.float64(values[where + SAMPLES + j]) - np.float64(values[where + SAMPLES + i])
            room[n] = rise / np.float64(offsets[where + j] - offsets[where + i]) * 60_000.0
            n += 1
    for j in range(1, n):
        new = room[j]
        i = j
        while i > 0 and room[i - 1] > new:
            room[i] = room[i - 1]
            i -= 1
        room[i] = new
    middle = room[n // 2] if n % 2 else (room[n // 2 - 1] + room[n // 2]) / 2
    return middle, count - begin, -offsets[where + begin]


@njit(cache=True)
def rises(start, rows, columns, load_columns, state, table, loads, out):  # type: ignore[no-untyped-def]  # compiled
    """Evaluate every rise rule over the rows from `start` on; see `thresholds`. Late rows are passed over.

    Args:
        load_columns: int64, the frame's column of each current named by an inhibition; -1 if the frame has none.
    """
    k = 0
    rules = len(table.rule)
    n = len(rows.device)
    room = np.empty(SAMPLES * (SAMPLES - 1) // 2)
    for i in range(start, n):
        if k + rules > out.ints.shape[0]:
            return k, i
        d = rows.device[i]
        if d < 0 or rows.order[i] != IN_ORDER:
            continue
        ts = rows.ts[i]
        for r in range(rules):
            inhibited = False
            at_load = state.slot[d, loads.slot[r]] if loads.slot[r] >= 0 else -1
            if at_load >= 0:
                load = np.nan
                for j in range(loads.channels[r], loads.channels[r + 1]):
                    if load_columns[j] >= 0:
                        flowing = rows.values[i, load_columns[j]]
                        if not load >= flowing and not np.isnan(flowing):
                            load = flowing
                if not np.isnan(load):
                    trough = state.floats[at_load + TROUGH]
                    known = state.ints[at_load + STEPPED] != NONE
                    if not known:
                        # Nothing is known of the load before: far past, so that it does not inhibit.
                        state.ints[at_load + STEPPED] = ts - loads.hold[r] - 1
                    up = known and load >= trough + loads.by[state.duty[d], r]
                    if up:
                        state.ints[at_load + STEPPED] = ts
                    if not known or load < trough or up:
                        state.floats[at_load + TROUGH] = load
                stepped = state.ints[at_load + STEPPED]
                inhibited = stepped != NONE and ts - stepped < loads.hold[r]
            before = -1
            deciding, deciding_step, value, since, gap, used, span = -1, -1, 0.0, 0, 0, 0, 0
            best = -1
            first = table.steps[r]
            for j in range(table.channels[r], table.channels[r + 1]):
                if columns[j] < 0:
                    continue
                at = state.slot[d, table.slot[j]]
                sample = rows.values[i, columns[j]]
                if at < 0 or np.isnan(sample):
                    continue
                ring = at + EDGES + table.steps[r + 1] - first
                if not keep_sample(state, ring, d, ts, sample) or inhibited:
                    continue
                # While nothing is held or pending, a slope below the first limit changes nothing.
                least = table.limit[state.duty[d], first]
                if top_step(state.ints[at + 1]) >= 0:
                    least = -np.inf
                for s in range(table.steps[r + 1] - first):
                    if state.ints[at + EDGES + s] != NONE:
                        least = -np.inf
                    least = min(least, table.limit[state.duty[d], first + s])
                rate, samples, covered = slope(state, ring, least, room)
                if np.isnan(rate):
                    continue
                if before < 0:
                    before = level_of(state, table, d, r, 0)
                was, now, began, apart = advance(state, table, at, d, r, ts, rows.received[i], rate, 0)
                # Up is named by the worst channel, down by the one that was worst.
                weight = 8 + now if now > was else was
                if now != was and weight > best:
                    best = weight
                    deciding, value, since, gap, used, span = j, rate, began, apart, samples, covered
                    deciding_step = max(was, now)
            if best < 0:
                continue
            after = level_of(state, table, d, r, 0)
            if after == before:
                continue
            at = state.slot[d, table.slot[deciding]]
            write(out, k, i, d, table.rule[r], deciding - table.channels[r], deciding_step, after, before, 0,
                  BY_READING, ts, since, rows.received[i], gap)  # fmt: skip
            measure(out, k, 1.0, value, table.limit[state.duty[d], first + deciding_step],
                    table.clear[state.duty[d], first + deciding_step], state.floats[at + 3], state.floats[at + 4],
                    used, span / 1000)  # fmt: skip
            k += 1
    return k, n


@dataclass(slots=True)
class RingTwin:
    """Ring and slope of one channel, slowly."""

    gap_limit: int
    samples: list[tuple[int, float]] = field(default_factory=list)

    def keep(self, ts: int, value: float) -> bool:
        """As `keep_sample`."""
        if self.samples and ts - self.samples[-1][0] < APART_MS:
            return False
        if self.samples and ts - self.samples[-1][0] > self.gap_limit:
            self.samples = []
        self.samples = [*self.samples, (ts, float(np.float32(value)))][-SAMPLES:]
        return True

    def slope(self) -> float | None:
        """As `slope`; None while the samples do not cover the window."""
        for fewest in range(FEWEST, len(self.samples) + 1):
            part = self.samples[-fewest:]
            if part[-1][0] - part[0][0] >= WINDOW_MS:
                pairs = [(a, b) for k, b in enumerate(part) for a in part[:k]]
                return float(np.median([(b[1] - a[1]) / (b[0] - a[0]) * 60_000.0 for a, b in pairs]))
        return None


@dataclass(slots=True)
class LoadTwin:
    """Whether the load stepped up lately, slowly: the lowest current since the last step is the reference."""

    by: float
    hold: int
    since_step: list[float] = field(default_factory=list)
    stepped: int | None = None

    def reading(self, ts: int, load: float) -> None:
        """Take one current, A."""
        if self.since_step and load >= min(self.since_step) + self.by:
            self.stepped, self.since_step = ts, []
        self.since_step.append(load)

    def inhibits(self, ts: int) -> bool:
        """Whether a rise at `ts` is explained by the load."""
        return self.stepped is not None and ts - self.stepped < self.hold
