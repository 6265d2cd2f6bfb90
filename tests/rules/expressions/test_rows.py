"""Values computed from rows: columns equal the scalar twin, and missing stays missing."""

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from community.estate import Ratings
from rules.expressions import RATINGS, ExpressionError, RowExpression

SIGNALS = ("voltage", "current", "active_power", "trip")
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.25, 230.0, 1e-3, 1e200])


def _binary(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or"])
    return st.builds(lambda a, o, b: f"({a}) {o} ({b})", inner, operators, inner)


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.builds(lambda f, a: f"{f}({a})", st.sampled_from(["abs", "sqrt", "-", "not "]), inner)
    more = st.builds(
        lambda f, a: f"{f}({', '.join(a)})", st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3)
    )
    return one | more


LEAVES = st.sampled_from([*SIGNALS, "device.rated_current", "device.nominal_voltage", "0", "1", "0.3", "17.25"])
TREES = st.recursive(LEAVES, lambda inner: _binary(inner) | _calls(inner), max_leaves=6)
ROWS = st.lists(st.dictionaries(st.sampled_from(SIGNALS), NUMBERS), min_size=1, max_size=6)


def columns_of(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    return {s: np.array([row.get(s, np.nan) for row in rows]) for s in SIGNALS}


@given(TREES, st.sampled_from(["{} + voltage * 0", "({}) or trip", "trip and ({})", "min(trip, {})"]), ROWS)
def test_columns_equal_the_scalar_twin(tree: str, form: str, rows: list[dict[str, float]]) -> None:
    text = form.format(tree)
    assume(len(text) <= 400)
    expression = RowExpression(text)
    ratings = Ratings(rated_current=16)
    columns = columns_of(rows)
    before = {s: c.copy() for s, c in columns.items()}
    rated = {r: np.full(len(rows), getattr(ratings, r)) for r in RATINGS}
    result = expression.columns(columns, rated)
    assert result.shape == (len(rows),)
    assert [None if np.isnan(v) else v for v in result.tolist()] == [expression.evaluate(r, ratings) for r in rows]
    for signal, column in columns.items():
        np.testing.assert_array_equal(column, before[signal])


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("active_power - voltage * current", {"active_power": 500.0, "voltage": 230.0, "current": 2.0}, 40.0),
        ("active_power - voltage * current", {"active_power": 500.0, "voltage": 230.0}, None),
        ("current > 1.2 * device.rated_current", {"current": 20.0}, 1.0),
        ("current > 1.2 * device.rated_current", {"current": 19.0}, 0.0),
        ("current > 1", {}, None),
        ("current > 1 and voltage > 1", {"current": 0.0}, 0.0),
        ("current > 1 and voltage > 1", {"current": 2.0}, None),
        ("current > 1 or voltage > 1", {"current": 2.0}, 1.0),
        ("current > 1 or voltage > 1", {"current": 0.0}, None),
        ("not trip", {"trip": 0.0}, 1.0),
        ("not trip", {}, None),
        ("not trip and not trip or 1 == 2", {"trip": 1.0}, 0.0),
        ("not current < 1", {"current": 2.0}, 1.0),
        ("max(voltage, current)", {"voltage": 3.0}, None),
        ("voltage / current", {"voltage": 3.0, "current": 0.0}, None),
        ("sqrt(voltage)", {"voltage": -4.0}, None),
        ("sqrt(voltage)", {"voltage": 9.0}, 3.0),
        ("voltage * voltage * voltage", {"voltage": 1e200}, None),
        ("2 - -voltage", {"voltage": 3.0}, 5.0),
        ("-abs(voltage)", {"voltage": -3.0}, -3.0),
    ],
)
def test_meaning(text: str, row: dict[str, float], expected: float | None) -> None:
    assert RowExpression(text).evaluate(row, Ratings(rated_current=16)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("voltag * 2", "column 1: 'voltag' is not a signal or a rating; did you mean voltage?"),
        ("voltage.real", "column 1: 'voltage.real' is not a signal"),
        ("1 + 2", "expected a signal somewhere"),
        ("1 < voltage < 3", "column 13: comparisons do not chain"),
        ("voltage = 3", "column 9: unexpected '='"),
        ("sqrt(voltage, 2)", "sqrt takes 1 arguments"),
    ],
)
def test_what_is_no_value_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        RowExpression(text)
    assert message in str(caught.value)


def test_it_says_what_it_reads_and_travels() -> None:
    expression = RowExpression("abs(active_power) - voltage * current * device.rated_current / voltage")
    assert expression.signals == ("active_power", "voltage", "current")
    assert expression.ratings == ("rated_current",)
    assert pickle.loads(pickle.dumps(expression)) == expression
