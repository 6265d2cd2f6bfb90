"""Threshold rules: a ladder of steps above or below limits, each with hold and clear level."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from rules.kinds.batch import BY_GATE, BY_READING, LATE, STATUS
from rules.kinds.definition import LadderRule, Limit, Model, QuantityName
from rules.kinds.ladder import advance, level_of, measure, note_late, recently_late, write


class Unless(Model):
    """A reading with this signal at this value does not count as dangerous, e.g. an open breaker's voltage."""

    signal: QuantityName
    equals: float


class ThresholdRule(LadderRule):
    """A quantity beyond a limit for a time.

    Attributes:
        signals: the quantity and its phases; each phase has its own ladder, the worst decides.
        side: whether greater (`above`) or smaller (`below`) values are worse.
        beyond: values past this level are another matter (no supply is not under-voltage): such a reading counts
            as safe for this rule.
    """

    kind: Literal["threshold"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    side: Literal["above", "below"] = "above"
    beyond: Limit | None = None
    unless: Unless | None = None

    @property
    def sign(self) -> int:
        """+1 above, -1 below."""
        return 1 if self.side == "above" else -1


class Gates(NamedTuple):
    """When a reading counts as safe whatever its value; r rules, q duties.

    Attributes:
        beyond: float64[q, r], level times sign past which it is another matter; +inf if there is none.
        column: int64[r], column of the frame that may excuse; -1 if none.
        equals: float64[r], at which value.
    """

    beyond: NDArray[np.float64]
    column: NDArray[np.int64]
    equals: NDArray[np.float64]


@njit(cache=True)
def thresholds(start, rows, columns, state, table, gates, out):  # type: ignore[no-untyped-def]  # compiled
    """Evaluate every threshold rule over the rows from `start` on, in their order.

    Args:
        columns: int64[c], the frame's column of each channel; -1 if the frame has none.

    Returns:
        (transitions written, row at which room ran out or n).
    """
    k = 0
    rules = len(table.rule)
    n = len(rows.device)
    for i in range(start, n):
        if k + 2 * rules > out.ints.shape[0]:
            return k, i
        d = rows.device[i]
        if d < 0 or rows.order[i] == STATUS:
            continue
        for r in range(rules):
            sign = table.sign[r]
            before, changed = 0, 0
            up, up_value, up_since, up_gap = -1, 0.0, 0, 0
            down, down_value, down_since, down_gap = -1, 0.0, 0, 0
            up_channel, down_channel = -1, -1
            gated = False
            for j in range(table.channels[r], table.channels[r + 1]):
                column = columns[j]
                if column < 0:
                    continue
                value = rows.values[i, column]
                at = state.slot[d, table.slot[j]]
                if at < 0 or np.isnan(value):
                    continue
                value *= sign
                measured = value
                if value > gates.beyond[state.duty[d], r] or (
                    gates.column[r] >= 0 and rows.values[i, gates.column[r]] == gates.equals[r]
                ):
                    value = -np.inf
                if rows.order[i] == LATE:
                    for s in range(table.steps[r], table.steps[r + 1]):
                        proven = table.alone[s] and value >= table.limit[state.duty[d], s]
                        if proven and (s > up or (s == up and value > up_value)):
                            up, up_value, up_channel = s, value, j
                    continue
                was, now, since, gap = advance(state, table, at, d, r, rows.ts[i], rows.received[i], value, 0)
                if now == was:
                    continue
                first = table.steps[r]
                changed |= 1 << (j - table.channels[r])
                if was >= 0:
                    before = max(before, table.severity[first + was])
                if now > was:
                    better = up < 0 or table.severity[first + now] > table.severity[up]
                    if better or (table.severity[first + now] == table.severity[up] and value > up_value):
                        up, up_value, up_since, up_gap, up_channel = first + now, value, since, gap, j
                elif now < was:
                    worse = down < 0 or table.severity[first + was] > table.severity[down]
                    if worse:
                        down, down_value, down_since, down_gap, down_channel = first + was, measured, since, gap, j
                        gated = measured != value
            if rows.order[i] == LATE:
                if up < 0 or table.severity[up] <= level_of(state, table, d, r, 0):
                    continue
                if recently_late(state, table, d, r, rows.ts[i]):
                    continue
                note_late(state, table, d, r, rows.ts[i], up_channel)
                for turn in range(2):
                    severity = table.severity[up]
                    write(out, k, i, d, table.rule[r], up_channel - table.channels[r], up - table.steps[r],
                          severity * (1 - turn), severity * turn, 1, BY_READING, rows.ts[i], rows.ts[i],
                          rows.received[i], 0)  # fmt: skip
                    measure(out, k, sign, up_value, table.limit[state.duty[d], up], table.clear[state.duty[d], up],
                            up_value, up_value, np.nan, np.nan)  # fmt: skip
                    k += 1
                continue
            if up < 0 and down < 0:
                continue
            # Before this row: the channels it changed as they were, the others as they are.
            before = max(before, level_of(state, table, d, r, changed))
            after = level_of(state, table, d, r, 0)
            if after == before:
                continue
            if after > before:
                step, channel, value, since, gap, reason = up, up_channel, up_value, up_since, up_gap, BY_READING
            else:
                step, channel, value, since, gap, reason = (
                    down, down_channel, down_value, down_since, down_gap, BY_GATE if gated else BY_READING
                )  # fmt: skip
            at = state.slot[d, table.slot[channel]]
            write(out, k, i, d, table.rule[r], channel - table.channels[r], step - table.steps[r], after, before, 0,
                  reason, rows.ts[i], since, rows.received[i], gap)  # fmt: skip
            measure(out, k, sign, value, table.limit[state.duty[d], step], table.clear[state.duty[d], step],
                    state.floats[at + 3], state.floats[at + 4], np.nan, np.nan)  # fmt: skip
            k += 1
    return k, n
