"""Which files are merged: few remain, none grows beyond its bound, and no row is rewritten often."""

from itertools import count
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from community.clock import DAY
from gateway.history.duck.merging import FILES, MOST_ROWS, candidates
from gateway.history.duck.schema import SCATTERED
from gateway.history.duck.snapshot import Segment
from gateway.history.store import Resolution

_names = count()


def segment(rows: int, period: int = 5, kind: Resolution = Resolution.RAW) -> Segment:
    return Segment(Path(str(next(_names))), kind, period, 0, 1, 0, 1, rows, rows * 10, frozenset())


def settle(segments: list[Segment], now: int) -> tuple[list[Segment], int]:
    """Merge until there is nothing to merge; what remains, and the rows written on the way."""
    written = 0
    while groups := candidates(segments, now):
        for group in groups:
            merged = segment(sum(s.rows for s in group), group[0].period, group[0].kind)
            assert merged.rows <= MOST_ROWS
            assert {(s.kind, s.period) for s in group} == {(merged.kind, merged.period)}
            written += merged.rows
            segments = [s for s in segments if s not in group] + [merged]
    return segments, written


@given(st.lists(st.integers(1, 2_000_000), max_size=100))
def test_few_files_remain_of_a_day_that_is_over(sizes: list[int]) -> None:
    remaining, _ = settle([segment(n) for n in sizes], 30 * DAY)
    small = [s for s in remaining if s.rows < MOST_ROWS // 8]
    assert len(small) <= 8  # one of each size
    assert sum(s.rows for s in remaining) == sum(sizes)


@pytest.mark.parametrize("rows", [1, 5_000, 1_000_000])
def test_a_row_is_rewritten_a_few_times_however_many_files_come_in_a_day(rows: int) -> None:
    segments: list[Segment] = []
    written = 0
    for _ in range(1_000):
        segments, more = settle([*segments, segment(rows)], now=5 * DAY)
        written += more
    assert written <= 4 * 1_000 * rows
    assert len(segments) <= max(5 * FILES, 1_000 * rows * 8 // MOST_ROWS + FILES)


def test_kinds_and_days_do_not_mix() -> None:
    segments = [segment(9, 5), segment(9, 6), segment(9, 5, Resolution.MINUTE)]
    assert candidates(segments, 30 * DAY) == []


def test_a_day_that_lasts_waits_for_more_files() -> None:
    segments = [segment(9) for _ in range(FILES - 1)]
    assert candidates(segments, 5 * DAY + 1) == []
    assert len(candidates(segments, 6 * DAY + 1)) == 1


def test_scattered_readings_are_merged_when_there_are_many_files_of_them() -> None:
    assert candidates([segment(9, SCATTERED) for _ in range(FILES - 1)], 30 * DAY) == []
    assert len(candidates([segment(9, SCATTERED) for _ in range(FILES)], 30 * DAY)) == 1
