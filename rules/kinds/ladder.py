"""A ladder of steps over one channel: proof by hold, release by clear level. Shared by several kinds.

Words of a channel's state: last time, flags and time of the last late finding, last value, first value and peak of
the present episode, then one time for each step: since when its condition is true, or, if the step is held, since
when the value has been beyond its clear level.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rules.kinds.batch import BY_STANDING, LATE_APART_MS, NONE, PROMPT_MS

LAST, META, LAST_VALUE, FIRST_VALUE, PEAK_VALUE, EDGES = range(6)
HELD = 0xFF
IS_PROMPT = 0x100
SENT_LATE = 0x200
LATE_SHIFT = 10  # the time of the last late finding stands above the flags

STANDING_MS = 60_000
"""A last reading stands at most so long (or one reporting interval, if that is shorter)."""


class Ladder(NamedTuple):
    """The rules of one kind as data: r rules, c channels, s steps in all, q duties.

    Attributes:
        rule: int64[r], number in the rulebook.
        channels: int64[r+1], bounds of each rule's channels.
        slot: int64[c], column of `State.slot`.
        steps: int64[r+1], bounds of each rule's steps.
        severity, hold, clear_hold: int64[s]; ms.
        alone: uint8[s], whether one reading proves it.
        sign: float64[r]; limits and clear levels are stored times sign, so that greater is always worse.
        limit, clear: float64[q, s]; NaN where the rule does not apply.
        life: uint8[r].
    """

    rule: NDArray[np.int64]
    channels: NDArray[np.int64]
    slot: NDArray[np.int64]
    steps: NDArray[np.int64]
    severity: NDArray[np.int64]
    hold: NDArray[np.int64]
    clear_hold: NDArray[np.int64]
    alone: NDArray[np.uint8]
    sign: NDArray[np.float64]
    limit: NDArray[np.float64]
    clear: NDArray[np.float64]
    life: NDArray[np.uint8]


@njit(cache=True)
def gap_limit_of(interval, mains):  # type: ignore[no-untyped-def]  # compiled; types come from the call
    """`rules.kinds.batch.gap_limit`, compiled."""
    if mains:
        return max(3 * interval, 180_000)
    return interval + 3_600_000


@njit(cache=True)
def top_step(meta):  # type: ignore[no-untyped-def]  # compiled
    """Highest held step, or -1."""
    top = -1
    if meta != NONE:
        mask = meta & HELD
        while mask:
            mask >>= 1
            top += 1
    return top


@njit(cache=True)
def level_of(state, table, d, r, without):  # type: ignore[no-untyped-def]  # compiled
    """Severity of rule r for device d: the worst of its channels, but those in the bit mask `without`."""
    level = 0
    for j in range(table.channels[r], table.channels[r + 1]):
        if (without >> (j - table.channels[r])) & 1:
            continue
        at = state.slot[d, table.slot[j]]
        if at >= 0:
            top = top_step(state.ints[at + META])
            if top >= 0:
                level = max(level, table.severity[table.steps[r] + top])
    return level


@njit(cache=True)
def advance(state, table, at, d, r, ts, received, value, forced):  # type: ignore[no-untyped-def]  # compiled
    """Take one in-order value (times sign) into the channel at `at`.

    Args:
        forced: bit mask of steps whose condition is true for another reason than the value.

    Returns:
        (top step before, top step after, since when the top step's condition is true or the clearing began,
        gap to the reading before in ms).
    """
    ints, floats = state.ints, state.floats
    first, last = table.steps[r], table.steps[r + 1]
    meta = ints[at + META]
    if meta == NONE:
        meta = 0
    before = top_step(meta)
    gap = 0 if ints[at + LAST] == NONE else ts - ints[at + LAST]
    broken = gap > gap_limit_of(state.interval[d], state.mains[d] != 0)
    episode = (meta & HELD) != 0
    since_up = NONE
    since_down = NONE
    mask = meta & HELD
    for s in range(first, last):
        k = s - first
        edge = ints[at + EDGES + k]
        if broken:
            edge = NONE  # what happened in the gap is unknown
        elif edge != NONE:
            episode = True
        limit = table.limit[state.duty[d], s]
        true = value >= limit or (forced >> k) & 1 != 0
        if (mask >> k) & 1:
            if value < table.clear[state.duty[d], s] and not true:
                if edge == NONE:
                    edge = ts
                if ts - edge >= table.clear_hold[s]:
                    mask &= ~(1 << k)
                    since_down = edge
                    edge = NONE
            else:
                edge = NONE
        elif true:
            if edge == NONE:
                edge = ts
            if ts - edge >= table.hold[s]:
                mask |= 1 << k
                since_up = edge
                edge = NONE
        else:
            edge = NONE
        ints[at + EDGES + k] = edge
    if episode:
        floats[at + PEAK_VALUE] = max(floats[at + PEAK_VALUE], value)
    else:
        floats[at + FIRST_VALUE] = value
        floats[at + PEAK_VALUE] = value
    prompt = IS_PROMPT if received - ts <= PROMPT_MS else 0
    ints[at + META] = (meta & ~(HELD | IS_PROMPT)) | mask | prompt
    ints[at + LAST] = ts
    floats[at + LAST_VALUE] = value
    after = top_step(mask)
    return before, after, since_up if after > before else since_down, gap


@njit(cache=True)
def write(out, k, row, d, rule, channel, step, severity, previous, late, reason, ts, since, received, gap):  # type: ignore[no-untyped-def]  # compiled
    """The whole-number part of transition k."""
    line = out.ints[k]
    line[0] = row
    line[1] = rule
    line[2] = channel
    line[3] = step
    line[4] = severity
    line[5] = previous
    line[6] = late
    line[7] = reason
    line[8] = ts
    line[9] = since
    line[10] = received
    line[11] = gap
    line[12] = d


@njit(cache=True)
def measure(out, k, sign, value, limit, clear, first, peak, extra_1, extra_2):  # type: ignore[no-untyped-def]  # compiled
    """The measured part of transition k; values times sign, as the ladder keeps them."""
    line = out.floats[k]
    line[0] = sign * value
    line[1] = sign * limit
    line[2] = sign * clear
    line[3] = sign * first
    line[4] = sign * peak
    line[5] = extra_1
    line[6] = extra_2


@njit(cache=True)
def recently_late(state, table, d, r, ts):  # type: ignore[no-untyped-def]  # compiled
    """Whether a late finding of this rule and device stands within a minute of `ts`."""
    for j in range(table.channels[r], table.channels[r + 1]):
        at = state.slot[d, table.slot[j]]
        if at >= 0:
            meta = state.ints[at + META]
            if meta != NONE and meta & SENT_LATE:
                return abs(ts - (meta >> LATE_SHIFT)) <= LATE_APART_MS
    return False


@njit(cache=True)
def note_late(state, table, d, r, ts, channel):  # type: ignore[no-untyped-def]  # compiled
    """Remember a late finding in the channel that proved it, and only there: a rule has one last late finding."""
    for j in range(table.channels[r], table.channels[r + 1]):
        at = state.slot[d, table.slot[j]]
        if at >= 0:
            meta = state.ints[at + META]
            flags = 0 if meta == NONE else meta & (HELD | IS_PROMPT)
            if j == channel:
                state.ints[at + META] = (ts << LATE_SHIFT) | SENT_LATE | flags
            elif meta != NONE:
                state.ints[at + META] = flags


@njit(cache=True)
def standing(state, table, start, now, out):  # type: ignore[no-untyped-def]  # compiled
    """Let the last readings of `life` rules prove their holds at a tick: a burning house goes quiet.

    Returns:
        (transitions written, device at which room ran out or m).
    """
    k = 0
    rules = len(table.rule)
    for d in range(start, state.slot.shape[0]):
        if k + rules > out.ints.shape[0]:
            return k, d
        for r in range(rules):
            if not table.life[r]:
                continue
            before, channel, step, since, found = 0, -1, -1, NONE, -1
            for j in range(table.channels[r], table.channels[r + 1]):
                at = state.slot[d, table.slot[j]]
                if at < 0 or state.ints[at + LAST] == NONE:
                    continue
                meta = state.ints[at + META]
                first = table.steps[r]
                if meta & IS_PROMPT and now - state.ints[at + LAST] <= min(state.interval[d], STANDING_MS):
                    if channel < 0:
                        before = level_of(state, table, d, r, 0)
                        channel = j
                    for s in range(first, table.steps[r + 1]):
                        edge = state.ints[at + EDGES + s - first]
                        if (meta >> (s - first)) & 1 or edge == NONE or now - edge < table.hold[s]:
                            continue
                        meta |= 1 << (s - first)
                        state.ints[at + EDGES + s - first] = NONE
                        if step < 0 or table.severity[s] > table.severity[step]:
                            step, since, found = s, edge, j
                    state.ints[at + META] = meta
            if step >= 0 and table.severity[step] > before:
                at = state.slot[d, table.slot[found]]
                last = state.ints[at + LAST]
                write(out, k, d, d, table.rule[r], found - table.channels[r], step - table.steps[r],
                      table.severity[step], before, 0, BY_STANDING, now, since, now, now - last)  # fmt: skip
                measure(out, k, table.sign[r], state.floats[at + LAST_VALUE], table.limit[state.duty[d], step],
                        table.clear[state.duty[d], step], state.floats[at + FIRST_VALUE],
                        state.floats[at + PEAK_VALUE], np.nan, np.nan)  # fmt: skip
                k += 1
    return k, state.slot.shape[0]


@dataclass(slots=True)
class LadderTwin:
    """The same ladder for one channel of one device, slowly: the oracle of the kernels.

    It keeps every value since the last gap and asks anew, at each reading, what they prove.
    """

    limits: list[float]
    clears: list[float]
    holds: list[int]
    clear_holds: list[int]
    sign: int
    gap_limit: int
    held: list[bool] = field(default_factory=list)
    past: list[tuple[int, list[bool], list[bool]]] = field(default_factory=list)
    changed: dict[int, int] = field(default_factory=dict)  # step → only readings from this one on count for it
    prompt: bool = False
    last: float = 0.0
    first: float = 0.0
    peak: float = 0.0

    def __post_init__(self) -> None:
        self.held = [False] * len(self.limits)

    def top(self) -> int:
        """Highest held step, or -1."""
        return max((k for k, held in enumerate(self.held) if held), default=-1)

    def _run(self, k: int, *, clearing: bool) -> int | None:
        """Since when, without interruption, step k has been true (or clearing)."""
        since = None
        for ts, true, clear in reversed(self.past[self.changed.get(k, 0) :]):
            if not (clear if clearing else true)[k]:
                break
            since = ts
        return since

    def pending(self) -> bool:
        """Whether any step is held, or on its way to be held."""
        return any(self.held) or any(self._run(k, clearing=False) is not None for k in range(len(self.limits)))

    def reading(self, ts: int, received: int, value: float, forced: int = 0) -> tuple[int, int, int | None, int]:
        """As `advance`, for a value not yet times sign."""
        gap = ts - self.past[-1][0] if self.past else 0
        before, episode = self.top(), self.pending()
        if gap > self.gap_limit:
            self.past, self.changed, episode = [], {}, any(self.held)
        value = self.sign * value
        true = [value >= limit or bool(forced >> k & 1) for k, limit in enumerate(self.limits)]
        clear = [value < level and not t for level, t in zip(self.clears, true, strict=True)]
        self.past.append((ts, true, clear))
        up = down = None
        for k in range(len(self.limits)):
            since = self._run(k, clearing=self.held[k])
            if since is not None and ts - since >= (self.clear_holds if self.held[k] else self.holds)[k]:
                if self.held[k]:
                    down = since
                else:
                    up = since
                self.held[k] = not self.held[k]
                self.changed[k] = len(self.past)
        self.peak = max(self.peak, value) if episode else value
        self.first = self.first if episode else value
        self.last = value
        self.prompt = received - ts <= PROMPT_MS
        return before, self.top(), up if self.top() > before else down, gap

    def tick(self, now: int, interval: int) -> dict[int, int]:
        """Steps that the last reading proves by standing, each with its since."""
        proven: dict[int, int] = {}
        if self.past and self.prompt and now - self.past[-1][0] <= min(interval, STANDING_MS):
            for k in range(len(self.limits)):
                since = None if self.held[k] else self._run(k, clearing=False)
                if since is not None and now - since >= self.holds[k]:
                    self.held[k] = True
                    self.changed[k] = len(self.past)
                    proven[k] = since
        return proven
