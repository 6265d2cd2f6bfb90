"""What kernels read and write: the rows of a frame, the state, and the transitions that come out.

All are named tuples of arrays, which numba passes by reference. A frame's own columns are read-only views, so a
kernel that wrote into one would not even compile.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NONE = int(np.iinfo(np.int64).min)
"""No time. A fresh state word holds it, so that nothing need be initialised."""

IN_ORDER, LATE, STATUS = 0, 1, 2
"""How a row stands to its device's newest reading; STATUS carries the broker's word only, no reading."""

PROMPT_MS = 10_000
"""A reading received within this time of its event is a statement about the present."""

LATE_APART_MS = 60_000
"""Late findings of one rule for one device are at least this far apart in event time."""

BY_READING, BY_STANDING, BY_RESET, BY_GATE, BY_WILL = 0, 1, 2, 3, 4
"""What proved a transition; words for people in `rules.evidence`."""

# Columns of Out.ints
ROW, RULE, CHANNEL, STEP, SEVERITY, PREVIOUS, IS_LATE, REASON, TS, SINCE, RECEIVED, GAP, DEVICE = range(13)
# Columns of Out.floats
VALUE, THRESHOLD, CLEAR, FIRST, PEAK, EXTRA_1, EXTRA_2 = range(7)
INTS, FLOATS = 13, 7


class Rows(NamedTuple):
    """A frame's rows.

    Attributes:
        device: int32[n], row of the device in the state; -1 unknown.
        ts, received: int64[n], UTC ms.
        order: uint8[n], `IN_ORDER`, `LATE` or `STATUS`.
        values: float64[n, columns]; NaN is missing.
    """

    device: NDArray[np.int32]
    ts: NDArray[np.int64]
    received: NDArray[np.int64]
    order: NDArray[np.uint8]
    values: NDArray[np.float64]


class State(NamedTuple):
    """The state of a partition's devices; m devices.

    Attributes:
        slot: int32[m, channels], offset of a channel's words in `ints`/`floats`; -1 if never needed.
        ints, floats, halves, singles: the same memory seen as int64, float64, int32 and float32; every word has one
            type for life.
        duty: int32[m], which row of the limits applies (devices with like kind and ratings share one).
        interval: int64[m], reporting interval, ms.
        mains: uint8[m].
        newest: int64[m], newest event time.
        heard: int64[m], latest receipt of a sign of life.
        entered: int64[m], first tick that saw the device in the estate.
        offline: int64[m], receipt of a last will since which the device has not spoken.
    """

    slot: NDArray[np.int32]
    ints: NDArray[np.int64]
    floats: NDArray[np.float64]
    halves: NDArray[np.int32]
    singles: NDArray[np.float32]
    duty: NDArray[np.int32]
    interval: NDArray[np.int64]
    mains: NDArray[np.uint8]
    newest: NDArray[np.int64]
    heard: NDArray[np.int64]
    entered: NDArray[np.int64]
    offline: NDArray[np.int64]


class Out(NamedTuple):
    """Room for transitions: int64[k, INTS] and float64[k, FLOATS]. A kernel that runs short says where it stopped."""

    ints: NDArray[np.int64]
    floats: NDArray[np.float64]


class Transition(NamedTuple):
    """One transition as a kernel or a twin states it. Fields in the order of the columns above."""

    row: int
    rule: int
    channel: int
    step: int
    severity: int
    previous: int
    late: int
    reason: int
    ts: int
    since: int
    received: int
    gap: int
    device: int
    value: float
    threshold: float
    clear: float
    first: float
    peak: float
    extra_1: float
    extra_2: float


def gap_limit(interval: int, mains: bool) -> int:
    """Longest gap, ms, over which a condition is taken to have gone on; beyond it the device counted as silent.

    Mains: three reports and at least 180 s. Battery: one report and an hour.
    """
    return max(3 * interval, 180_000) if mains else interval + 3_600_000
