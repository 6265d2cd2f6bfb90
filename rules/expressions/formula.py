"""Limits that follow a device's ratings, e.g. `0.5 * device.rated_residual`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Final

from community.estate import Ratings
from rules.expressions.syntax import (
    Expression,
    ExpressionError,
    Name,
    Node,
    Number,
    Operation,
    names_of,
    only,
    parse,
    unknown,
    walk,
)

RATINGS: Final = tuple(Ratings.model_fields)
"""Names of the ratings; an expression writes `device.` before them."""

GREATEST = 10**12
"""A limit beyond this, at the least or greatest ratings, is taken for a mistake."""

_EXTREMES = (
    (Fraction(100), Fraction(400)),
    (Fraction(1, 10), Fraction(6_300)),
    (Fraction(1), Fraction(30_000)),
)
"""Least and greatest of each rating that is met, in the order of `RATINGS`."""

_OPERATORS = frozenset({"+", "-", "*", "/", "neg", "min", "max"})
_BINARY: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


@dataclass(frozen=True, slots=True)
class Formula(Expression):
    """A limit for devices of any ratings: numbers and ratings with + - * / ( ) min max.

    It is computed exactly, from the decimal digits as written, and rounded once at the end: 1.10 * 230 is 253.

    Raises:
        ExpressionError: the text is not such a formula, or could divide by zero.
    """

    _node: Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        node = parse(self.text)
        only(node, _OPERATORS, "a limit")
        for name in names_of(node):
            if rating_of(name.name) is None:
                raise unknown(name, "a rating", tuple(f"device.{r}" for r in RATINGS))
        for inner in walk(node):
            if isinstance(inner, Operation) and inner.operator == "/" and not _positive(inner.operands[1]):
                raise ExpressionError(inner.at, "a divisor that could be zero; divide by numbers above 0 and ratings")
        object.__setattr__(self, "_node", node)
        for corner in product(*_EXTREMES):
            if abs(_value(node, dict(zip(RATINGS, corner, strict=True)))) > GREATEST:
                raise ExpressionError(0, f"beyond {GREATEST:g} for some ratings")

    @property
    def ratings(self) -> tuple[str, ...]:
        """Names of the ratings that it refers to, without `device.`, in the order of `RATINGS`."""
        named = {rating_of(n.name) for n in names_of(self._node)}
        return tuple(r for r in RATINGS if r in named)

    def value(self, ratings: Ratings) -> float:
        """The limit for a device with these ratings."""
        return _rounded(self, tuple(getattr(ratings, r) for r in RATINGS))

    @property
    def node(self) -> Node:
        """The formula as a tree."""
        return self._node


def rating_of(name: str) -> str | None:
    """The rating that `device.<rating>` names; None for any other name."""
    head, _, rating = name.partition(".")
    return rating if head == "device" and rating in RATINGS else None


@lru_cache(maxsize=65_536)
def _rounded(formula: Formula, ratings: tuple[float, ...]) -> float:
    """Few formulas meet few ratings, but each pair in every device's duty."""
    exact = {name: Fraction(repr(value)) for name, value in zip(RATINGS, ratings, strict=True)}
    return float(_value(formula.node, exact))


def _value(node: Node, ratings: dict[str, Fraction]) -> Fraction:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return ratings[str(rating_of(node.name))]
    operands = [_value(o, ratings) for o in node.operands]
    if node.operator == "neg":
        return -operands[0]
    if node.operator in ("min", "max"):
        return min(operands) if node.operator == "min" else max(operands)
    return _BINARY[node.operator](operands[0], operands[1])


def _positive(node: Node) -> bool:
    """Whether the value is above 0 whatever the ratings are: ratings are, and nothing is subtracted."""
    if isinstance(node, Number):
        return node.value > 0
    return isinstance(node, Name) or (node.operator not in ("-", "neg") and all(_positive(o) for o in node.operands))
