"""Where roll-ups lag, single readings answer."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.history.influx.reading import STRETCHES, split
from gateway.history.influx.store import stretches


@given(
    st.integers(0, 10**6),
    st.integers(1, 10**6),
    st.lists(st.integers(0, 200), unique=True),
    st.sampled_from([60, 3600]),
)
def test_a_stretch_is_cut_without_gap_or_overlap(start: int, length: int, windows: list[int], width: int) -> None:
    lagging = list(stretches([w * 600 for w in sorted(windows)], 600))
    pieces = list(split((start, start + length), lagging, width))
    assert pieces[0][1] == start // width * width
    assert pieces[-1][2] >= start + length
    assert all(a[2] == b[1] and a[0] is not b[0] for a, b in pairwise(pieces))
    assert sum(behind for behind, *_ in pieces) <= STRETCHES
    for a, b in lagging:
        for behind, begin, end in pieces:
            assert behind or b <= begin or a >= end


def test_windows_are_joined_up_to_a_length() -> None:
    assert list(stretches([0, 10, 20, 40, 50], 10)) == [(0, 30), (40, 60)]
    assert list(stretches([0, 10, 20, 40], 10, 20)) == [(0, 20), (20, 30), (40, 50)]
    assert list(stretches([], 10)) == []
