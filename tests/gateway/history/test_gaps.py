"""Gaps are stretches without a value, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.history.gaps import MISSED, gaps
from gateway.history.store import Series

INTERVAL = 10


def series(ts: list[int], width: int = 0) -> Series:
    n = len(ts)
    column = np.zeros(n)
    return Series(
        "d", "voltage", width, np.array(ts, np.int64), column, column, column, column,
        np.ones(n, np.int64), np.ones(n), np.zeros(n, np.uint8),
    )  # fmt: skip


def test_gaps_in_the_middle_and_at_both_ends() -> None:
    assert gaps(series([40, 50, 85, 95]), 0, 120, INTERVAL) == [(0, 40), (50, 85)]
    assert gaps(series([]), 0, 120, INTERVAL) == [(0, 120)]
    assert gaps(series([5, 35, 65]), 0, 70, INTERVAL) == []


def test_a_wide_point_covers_its_width() -> None:
    assert gaps(series([0, 60, 180], width=60), 0, 240, INTERVAL) == [(120, 180)]
    assert gaps(series([0, 60], width=60), 30, 100, INTERVAL) == []


@given(
    st.lists(st.integers(0, 900), unique=True).map(sorted),
    st.sampled_from([0, 7, 60]),
    st.integers(1, 40),
)
def test_a_gap_is_long_and_empty_and_what_is_long_and_empty_is_a_gap(ts: list[int], width: int, interval: int) -> None:
    if width:
        ts = sorted({t // width * width for t in ts})
    found = gaps(series(ts, width), 0, 1_000, interval)
    assert all(b - a > MISSED * interval for a, b in found)
    assert not [t for t in ts for a, b in found if a < t < b or (a < t + width and t < b and width)]
    # Every moment further than that from any point lies in a gap.
    covered: set[int] = set()
    for t in ts:
        covered.update(range(t, min(1_000, t + max(width, 1))))
    empty = [m for m in range(1_000) if m not in covered and not any(a <= m <= b for a, b in found)]
    runs, last = 0, -2
    for m in empty:
        runs = runs + 1 if m == last + 1 else 1
        last = m
        assert runs <= MISSED * interval
