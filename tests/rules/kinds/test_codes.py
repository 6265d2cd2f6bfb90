"""Numbers in 16 bits."""

from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.compiler import compiled
from rules.kinds import codes
from rules.kinds.codes import ABSENT, rounded


def _callable(function: Any) -> Any:
    """What only kernels can call, for Python."""
    return compiled(getattr(function, "py_func", function))


encode, decode, sorted_median = map(_callable, (codes.encode, codes.decode, codes.sorted_median))
SINGLE = np.empty(1, np.float32)
BITS = SINGLE.view(np.uint32)
numbers = st.floats(-1e30, 1e30).filter(lambda v: v == 0 or abs(v) > 1e-30)


@given(numbers)
def test_a_number_comes_back_to_four_per_mille(value: float) -> None:
    code = encode(value, SINGLE, BITS)
    assert 0 < code <= 0xFFFF
    assert decode(code, SINGLE, BITS) == rounded(value) == pytest.approx(value, rel=2**-8)


@given(numbers)
def test_what_came_back_stays(value: float) -> None:
    assert rounded(rounded(value)) == rounded(value)


def test_halves_of_a_step_go_to_the_even_code() -> None:
    assert [rounded(v) for v in (1 + 2**-8, 1 + 3 * 2**-8)] == [1.0, 1 + 2 * 2**-7]


def test_a_fresh_word_holds_nothing() -> None:
    assert np.isnan(decode(ABSENT, SINGLE, BITS))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=21))
def test_median_of_the_first(values: list[float]) -> None:
    assert sorted_median(np.array([*values, 7.0]), len(values)) == median(values)
