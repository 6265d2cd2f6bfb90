"""Limits that follow ratings: exact, and refused where they could not be computed for some device."""

import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from community.estate import Ratings
from rules.expressions import ExpressionError, Formula

UN, IN, RESIDUAL = "device.nominal_voltage", "device.rated_current", "device.rated_residual"


@pytest.mark.parametrize(
    ("text", "ratings", "expected"),
    [
        (f"1.10 * {UN}", Ratings(nominal_voltage=230), 253.0),
        (f"1.15 * {UN}", Ratings(nominal_voltage=220), 253.0),
        (f"0.8 * {RESIDUAL}", Ratings(rated_residual=30), 24.0),
        (f"0.1 + 0.2 * {IN} / {IN}", Ratings(), 0.3),
        (f"max(0.5 * {RESIDUAL}, 20) - min(1, 2, 3)", Ratings(rated_residual=30), 19.0),
        (f"-(2 + 3) * {IN}", Ratings(rated_current=10), -50.0),
        (f"{UN} - 10 - 10", Ratings(nominal_voltage=120), 100.0),
        (f"{UN} / 2 / 2", Ratings(nominal_voltage=120), 30.0),
        ("2 + 3 * 4", Ratings(), 14.0),
    ],
)
def test_values(text: str, ratings: Ratings, expected: float) -> None:
    assert Formula(text).value(ratings) == expected


@given(st.decimals(0, 100, places=4), st.sampled_from([100.0, 120.0, 220.0, 230.0, 400.0]))
def test_a_product_is_rounded_once(factor: object, volts: float) -> None:
    exact = Fraction(str(factor)) * Fraction(volts)
    assert Formula(f"{factor} * {UN}").value(Ratings(nominal_voltage=volts)) == float(exact)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("0.5 * device.rated_residul", 7, "did you mean device.rated_residual?"),
        ("0.5 * voltage", 7, "is not a rating"),
        ("0.5 x 3", 5, "expected an operator, got 'x'"),
        ("abs(3)", 1, "a limit has no 'abs'"),
        ("3 > 2", 3, "a limit has no '>'"),
        ("not 2", 1, "a limit has no 'not'"),
        ("maximum(1, 2)", 1, "did you mean max?"),
        ("max(1)", 1, "takes 2 to 8 arguments, got 1"),
        ("(1 + 2", 7, "expected ')', got the end"),
        ("1 +", 4, "expected a number or a name, got the end"),
        ("", 1, "got the end"),
        ("2 ** 3", 4, "got '*'"),
        ("1e5", 2, "after a number"),
        ("1.", 2, "after a number"),
        ("0x10", 2, "after a number"),
        ("__import__(1)", 1, "is not a function"),
        ("(1).__class__", 4, "unexpected '.'"),
        ("'a'", 1, 'unexpected "\'"'),
        ("1 ; 2", 3, "unexpected ';'"),
        ("1 / 0", 3, "could be zero"),
        (f"1 / ({UN} - 230)", 3, "could be zero"),
        (f"{UN} * {UN} * {UN} * {UN} * {UN}", 1, "beyond 1e+12"),
        ("1234567890123456", 1, "more than 15 digits"),
        ("(" * 30 + "1" + ")" * 30, 25, "nested deeper than 24"),
        ("-" * 30 + "1", 1, "nested deeper than 24"),
        ("1 + " * 200 + "1", 401, "longer than 400 characters"),
    ],
)
def test_what_is_no_limit_is_refused_with_its_column(text: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Formula(text)
    assert message in str(caught.value)
    if text:
        assert str(caught.value).startswith(f"column {column}: ")


@given(st.text(max_size=60) | st.text(alphabet="0123456789.()+-*/<>=, abdeinoxrtv_", max_size=60))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    try:
        value = Formula(text).value(Ratings())
    except ExpressionError:
        return
    assert isinstance(value, float)


def test_it_is_data() -> None:
    formula = Formula(f"1.1 * {UN}")
    assert str(formula) == f"1.1 * {UN}"
    assert pickle.loads(pickle.dumps(formula)) == formula == Formula(f"1.1 * {UN}") != Formula(f"1.10 * {UN}")
    adapter = TypeAdapter(Formula)
    assert adapter.dump_python(formula, mode="json") == str(formula)
    assert adapter.validate_python(str(formula)) == formula
    assert adapter.json_schema()["type"] == "string"
