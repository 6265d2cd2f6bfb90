"""Values computed from a row of signals, e.g. `abs(active_power) - voltage * current * abs(power_factor)`.

Missing stays missing: through arithmetic, functions and comparisons. `and`, `or` and `not` are three-valued as in SQL
(false and missing is false, true or missing is true). Truth is 1, falsehood 0; any number but 0 counts as true. What
has no value (division by 0, the root of a negative number, a result that is not finite) is missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, isnan, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from community.estate import Ratings
from community.quantities import SIGNALS
from rules.expressions.formula import RATINGS, rating_of
from rules.expressions.syntax import Expression, ExpressionError, Name, Node, Number, names_of, parse, unknown, walk

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RowExpression(Expression):
    """A value computed from the signals of one reading, and the device's ratings (`device.rated_current`).

    Attributes:
        signals: names of the signals, each once.
        ratings: names of the ratings, without `device.`.

    Raises:
        ExpressionError: the text is not such an expression, or names no signal.
    """

    signals: tuple[str, ...] = field(init=False, compare=False)
    ratings: tuple[str, ...] = field(init=False, compare=False)
    _node: Node = field(init=False, repr=False, compare=False)
    _code: tuple[tuple[str, Any], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        node = parse(self.text)
        names = names_of(node)
        for name in names:
            if name.name not in SIGNALS and rating_of(name.name) is None:
                raise unknown(name, "a signal or a rating", (*SIGNALS, *(f"device.{r}" for r in RATINGS)))
        signals = tuple(n.name for n in names if n.name in SIGNALS)
        if not signals:
            raise ExpressionError(0, "expected a signal somewhere")
        object.__setattr__(self, "_node", node)
        object.__setattr__(self, "signals", signals)
        object.__setattr__(self, "ratings", tuple(r for n in names if (r := rating_of(n.name)) is not None))
        object.__setattr__(self, "_code", tuple(_instruction(n) for n in walk(node)))

    @property
    def needs_all(self) -> bool:
        """Whether the value is missing as soon as any signal is: only `and` and `or` can do without one."""
        return not any(operator in ("and", "or") for operator, _ in self._code)

    def columns(self, columns: Mapping[str, Column], ratings: Mapping[str, Column]) -> Column:
        """The value of every row, one numpy operation for each operation of the text.

        Args:
            columns: float64[n] of each of `signals`, NaN is missing.
            ratings: float64[n] of each of `ratings`.

        Returns:
            float64[n], a new array; NaN where the value is missing.
        """
        stack: list[Any] = []
        with np.errstate(all="ignore"):
            for operator, operand in self._code:
                if operator == "number":
                    stack.append(operand)
                elif operator == "signal":
                    stack.append(columns[operand])
                elif operator == "rating":
                    stack.append(ratings[operand])
                else:
                    taken = stack[-operand:]
                    del stack[-operand:]
                    stack.append(_VECTOR[operator](*taken))
        value = np.asarray(stack[0], np.float64)
        return np.where(np.isfinite(value), value, np.nan)

    def evaluate(self, values: Mapping[str, float], ratings: Ratings) -> float | None:
        """The value of one reading, slowly: the oracle of `columns`. None is missing."""
        value = _scalar(self._node, values, ratings)
        return value if value is not None and isfinite(value) else None


def _instruction(node: Node) -> tuple[str, Any]:
    if isinstance(node, Number):
        return "number", np.float64(float(node.value))
    if isinstance(node, Name):
        rating = rating_of(node.name)
        return ("signal", node.name) if rating is None else ("rating", rating)
    return node.operator, len(node.operands)


def _compare(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, compare(a, b))


def _both(a: Any, b: Any) -> Any:
    missing = np.isnan(a) | np.isnan(b)
    return np.where((a == 0) | (b == 0), 0.0, np.where(missing, np.nan, 1.0))


def _either(a: Any, b: Any) -> Any:
    missing = np.isnan(a) | np.isnan(b)
    true = ((a != 0) & ~np.isnan(a)) | ((b != 0) & ~np.isnan(b))
    return np.where(true, 1.0, np.where(missing, np.nan, 0.0))


def _fold(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def folded(first: Any, *others: Any) -> Any:
        for other in others:
            first = function(first, other)
        return first

    return folded


_VECTOR: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": lambda a, b: np.where(b == 0, np.nan, np.divide(a, b)),
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "min": _fold(np.minimum),  # these two hand NaN on
    "max": _fold(np.maximum),
    "<": _compare(np.less),
    "<=": _compare(np.less_equal),
    ">": _compare(np.greater),
    ">=": _compare(np.greater_equal),
    "==": _compare(np.equal),
    "!=": _compare(np.not_equal),
    "and": _both,
    "or": _either,
    "not": lambda a: np.where(np.isnan(a), np.nan, np.equal(a, 0)),
}

_SCALAR: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else nan,
    "neg": lambda a: -a,
    "abs": abs,
    "sqrt": lambda a: nan if a < 0 else inf if a == inf else sqrt(a),
    "min": min,
    "max": max,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "not": lambda a: float(a == 0),
}


def _scalar(node: Node, values: Mapping[str, float], ratings: Ratings) -> float | None:
    if isinstance(node, Number):
        return float(node.value)
    if isinstance(node, Name):
        rating = rating_of(node.name)
        return values.get(node.name) if rating is None else float(getattr(ratings, rating))
    operands = [_scalar(o, values, ratings) for o in node.operands]
    if node.operator in ("and", "or"):
        decides = node.operator == "or"
        if any(o is not None and bool(o) is decides for o in operands):
            return float(decides)
        return None if None in operands else float(not decides)
    if None in operands:
        return None
    value = _SCALAR[node.operator](*operands)
    return None if isnan(value) else value
