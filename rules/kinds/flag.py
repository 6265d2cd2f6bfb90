"""Flag rules: what a device itself decides or reports."""

from typing import Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rules.kinds.batch import BY_READING, BY_RESET, LATE, LATE_APART_MS, NONE, STATUS
from rules.kinds.definition import EventName, RuleBase, SeverityWord
from rules.kinds.ladder import write

SINCE, LATE_TS = 0, 1
"""Words of a flag's state: since when it is active (NONE: it is not), and the time of its last late finding."""


class FlagRule(RuleBase):
    """An event that a device reports as active and later withdraws; a `reset` of the device withdraws it too."""

    kind: Literal["flag"]
    event: EventName
    severity: SeverityWord


class Flags(NamedTuple):
    """The flag rules as data; r rules: number in the rulebook, column of `State.slot`, severity."""

    rule: NDArray[np.int64]
    slot: NDArray[np.int64]
    severity: NDArray[np.int64]


@njit(cache=True)
def flags(start, rows, columns, reset, state, table, out):  # type: ignore[no-untyped-def]  # compiled
    """Evaluate every flag rule over the rows from `start` on.

    Args:
        columns: int64[r], the frame's column of each rule's event; -1 if the frame has none.
        reset: the frame's column of the event `reset`; -1 if it has none.

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
        ts, received = rows.ts[i], rows.received[i]
        is_reset = reset >= 0 and rows.values[i, reset] >= 0.5
        for r in range(rules):
            at = state.slot[d, table.slot[r]]
            if at < 0:
                continue
            value = np.nan
            if columns[r] >= 0:
                value = rows.values[i, columns[r]]
            severity = table.severity[r]
            since = state.ints[at + SINCE]
            if rows.order[i] == LATE:
                late = state.ints[at + LATE_TS]
                if value >= 0.5 and since == NONE and (late == NONE or abs(ts - late) > LATE_APART_MS):
                    state.ints[at + LATE_TS] = ts
                    for turn in range(2):
                        write(out, k, i, d, table.rule[r], 0, 0, severity * (1 - turn), severity * turn, 1,
                              BY_READING, ts, ts, received, 0)  # fmt: skip
                        out.floats[k] = np.nan
                        k += 1
            elif value >= 0.5:
                # A reset in the same reading does not hide that the flag is up again (or still).
                if since == NONE:
                    state.ints[at + SINCE] = ts
                    write(out, k, i, d, table.rule[r], 0, 0, severity, 0, 0, BY_READING, ts, ts, received, 0)
                    out.floats[k] = np.nan
                    k += 1
            elif since != NONE and (value < 0.5 or is_reset):
                state.ints[at + SINCE] = NONE
                reason = BY_READING if value < 0.5 else BY_RESET
                write(out, k, i, d, table.rule[r], 0, 0, 0, severity, 0, reason, ts, ts, received, 0)
                out.floats[k] = np.nan
                k += 1
    return k, n
