"""The compact notation of rule tests."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.ruletest.notation import duration, expanded, series, spelled


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("230", [230]),
        ("230x3 _ 258", [230, 230, 230, None, 258]),
        ("-2.5x2", [-2.5, -2.5]),
        ("20..80/4", [20, 40, 60, 80]),
        ("1..0/2 _x2", [1, 0, None, None]),
        ("(1 2)x2 3", [1, 2, 1, 2, 3]),
        ("((1)x2 _ )x2", [1, 1, None, 1, 1, None]),
        ("  7 \n 8  ", [7, 8]),
        ("1x0 2", [2]),
    ],
)
def test_series(text: str, values: list[float | None]) -> None:
    assert series(text) == tuple(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("230 2e3", "column 5: expected 230, 230x12, 20..80/30, _ or (...)x5, got '2e3'"),
        ("230x", "column 1"),
        ("230,231", "column 1"),
        ("20..80", "column 1"),
        ("20..80/1", "a ramp has 2 to"),
        ("1)x2", "column 4: a bracket too many"),
        ("(1", "a bracket is not closed"),
        ("", "expected values such as"),
        ("1x0", "expected values such as"),
        ("1x500001", "more than 500,000 values"),
        ("(((1x1000)x1000)x1000)x1000", "more than 500,000 values"),
    ],
)
def test_what_is_no_series(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        series(text)


@given(st.text(alphabet="0123456789.x/_() -", max_size=30))
def test_any_text_is_a_series_or_an_error(text: str) -> None:
    try:
        values = series(text)
    except ValueError:
        return
    assert values


@pytest.mark.parametrize(
    ("given", "ms"),
    [
        ("90s", 90_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("250ms", 250),
        ("0.5s", 500),
        (3, 3_000),
        ("2d", 172_800_000),
    ],
)
def test_durations(given: object, ms: int) -> None:
    assert duration(given) == ms


@pytest.mark.parametrize("given", ["", "5", "5 m", "m", "-3s", -3, True, None, "1h 30m", "5x"])
def test_what_is_no_duration(given: object) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        duration(given)


@given(st.integers(0, 10**10))
def test_a_spelled_duration_is_read_back(ms: int) -> None:
    assert duration(spelled(ms)) == ms


def test_tables_that_stand_for_many() -> None:
    assert expanded([{"id": "d{8..10}", "household": "h{1..3}", "n": 1}, {"id": "x"}]) == [
        {"id": "d8", "household": "h1", "n": 1},
        {"id": "d9", "household": "h2", "n": 1},
        {"id": "d10", "household": "h3", "n": 1},
        {"id": "x"},
    ]
    with pytest.raises(ValueError, match="one length"):
        expanded([{"id": "d{1..3}", "household": "h{1..2}"}])
    with pytest.raises(ValueError, match="more than 10,000"):
        expanded([{"id": "d{1..10001}"}])
