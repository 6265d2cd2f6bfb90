"""The duplicate window: bounded, the same in any columns, and against a plain twin."""

from collections import deque
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from community.quantities import SIGNALS
from gateway.collector import NO_SEQ, Rows
from gateway.duplicates import BUCKET, WIDTH, DuplicateWindow

cells = st.none() | st.floats(allow_nan=False)
NO_ROWS = np.zeros(0, np.int64)
NOW = 1_763_798_400_000


def rows(*readings: tuple[int, int | None, dict[int, float]], received_at: int = NOW, seq: int = NO_SEQ) -> Rows:
    """Rows of (device, own time, column → value)."""
    columns = np.array(sorted({c for _, _, values in readings for c in values} or {0}), np.intp)
    matrix = np.full((len(readings), len(columns)), np.nan)
    for i, (_, _, values) in enumerate(readings):
        for column, value in values.items():
            matrix[i, np.searchsorted(columns, column)] = value
    n = len(readings)
    return Rows(
        np.array([r for r, _, _ in readings], np.int64),
        np.array([received_at if ts is None else ts for _, ts, _ in readings], np.int64),
        np.full(n, received_at, np.int64),
        np.arange(n),
        columns,
        matrix,
        np.array([ts is not None for _, ts, _ in readings], np.bool_),
        np.full(n, seq, np.int64),
        np.zeros(n, np.bool_),
        np.ones(n, np.bool_),
    )


def window(devices: int = 3) -> DuplicateWindow:
    """A window that remembers nothing yet."""
    made = DuplicateWindow()
    made.resize(devices, NO_ROWS)
    return made


def again(it: DuplicateWindow, judged: Rows) -> list[bool]:
    """The verdicts on rows that all come in."""
    return [bool(b) for b in it.recognise(judged, np.ones(len(judged), np.bool_))]


@given(st.dictionaries(st.integers(0, len(SIGNALS) - 1), cells, min_size=1, max_size=8))
def test_content_is_the_same_in_whatever_columns_it_stands(values: dict[int, float | None]) -> None:
    present = {j: v for j, v in values.items() if v is not None}
    narrow = rows((0, 5, present))
    wide = rows((0, 5, present), (1, 5, dict.fromkeys(range(len(SIGNALS)), 1.0)))
    it = window()
    assert again(it, narrow) == [False]
    assert again(it, wide) == [True, False]


@given(st.lists(cells, min_size=4, max_size=4), st.lists(cells, min_size=4, max_size=4))
def test_different_content_differs(one: list[float | None], other: list[float | None]) -> None:
    first, second = ({j: v for j, v in enumerate(cells) if v is not None} for cells in (one, other))
    it = window()
    assert again(it, rows((0, 5, first), (0, 5, second))) == [False, first == second]


def test_values_changing_places_is_another_content() -> None:
    assert again(window(), rows((0, 5, {0: 1.0, 1: 2.0}), (0, 5, {0: 2.0, 1: 1.0}))) == [False, False]


def test_zero_and_minus_zero_are_one_value() -> None:
    assert again(window(), rows((0, 5, {0: 0.0}), (0, 5, {0: -0.0}))) == [False, True]


def test_time_and_device_belong_to_it() -> None:
    assert again(window(), rows((0, 5, {0: 1.0}), (0, 6, {0: 1.0}), (1, 5, {0: 1.0}))) == [False, False, False]


def test_what_is_not_kept_is_neither_judged_nor_remembered() -> None:
    it = window()
    twice = rows((0, 5, {0: 1.0}), (0, 5, {0: 1.0}))
    assert it.recognise(twice, np.array([False, True])).tolist() == [False, False]
    assert it.recognise(twice, np.array([False, True])).tolist() == [False, True]


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), max_size=3 * WIDTH), max_size=6))
def test_it_remembers_what_a_ring_of_each_device_would(batches: list[list[tuple[int, int]]]) -> None:
    it = window()
    twin = [deque[int](maxlen=WIDTH) for _ in range(3)]
    for batch in batches:
        expected = []
        for row, ts in batch:
            expected.append(ts in twin[row])
            if ts not in twin[row]:
                twin[row].append(ts)
        assert again(it, rows(*((row, ts, {0: 1.0}) for row, ts in batch))) == expected


def test_without_a_time_a_number_is_a_repetition_for_a_while_only() -> None:
    it = window()
    reading = (0, None, {0: 1.0})
    assert again(it, rows(reading, seq=7)) == [False]
    assert again(it, rows(reading, seq=7, received_at=NOW + BUCKET)) == [True]
    assert again(it, rows(reading, seq=7, received_at=NOW + 3 * BUCKET)) == [False]
    assert again(it, rows(reading, seq=8)) == [False]


def test_without_time_and_number_only_the_brokers_mark_tells() -> None:
    it = window()
    reading = rows((0, None, {0: 1.0}))
    assert again(it, reading) == again(it, reading) == [False]
    assert again(it, replace(reading, dup=np.ones(1, np.bool_))) == [True]


def test_who_is_new_in_a_row_is_not_taken_for_the_one_before() -> None:
    it = window()
    reading = rows((0, 5, {0: 1.0}))
    assert again(it, reading) == [False]
    it.resize(5, np.array([0]))
    assert again(it, reading) == [False]
    assert it.nbytes == 5 * (8 * WIDTH + 2)
