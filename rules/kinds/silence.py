"""Silence rules: a device that should have reported and has not. What never comes must be looked for."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from rules.kinds.batch import BY_READING, BY_WILL, NONE
from rules.kinds.definition import Model, RuleBase, Seconds, SeverityWord
from rules.kinds.ladder import write

STEP, SINCE = 0, 1
"""Words of the state: the present step (NONE: heard), and since when silent."""


class Allowance(Model):
    """How long a device may be silent: reporting interval x `factor` + `plus`, and not less than `at_least`, s."""

    factor: float = Field(ge=1, le=100)
    plus: Seconds = 0
    at_least: Seconds = 0


class SilenceStep(Model):
    """A step of silence; a kind of supply without allowance does not know the step."""

    severity: SeverityWord
    mains: Allowance | None = None
    battery: Allowance | None = None


class SilenceRule(RuleBase):
    """No sign of life.

    Attributes:
        after_last_will: s after the broker published the device's last will at which the last step is reached.
    """

    kind: Literal["silence"]
    steps: Annotated[tuple[SilenceStep, ...], Field(min_length=1, max_length=8)]
    after_last_will: Seconds = 60


class Silences(NamedTuple):
    """The silence rules as data; r rules, s steps.

    Attributes:
        rule, slot: int64[r], number in the rulebook and column of `State.slot`.
        steps: int64[r+1], bounds of each rule's steps.
        severity: int64[s].
        factor: float64[s, 2], plus, at_least: int64[s, 2], ms; battery, mains. A factor of 0: step unknown.
        will: int64[r], ms.
    """

    rule: NDArray[np.int64]
    slot: NDArray[np.int64]
    steps: NDArray[np.int64]
    severity: NDArray[np.int64]
    factor: NDArray[np.float64]
    plus: NDArray[np.int64]
    at_least: NDArray[np.int64]
    will: NDArray[np.int64]


@njit(cache=True)
def silences(now, listening, unheard, start, state, table, out):  # type: ignore[no-untyped-def]  # compiled
    """Judge silence at a tick. Steps only rise here: what ends silence is speech.

    Args:
        listening: since when the gateway hears, or NONE.
        unheard: whether devices that were never heard are judged.

    Returns:
        (transitions written, device at which room ran out or m).
    """
    k = 0
    rules = len(table.rule)
    m = state.slot.shape[0]
    for d in range(start, m):
        if k + rules > out.ints.shape[0]:
            return k, d
        if state.entered[d] == NONE:
            state.entered[d] = now
        if state.heard[d] == NONE and not unheard:
            continue
        base = max(state.entered[d], state.heard[d], listening)
        silent = now - base
        mains = state.mains[d]
        for r in range(rules):
            at = state.slot[d, table.slot[r]]
            if at < 0:
                continue
            step, reason, since, limit = -1, BY_READING, base, 0
            for s in range(table.steps[r], table.steps[r + 1]):
                if table.factor[s, mains] > 0:
                    allowed = np.int64(table.factor[s, mains] * state.interval[d]) + table.plus[s, mains]
                    allowed = max(allowed, table.at_least[s, mains])
                    if silent >= allowed:
                        step, limit = s, allowed
            last = table.steps[r + 1] - 1
            offline = state.offline[d]
            if offline != NONE and step < last and now - offline >= table.will[r]:
                step, reason, since, limit = last, BY_WILL, offline, table.will[r]
            present = state.ints[at + STEP]
            old = -1 if present == NONE else present
            if step >= 0 and step - table.steps[r] > old:
                before = 0 if old < 0 else table.severity[table.steps[r] + old]
                state.ints[at + STEP] = step - table.steps[r]
                if present == NONE:
                    state.ints[at + SINCE] = since
                if table.severity[step] != before:
                    write(out, k, d, d, table.rule[r], 0, step - table.steps[r], table.severity[step], before, 0,
                          reason, now, state.ints[at + SINCE], now, now - since)  # fmt: skip
                    out.floats[k] = np.nan
                    out.floats[k, 5] = limit / 1000
                    k += 1
    return k, m


@njit(cache=True)
def next_silence(listening, unheard, state, table):  # type: ignore[no-untyped-def]  # compiled
    """The earliest tick at which `silences` could have something to say if nothing is heard until then."""
    earliest = np.iinfo(np.int64).max
    for d in range(state.slot.shape[0]):
        if state.heard[d] == NONE and not unheard:
            continue
        base = max(state.entered[d], state.heard[d], listening)
        mains = state.mains[d]
        for r in range(len(table.rule)):
            at = state.slot[d, table.slot[r]]
            if at < 0:
                continue
            present = state.ints[at + STEP]
            old = -1 if present == NONE else present
            last = table.steps[r + 1] - 1
            for s in range(table.steps[r] + old + 1, last + 1):
                if table.factor[s, mains] > 0:
                    allowed = np.int64(table.factor[s, mains] * state.interval[d]) + table.plus[s, mains]
                    earliest = min(earliest, base + max(allowed, table.at_least[s, mains]))
            if state.offline[d] != NONE and table.steps[r] + old < last:
                earliest = min(earliest, state.offline[d] + table.will[r])
    return earliest


@njit(cache=True)
def speech(start, rows, online, state, table, out):  # type: ignore[no-untyped-def]  # compiled
    """Take signs of life and last wills from the rows from `start` on; end silences.

    Args:
        online: the frame's column of `online`; -1 if it has none.

    Returns:
        (transitions written, row at which room ran out or n).
    """
    k = 0
    rules = len(table.rule)
    n = len(rows.device)
    for i in range(start, n):
        if k + rules > out.ints.shape[0]:
            return k, i
        d = rows.device[i]
        if d < 0:
            continue
        received = rows.received[i]
        if online >= 0 and rows.values[i, online] < 0.5:
            # The broker speaks here, for a device that cannot.
            if state.offline[d] == NONE:
                state.offline[d] = received
            continue
        state.heard[d] = max(state.heard[d], received)
        state.offline[d] = NONE
        for r in range(rules):
            at = state.slot[d, table.slot[r]]
            if at < 0 or state.ints[at + STEP] == NONE:
                continue
            step = state.ints[at + STEP]
            since = state.ints[at + SINCE]
            state.ints[at + STEP] = NONE
            write(out, k, i, d, table.rule[r], 0, step, 0, table.severity[table.steps[r] + step], 0, BY_READING,
                  received, since, received, received - since)  # fmt: skip
            out.floats[k] = np.nan
            k += 1
    return k, n
