"""Expressions in rulebooks: limits that follow ratings, values computed from signals, conditions over parts.

One grammar and one parser of our own (`rules.expressions.syntax`) serve all three. Nothing of Python's is run on the
text, so an expression can do no more than the few operations named here.
"""

from rules.expressions.condition import Condition
from rules.expressions.formula import RATINGS, Formula
from rules.expressions.rows import RowExpression
from rules.expressions.syntax import ExpressionError

__all__ = ["RATINGS", "Condition", "ExpressionError", "Formula", "RowExpression"]
