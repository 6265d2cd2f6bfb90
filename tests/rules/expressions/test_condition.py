"""Conditions over parts."""

from itertools import chain, combinations

import pytest

from rules.expressions import Condition, ExpressionError

PARTS = ("smoke", "co", "heat")


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("smoke", lambda s, c, h: s),
        ("smoke and (co or heat)", lambda s, c, h: s and (c or h)),
        ("smoke and co or heat", lambda s, c, h: (s and c) or h),
        ("smoke and not co", lambda s, c, h: s and not c),
        ("not (not smoke or not not co)", lambda s, c, h: s and not c),
    ],
)
def test_it_means_what_it_says(text: str, python: object) -> None:
    condition = Condition(text)
    for some in chain.from_iterable(combinations(PARTS, k) for k in range(4)):
        assert condition.true(frozenset(some)) == python(*(p in some for p in PARTS))  # type: ignore[operator]  # a lambda
    assert set(condition.names) <= set(PARTS)


def test_names_stand_in_their_order() -> None:
    assert Condition("heat and (co or heat) and smoke").names == ("heat", "co", "smoke")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smoke and 1", "column 11: expected the name of a part"),
        ("smoke + co", "column 7: a condition has no '+'"),
        ("smoke and", "got the end"),
        ("smoke co", "column 7: expected an operator, got 'co'"),
        ("not smoke", "true although no part is"),
        ("smoke and (co", "expected ')'"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Condition(text)
    assert message in str(caught.value)
