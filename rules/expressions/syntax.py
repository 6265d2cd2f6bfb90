"""From text to a tree: the grammar that limits, row expressions and conditions share.

    expression := conjunction { "or" conjunction }
    conjunction := negation { "and" negation }
    negation := "not" negation | comparison
    comparison := sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
    sum := product { ( "+" | "-" ) product }
    product := sign { ( "*" | "/" ) sign }
    sign := "-" sign | atom
    atom := number | name | function "(" expression { "," expression } ")" | "(" expression ")"

A number has digits and at most one point; a name has letters, digits and underscores, or is `device.` and a rating.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

MOST_CHARACTERS = 400
MOST_DEPTH = 24
"""Deepest nesting of brackets and signs; with `MOST_CHARACTERS` it bounds what parsing may cost."""

MOST_DIGITS = 15
"""Digits of a number: what a float64 holds exactly."""

FUNCTIONS = {"min": (2, 8), "max": (2, 8), "abs": (1, 1), "sqrt": (1, 1)}
"""Name → fewest and most arguments."""

_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_0-9]+)*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/()<>,])",
    re.ASCII,
)
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_WORDS = ("and", "or", "not")


class ExpressionError(ValueError):
    """An expression that is not one; the message begins with the column, counted from 1."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(f"column {at + 1}: {message}")
        self.at = at


class Number(NamedTuple):
    """A number exactly as written."""

    at: int
    value: Fraction


class Name(NamedTuple):
    """A name; what it means is the use's business."""

    at: int
    name: str


class Operation(NamedTuple):
    """An operator or a function with its operands.

    Attributes:
        operator: `+ - * / < <= > >= == != and or not neg` or a function's name.
    """

    at: int
    operator: str
    operands: tuple["Node", ...]


Node = Number | Name | Operation


@dataclass(frozen=True, slots=True)
class Expression:
    """What the three uses have in common: the text, and how pydantic reads and writes it."""

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls._validated, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        del schema, handler
        return {"type": "string", "maxLength": MOST_CHARACTERS}

    @classmethod
    def _validated(cls, given: object) -> "Expression":
        if isinstance(given, cls):
            return given
        if not isinstance(given, str):
            raise ValueError("expected an expression in quotes")
        return cls(given)


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises:
        ExpressionError: the text is not an expression, or too long, or too deep.
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(MOST_CHARACTERS, f"longer than {MOST_CHARACTERS} characters")
    return _Parser(text).whole()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right, operands before their operation."""
    if isinstance(node, Operation):
        for operand in node.operands:
            yield from walk(operand)
    yield node


def names_of(node: Node) -> tuple[Name, ...]:
    """The names in a tree, each where it first stands."""
    found: dict[str, Name] = {}
    for inner in walk(node):
        if isinstance(inner, Name):
            found.setdefault(inner.name, inner)
    return tuple(found.values())


def only(node: Node, operators: frozenset[str], what: str) -> None:
    """Refuse operations that this use of expressions does not know.

    Raises:
        ExpressionError: at the first one.
    """
    for inner in walk(node):
        if isinstance(inner, Operation) and inner.operator not in operators:
            word = "-" if inner.operator == "neg" else inner.operator
            raise ExpressionError(inner.at, f"{what} has no {word!r}")


def unknown(name: Name, what: str, known: tuple[str, ...]) -> ExpressionError:
    """The error that names the nearest known name."""
    near = get_close_matches(name.name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return ExpressionError(name.at, f"{name.name!r} is not {what}{hint}")


class _Token(NamedTuple):
    at: int
    text: str
    kind: str


class _Parser:
    """Recursive descent, one method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression()
        if self._token.kind != "end":
            raise ExpressionError(self._token.at, f"expected an operator, got {self._token.text!r}")
        return node

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> _Token | None:
        token = self._token
        if token.kind in ("sign", "word") and token.text in texts:
            self._at += 1
            return token
        return None

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise ExpressionError(self._token.at, f"expected {text!r}{_got(self._token)}")

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ExpressionError(self._token.at, f"nested deeper than {MOST_DEPTH}")
        node = self._conjunction()
        while token := self._take("or"):
            node = Operation(token.at, "or", (node, self._conjunction()))
        self._depth -= 1
        return node

    def _conjunction(self) -> Node:
        node = self._prefixed("not", "not")
        while token := self._take("and"):
            node = Operation(token.at, "and", (node, self._prefixed("not", "not")))
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        if token := self._take(*_COMPARISONS):
            node = Operation(token.at, token.text, (node, self._sum()))
            if token := self._take(*_COMPARISONS):
                raise ExpressionError(token.at, "comparisons do not chain; write a < b and b < c")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while token := self._take("+", "-"):
            node = Operation(token.at, token.text, (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._prefixed("-", "neg")
        while token := self._take("*", "/"):
            node = Operation(token.at, token.text, (node, self._prefixed("-", "neg")))
        return node

    def _prefixed(self, sign: str, operator: str) -> Node:
        """A chain of `not` or of `-`, without recursion: its length is bounded as nesting is."""
        signs = []
        while token := self._take(sign):
            signs.append(token)
        if len(signs) > MOST_DEPTH:
            raise ExpressionError(signs[0].at, f"nested deeper than {MOST_DEPTH}")
        node = self._comparison() if sign == "not" else self._atom()
        for token in reversed(signs):
            node = Operation(token.at, operator, (node,))
        return node

    def _atom(self) -> Node:
        token = self._token
        self._at += token.kind != "end"
        if token.kind == "number":
            if len(token.text.replace(".", "")) > MOST_DIGITS:
                raise ExpressionError(token.at, f"a number of more than {MOST_DIGITS} digits")
            return Number(token.at, Fraction(token.text))
        if token.kind == "name":
            return self._call(token) if self._take("(") else Name(token.at, token.text)
        if token.text == "(" and token.kind == "sign":
            node = self._expression()
            self._expect(")")
            return node
        raise ExpressionError(token.at, f"expected a number or a name{_got(token)}")

    def _call(self, token: _Token) -> Node:
        if token.text not in FUNCTIONS:
            raise unknown(Name(token.at, token.text), f"a function ({', '.join(FUNCTIONS)})", tuple(FUNCTIONS))
        operands = [self._expression()]
        while self._take(","):
            operands.append(self._expression())
        self._expect(")")
        fewest, most = FUNCTIONS[token.text]
        if not fewest <= len(operands) <= most:
            number = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ExpressionError(token.at, f"{token.text} takes {number} arguments, got {len(operands)}")
        return Operation(token.at, token.text, tuple(operands))


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        if at >= len(text):
            return [*tokens, _Token(len(text), "", "end")]
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(at, f"unexpected {text[at]!r}")
        kind = str(match.lastgroup)
        if kind == "number" and re.match(r"[\w.]", text[match.end() : match.end() + 1]):
            raise ExpressionError(match.end(), f"unexpected {text[match.end()]!r} after a number")
        tokens.append(_Token(at, match[0], "word" if match[0] in _WORDS else kind))
        at = match.end()


def _got(token: _Token) -> str:
    return ", got the end" if token.kind == "end" else f", got {token.text!r}"
