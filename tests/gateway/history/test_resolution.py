"""Widths and stretches: the whole range, in as few points as were asked for, as finely as is kept."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from community.clock import DAY, HOUR, MINUTE, SECOND
from gateway.history.resolution import plan, reach, step
from gateway.history.store import WIDTH, Query, Resolution

RAW, MIN, H = Resolution

NOW = 1_795_341_600_000


def query(span: int, points: int, resolution: Resolution | None = None) -> Query:
    return Query(("d",), ("voltage",), NOW - span, NOW, points, resolution)


EVERYTHING = dict.fromkeys(Resolution, 0)


def test_usual_widths() -> None:
    assert step(NOW - HOUR, NOW, 1_000) == 5 * SECOND
    assert step(NOW - DAY, NOW, 1_000) == 2 * MINUTE
    assert step(NOW - 30 * DAY, NOW, 1_000) == HOUR
    assert step(NOW - 365 * DAY, NOW, 1_000) == 12 * HOUR
    assert step(NOW - 3_650 * DAY, NOW, 1_000) == 4 * DAY
    assert step(NOW - 1, NOW, 1) == SECOND


@given(st.integers(0, 10**13), st.integers(1, 10**12), st.integers(1, 10_000))
def test_the_range_fits_and_the_next_finer_would_not(start: int, span: int, points: int) -> None:
    width = step(start, start + span, points)
    assert (start + span - 1) // width - start // width + 1 <= points
    finer = [w for w in (SECOND, 5 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY) if w < width]
    assert all((start + span - 1) // w - start // w + 1 > points for w in finer)


def test_the_coarsest_that_is_fine_enough_answers() -> None:
    assert [s.level for s in plan(query(HOUR, 1_000), EVERYTHING).stretches] == [RAW]
    assert [s.level for s in plan(query(DAY, 1_000), EVERYTHING).stretches] == [MIN]
    assert [s.level for s in plan(query(365 * DAY, 1_000), EVERYTHING).stretches] == [H]
    assert plan(query(HOUR, 10, MIN), EVERYTHING).width == 10 * MINUTE
    assert plan(query(HOUR, 1_000, MIN), EVERYTHING).width == MINUTE


def test_where_the_finer_is_gone_the_coarser_stands_in() -> None:
    first = {RAW: NOW - 30 * MINUTE - 5, MIN: NOW - 130 * MINUTE, H: NOW - 900 * DAY}
    found = plan(query(3 * HOUR, 10_000), first)
    assert not found.single
    assert [s.level for s in found.stretches] == [RAW, MIN, H]
    assert [s.start for s in found.stretches] == [NOW - 30 * MINUTE, NOW - 2 * HOUR, NOW - 3 * HOUR]


firsts = st.dictionaries(st.sampled_from(Resolution), st.integers(0, 10**9))


@given(firsts, st.sampled_from(Resolution), st.integers(0, 10**9), st.integers(1, 10**9))
def test_stretches_cover_the_range_without_overlap(
    first: dict[Resolution, int], finest: Resolution, start: int, span: int
) -> None:
    found = reach(first, finest, start, start + span)
    assert found[0].end == start + span
    assert found[-1].start == start
    assert all(a.start == b.end for a, b in pairwise(found))
    widths = [WIDTH[s.level] for s in found]
    assert widths == sorted(widths)
    assert widths[0] >= WIDTH[finest]
    for later, earlier in pairwise(found):
        assert later.start % WIDTH[earlier.level] == 0
        # Nothing that the finer still has is given up for the coarser, except within one window of it.
        assert first.get(later.level, start + span) > later.start - WIDTH[earlier.level]
        assert first[earlier.level] < later.start
