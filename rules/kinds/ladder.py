"""The ladder: what a measure means. Steps are proven by limit and hold, released by clear level and clear hold.

One ladder serves all kinds. It keeps memory only for what is held or pending: an *episode* of one program (a rule's
channel) for one device begins with the first measure at a limit and ends when nothing is held or pending any more. A
quiet device costs one comparison for each measure.

Words of an episode: next episode of the device, program, last time, mask of held steps with flags, last measure,
first and greatest measure of the episode, device, then one time for each step: since when its condition is true, or,
if the step is held, since when the measure has been below its clear level.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled, inner
from rules.kinds.definition import MAX_STEPS
from rules.kinds.kernel import EXTRAS, LATE, NONE

NEXT, PROGRAM, LAST, META, LAST_VALUE, FIRST, PEAK, DEVICE, EDGES = range(9)
EPISODE_WORDS = EDGES + MAX_STEPS

HELD = 0xFF
IS_PROMPT = 0x100

PROMPT_MS = 10_000
"""A reading received within this time of its event is a statement about the present."""

STANDING_MS = 60_000
"""A last reading stands at most so long (or one reporting interval, if that is shorter)."""

BY_READING, BY_STANDING, BY_GATE, BY_WILL, BY_SILENCE = range(5)
"""What proved a transition; words for people in `rules.evidence`."""

NEVER = int(np.iinfo(np.int64).max)
"""No deadline."""

# Columns of a device's header: one cache line.
NEWEST, HEARD, OFFLINE, ENTERED, BASE, SHAPE, DUTY, ACTIVE = range(8)
HEADER_WORDS = 8

# Columns of Out.ints; Out.floats holds the measure, first, peak, and the extras.
T_ROW, T_DEVICE, T_PROGRAM, T_BEFORE, T_AFTER, T_LATE, T_REASON, T_TS, T_SINCE, T_RECEIVED, T_GAP = range(11)
T_INTS, T_FLOATS = 11, 3 + EXTRAS

DONE, ROOM, EPISODES = 0, 1, 2
"""Why a kernel stopped: all seen, no room for transitions, no free episode. It goes on where it stopped."""


class Ladders(NamedTuple):
    """All programs' steps as data; g programs, s steps in all, q duties. Limits are times the kind's sign.

    Attributes:
        steps: int64[g+1], bounds of each program's steps.
        limit, clear: float64[q, s]; NaN where the rule does not apply.
        hold, clear_hold: int64[q, s], ms.
        alone: uint8[q, s], whether one reading proves the step.
        quiet: float64[q, g], the lowest limit; NaN where the rule does not apply.
        lowest: float64[g], the lowest of all duties.
        life: uint8[g], whether last readings stand.
        gap, interval: int64[q], as in `Table`.
    """

    steps: NDArray[np.int64]
    limit: NDArray[np.float64]
    clear: NDArray[np.float64]
    hold: NDArray[np.int64]
    clear_hold: NDArray[np.int64]
    alone: NDArray[np.uint8]
    quiet: NDArray[np.float64]
    lowest: NDArray[np.float64]
    life: NDArray[np.uint8]
    gap: NDArray[np.int64]
    interval: NDArray[np.int64]


class Devices(NamedTuple):
    """What ladders and silence keep of the devices; m devices.

    Attributes:
        header: int64[m, HEADER_WORDS].
        due: int64[m], the next tick at which the device must be looked at; may be early, never late.
        episodes: int64[room, EPISODE_WORDS].
        free: int64[1], first free episode; -1 if none. Free ones are linked by NEXT.
    """

    header: NDArray[np.int64]
    due: NDArray[np.int64]
    episodes: NDArray[np.int64]
    free: NDArray[np.int64]


class Out(NamedTuple):
    """Room for transitions: int64[k, T_INTS] and float64[k, T_FLOATS]."""

    ints: NDArray[np.int64]
    floats: NDArray[np.float64]


@inner
def top_step(meta):  # type: ignore[no-untyped-def]  # compiled
    """Highest held step, or -1."""
    mask = meta & HELD
    top = np.int64(-1)
    while mask > 0:
        mask >>= 1
        top += 1
    return top


@inner
def find_episode(devices, d, g):  # type: ignore[no-untyped-def]  # compiled
    """The episode of program g of device d, or -1."""
    e = devices.header[d, ACTIVE]
    while e >= 0 and devices.episodes[e, PROGRAM] != g:
        e = devices.episodes[e, NEXT]
    return e


@inner
def begin_episode(devices, d, g):  # type: ignore[no-untyped-def]  # compiled
    """Take a free episode for program g of device d; the caller has seen that there is one."""
    e = devices.free[0]
    devices.free[0] = devices.episodes[e, NEXT]
    for word in range(EPISODE_WORDS):
        devices.episodes[e, word] = NONE
    devices.episodes[e, NEXT] = devices.header[d, ACTIVE]
    devices.episodes[e, PROGRAM] = g
    devices.episodes[e, DEVICE] = d
    devices.episodes[e, META] = 0
    devices.header[d, ACTIVE] = e
    return e


@inner
def end_episode(devices, d, e):  # type: ignore[no-untyped-def]  # compiled
    """Give an episode back."""
    episodes = devices.episodes
    at = devices.header[d, ACTIVE]
    if at == e:
        devices.header[d, ACTIVE] = episodes[e, NEXT]
    else:
        while episodes[at, NEXT] != e:
            at = episodes[at, NEXT]
        episodes[at, NEXT] = episodes[e, NEXT]
    episodes[e, NEXT] = devices.free[0]
    episodes[e, DEVICE] = -1
    devices.free[0] = e


@inner
def say(out, k, row, d, g, before, after, late, reason, ts, since, received, gap):  # type: ignore[no-untyped-def]  # compiled
    """Write the whole numbers of transition k, and NaN for the measured ones."""
    line = out.ints[k]
    line[0] = row
    line[1] = d
    line[2] = g
    line[3] = before
    line[4] = after
    line[5] = late
    line[6] = reason
    line[7] = ts
    line[8] = since
    line[9] = received
    line[10] = gap
    for i in range(T_FLOATS):
        out.floats[k, i] = np.nan


@inner
def measured(out, k, value, first, peak, extra, i, b):  # type: ignore[no-untyped-def]  # compiled
    """Write the measured numbers of transition k."""
    line = out.floats[k]
    line[0] = value
    line[1] = first
    line[2] = peak
    for j in range(EXTRAS):
        line[3 + j] = extra[i, b, j]


@inner
def advance(words, floats, ladders, g, q, ts, received, value):  # type: ignore[no-untyped-def]  # compiled
    """Take one in-order measure into an episode.

    Args:
        words, floats: the episode's words, and the same memory as float64.

    Returns:
        (top step before, top step after, since when the deciding condition has been true, gap in ms to the measure
        before, whether the episode is over, earliest time at which standing alone may prove a hold).
    """
    first, beyond = ladders.steps[g], ladders.steps[g + 1]
    meta = words[META]
    before = top_step(meta)
    gap = 0 if words[LAST] == NONE else ts - words[LAST]
    broken = gap > ladders.gap[q]
    mask = meta & HELD
    going_on = mask != 0
    since_up, since_down = NONE, NONE
    pending = False
    deadline = NEVER
    for s in range(first, beyond):
        k = s - first
        edge = words[EDGES + k]
        if broken:
            edge = NONE  # what happened in the gap is unknown
        elif edge != NONE:
            going_on = True
        if (mask >> k) & 1:
            if value < ladders.clear[q, s] and not value >= ladders.limit[q, s]:
                if edge == NONE:
                    edge = ts
                if ts - edge >= ladders.clear_hold[q, s]:
                    mask &= ~(1 << k)
                    since_down = edge
                    edge = NONE
            else:
                edge = NONE
        elif value >= ladders.limit[q, s]:
            if edge == NONE:
                edge = ts
            if ts - edge >= ladders.hold[q, s]:
                mask |= 1 << k
                since_up = edge
                edge = NONE
            else:
                deadline = min(deadline, edge + ladders.hold[q, s])
        else:
            edge = NONE
        words[EDGES + k] = edge
        pending |= edge != NONE
    if going_on:
        floats[PEAK] = max(floats[PEAK], value)
    else:
        floats[FIRST] = value
        floats[PEAK] = value
    words[META] = mask | (IS_PROMPT if received - ts <= PROMPT_MS else 0)
    words[LAST] = ts
    floats[LAST_VALUE] = value
    after = top_step(mask)
    return before, after, since_up if after > before else since_down, gap, mask == 0 and not pending, deadline


@compiled
def climb(begin_at, begin_row, resumed, rows, device, received, devices, ladders, programs, x, extra, out):  # type: ignore[no-untyped-def]  # compiled
    """Take all measures of a frame to their ladders.

    Args:
        begin_at, begin_row: where to begin in `programs` and in its rows.
        resumed: whether the call goes on after a stop.
        device: int64[n], row of `devices`.
        received: int64[n], UTC ms.
        programs: int64[k], program of each row of `x`.
        x, extra: as kernels leave them.

    Returns:
        (transitions written, where it stopped in `programs` and in rows, why).
    """
    count = np.int64(0)
    room = out.ints.shape[0]
    n = x.shape[1]
    # Taken out of the tuples once: within the loops each would cost a count of references.
    duty, active, quiet, lowest = rows.duty, rows.active, ladders.quiet, ladders.lowest
    touched = np.empty(n, np.int64)
    busy = 0
    for b in range(n):
        touched[busy] = b
        busy += active[b]
    for i in range(begin_at, len(programs)):
        g = programs[i]
        # Nearly always nothing reaches any device's lowest limit; this loop is one compare for each measure.
        floor = lowest[g]
        reached = resumed
        for b in range(n):
            reached |= x[i, b] >= floor
        fresh = resumed
        for j in range(begin_row if i == begin_at else 0, n if reached else busy):
            b = j if reached else touched[j]
            value = x[i, b]
            q = duty[b]
            reaches = value >= quiet[q, g]
            if not reaches and not active[b] and not fresh:
                continue
            if np.isnan(value) or np.isnan(quiet[q, g]):
                continue
            if count == room:
                return count, i, b, ROOM
            d = device[b]
            ts = rows.ts[b]
            if rows.order[b] == LATE:
                step = np.int64(-1)
                for s in range(ladders.steps[g], ladders.steps[g + 1]):
                    if ladders.alone[q, s] and value >= ladders.limit[q, s]:
                        step = s - ladders.steps[g]
                if step >= 0:
                    say(out, count, b, d, g, -1, step, 1, BY_READING, ts, ts, received[b], 0)
                    measured(out, count, value, value, value, extra, i, b)
                    count += 1
                continue
            e = find_episode(devices, d, g)
            if e < 0:
                if not reaches:
                    continue
                if devices.free[0] < 0:
                    return count, i, b, EPISODES
                e = begin_episode(devices, d, g)
                fresh = True
            words = devices.episodes[e]
            floats = words.view(np.float64)
            before, after, since, gap, over, deadline = advance(words, floats, ladders, g, q, ts, received[b], value)
            if ladders.life[g]:
                devices.due[d] = min(devices.due[d], deadline)
            if after != before:
                reason = BY_GATE if value == -np.inf else BY_READING
                say(out, count, b, d, g, before, after, 0, reason, ts, since, received[b], gap)
                measured(out, count, value, floats[FIRST], floats[PEAK], extra, i, b)
                count += 1
            if over:
                end_episode(devices, d, e)
    return count, len(programs), 0, DONE


@inner
def stand(devices, ladders, d, now, out, count):  # type: ignore[no-untyped-def]  # compiled
    """Let device d's last readings prove the holds of `life` rules at a tick: a burning house goes quiet.

    The caller has room for one transition for each of the device's episodes.

    Returns:
        (transitions written in all, next time at which a hold may be proven).
    """
    deadline = NEVER
    e = devices.header[d, ACTIVE]
    q = devices.header[d, DUTY]
    while e >= 0:
        words = devices.episodes[e]
        g = words[PROGRAM]
        # Silences have episodes too, but no ladder.
        if g < len(ladders.life) and ladders.life[g] and words[META] & IS_PROMPT \
                and now - words[LAST] <= min(ladders.interval[q], STANDING_MS):  # fmt: skip
            before = top_step(words[META])
            step, since = np.int64(-1), np.int64(NONE)
            for s in range(ladders.steps[g], ladders.steps[g + 1]):
                k = s - ladders.steps[g]
                edge = words[EDGES + k]
                if (words[META] >> k) & 1 or edge == NONE:
                    continue
                if now - edge < ladders.hold[q, s]:
                    deadline = min(deadline, edge + ladders.hold[q, s])
                    continue
                words[META] |= 1 << k
                words[EDGES + k] = NONE
                step, since = k, edge
            if step > before:
                floats = words.view(np.float64)
                say(out, count, d, d, g, before, step, 0, BY_STANDING, now, since, now, now - words[LAST])
                out.floats[count, 0] = floats[LAST_VALUE]
                out.floats[count, 1] = floats[FIRST]
                out.floats[count, 2] = floats[PEAK]
                count += 1
        e = words[NEXT]
    return count, deadline
