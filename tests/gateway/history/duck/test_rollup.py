"""Partials: against the slow and obvious, and merging in steps comes to the same as merging at once."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from community.clock import HOUR, MINUTE
from gateway.history.duck.rollup import Partials, coarser, columns, joined, of_values

Value = tuple[int, int, int, float]
one = st.tuples(st.integers(0, 3), st.integers(-2 * HOUR, 2 * HOUR), st.sampled_from([0, 0, 1, 6]), st.integers(-9, 9))


def ordered(values: list[tuple[int, int, int, int]]) -> list[Value]:
    """By device and time, of each time one: which of two is the last is not said."""
    return [(*key, flags, float(v)) for key, (flags, v) in sorted({(d, ts): (f, v) for d, ts, f, v in values}.items())]


def partials_of(values: list[Value], width: int) -> Partials:
    device, ts, flags, value = zip(*values, strict=True)
    return of_values(
        7, np.array(device, np.int32), np.array(ts), np.array(flags, np.uint8), np.array(value, np.float64), width
    )


def expected(values: list[Value], width: int) -> list[tuple[float, ...]]:
    groups: dict[tuple[int, int], list[Value]] = {}
    for value in values:
        groups.setdefault((value[0], value[1] // width * width), []).append(value)
    rows: list[tuple[float, ...]] = []
    for (device, ts), group in groups.items():
        numbers = [v for *_, v in group]
        flags = 0
        for _, _, some, _ in group:
            flags |= some
        good = sum(some == 0 for _, _, some, _ in group)
        count, last, last_ts = len(group), numbers[-1], group[-1][1]
        rows.append((7, device, ts, min(numbers), max(numbers), sum(numbers), count, last, last_ts, good, flags))
    return rows


def rows_of(partials: Partials) -> list[tuple[float, ...]]:
    return list(zip(*(c.tolist() for c in columns(partials).values()), strict=True))


@given(st.lists(one, min_size=1, max_size=40).map(ordered))
def test_partials_are_what_the_values_come_to(values: list[Value]) -> None:
    assert rows_of(partials_of(values, MINUTE)) == expected(values, MINUTE)


@given(st.lists(one, min_size=1, max_size=40).map(ordered))
def test_hours_of_minutes_are_hours_of_values(values: list[Value]) -> None:
    assert rows_of(coarser(partials_of(values, MINUTE), HOUR)) == expected(values, HOUR)


@given(st.lists(one, min_size=1, max_size=20).map(ordered))
def test_rolling_up_changes_no_argument(values: list[Value]) -> None:
    minutes = partials_of(values, MINUTE)
    before = rows_of(minutes)
    coarser(minutes, HOUR)
    joined([minutes, minutes])
    assert rows_of(minutes) == before
