"""The duplicate window: bounded, the same in any columns, and against a plain twin."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.quantities import SIGNALS
from gateway.duplicates import WIDTH, DuplicateWindow, content_hash, fingerprint, repeated

cells = st.none() | st.floats(allow_nan=False)
NO_ROWS = np.zeros(0, np.int64)


@given(st.dictionaries(st.integers(0, len(SIGNALS) - 1), cells, min_size=1, max_size=8), st.randoms())
def test_content_is_the_same_in_whatever_columns_it_stands(values: dict[int, float | None], random: object) -> None:
    present = {j: v for j, v in values.items() if v is not None}
    narrow = np.array([list(present.values())], float).reshape(1, -1)
    wide = np.full((1, len(SIGNALS)), np.nan)
    for j, v in present.items():
        wide[0, j] = v
    assert content_hash(narrow, np.array(list(present), np.intp)) == content_hash(wide, np.arange(len(SIGNALS)))


@given(st.lists(cells, min_size=4, max_size=4), st.lists(cells, min_size=4, max_size=4))
def test_different_content_differs(one: list[float | None], other: list[float | None]) -> None:
    columns = np.arange(4)
    a, b = np.array([one, other], float)
    same = bool(np.array_equal(a, b, equal_nan=True))
    assert bool(content_hash(a[None], columns)[0] == content_hash(b[None], columns)[0]) is same


def test_values_changing_places_is_another_content() -> None:
    columns = np.array([0, 1])
    a, b = content_hash(np.array([[1.0, 2.0], [2.0, 1.0]]), columns)
    assert a != b


def test_zero_and_minus_zero_are_one_value() -> None:
    a, b = content_hash(np.array([[0.0], [-0.0]]), np.array([0]))
    assert a == b


def test_time_and_device_belong_to_the_fingerprint() -> None:
    prints = fingerprint(np.array([0, 0, 1]), np.array([5, 6, 5]), np.full(3, 9, np.uint64))
    assert len(set(prints.tolist())) == 3
    assert 0 not in prints


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), max_size=3 * WIDTH), max_size=6))
def test_it_remembers_what_a_ring_of_each_device_would(batches: list[list[tuple[int, int]]]) -> None:
    window = DuplicateWindow()
    window.resize(3, NO_ROWS)
    twin = [deque[int](maxlen=WIDTH) for _ in range(3)]
    for batch in batches:
        rows = np.array([r for r, _ in batch], np.int64)
        prints = np.array([p for _, p in batch], np.uint64)
        assert window.seen(rows, prints).tolist() == [p in twin[r] for r, p in batch]
        window.add(rows, prints)
        for r, p in batch:
            twin[r].append(p)


def test_it_costs_less_than_600_bytes_a_device() -> None:
    window = DuplicateWindow()
    window.resize(1_000, NO_ROWS)
    assert window.nbytes / 1_000 < 600


def test_a_row_given_to_another_device_remembers_nothing() -> None:
    window = DuplicateWindow()
    window.resize(2, NO_ROWS)
    both, prints = np.array([0, 1]), np.array([7, 7], np.uint64)
    window.add(both, prints)
    window.resize(3, np.array([1]))
    assert window.seen(both, prints).tolist() == [True, False]


@pytest.mark.parametrize(("given_", "expected"), [([], []), ([1, 2, 1, 1], [False, False, True, True])])
def test_repeated_leaves_the_first(given_: list[int], expected: list[bool]) -> None:
    assert repeated(np.array(given_, np.uint64)).tolist() == expected
