"""Value templates: the common forms of what Home Assistant writes in Jinja, read by a parser of our own.

A template comes over the network from anybody who may announce a device. It is therefore never run: it is parsed,
once, into a small tree of lookups, tests and arithmetic, which cannot loop, call, or grow. What the parser does not
know makes the template unreadable, and the entity is announced as such.

Other than in Home Assistant, what is missing stays missing: `default(0)`, `float(0)` and the falsehood of an undefined
member say what a panel is to show when nothing was measured, and nothing measured must not become a measurement.
"""

import math
import re
from typing import Any

from gateway.decoding.paths import MISSING
from gateway.homeassistant.parts import (
    ARITHMETIC,
    CALLED,
    COMPARED,
    FILTERS,
    WORDS,
    Given,
    Node,
    all_of,
    among,
    any_of,
    binary,
    choice,
    constant,
    member,
    negated,
    value_json_of,
    value_of,
    within,
)

MAX_TEMPLATE = 512
"""Characters of a template."""

MAX_DEPTH = 32
"""Nested parentheses, conditions and subscripts."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?)
      | (?P<text>'[^'\\]*'|"[^"\\]*")
      | (?P<name>[A-Za-z_]\w*)
      | (?P<op>==|!=|<=|>=|[<>|.,()\[\]+\-*/])
    )""",
    re.VERBOSE,
)
_EXPRESSION = re.compile(r"\s*\{\{-?(.*?)-?\}\}\s*", re.DOTALL)
_BRANCH = re.compile(r"\{%-?\s*(if|elif|else|endif)\b(.*?)-?%\}", re.DOTALL)


class TemplateUnreadableError(ValueError):
    """A template that is not one of the common forms; the message says what of it."""


class ValueTemplate:
    """A template that could be read.

    Attributes:
        text: as it came.
        needs_json: whether it looks into `value_json`.
    """

    def __init__(self, text: str) -> None:
        """Read a template.

        Raises:
            TemplateUnreadableError: it is longer, deeper or other than what is known here.
        """
        if len(text) > MAX_TEMPLATE:
            raise TemplateUnreadableError(f"longer than {MAX_TEMPLATE} characters")
        self.text = text
        self.needs_json = "value_json" in text
        self._node = _template(text)

    def __call__(self, given: Given) -> Any:
        """Text, number or truth value; `MISSING` if what it is made of is not there or is not of the right kind."""
        value = self._node(given)
        return MISSING if isinstance(value, float) and not math.isfinite(value) else value


def _template(text: str) -> Node:
    expression = _EXPRESSION.fullmatch(text)
    if expression is not None and "{{" not in expression[1] and "}}" not in expression[1]:
        return _Parser(expression[1]).whole()
    if "{{" not in text and "{%" not in text:
        raise TemplateUnreadableError("always the same text")
    return _branches(text)


def _branches(text: str) -> Node:
    """`{% if %}`, any number of `{% elif %}`, perhaps `{% else %}`, `{% endif %}`, and nothing around or within."""
    before, *pieces = _BRANCH.split(text)
    words, conditions, bodies = pieces[::3], pieces[1::3], pieces[2::3]
    inner = words[1:-1]
    if (
        not words
        or (words[0], words[-1]) != ("if", "endif")
        or before.strip()
        or any("{%" in part for part in (before, *bodies))
        or bodies[-1].strip()
        or any(word != "elif" and (word, i) != ("else", len(inner) - 1) for i, word in enumerate(inner))
    ):
        raise TemplateUnreadableError("not a single {{ ... }}, nor {% if %} with its elif and else")
    # Without an else nothing is said where no condition holds.
    node = constant(MISSING)
    for word, condition, body in reversed(list(zip(words[:-1], conditions, bodies, strict=False))):
        node = _branch(body) if word == "else" else choice(_Parser(condition).whole(), _branch(body), node)
    return node


def _branch(text: str) -> Node:
    if "{{" in text:
        return _template(text)
    return constant(text.strip())


class _Parser:
    """Recursive descent over one expression. As in Jinja, filters bind closest, then * and /, + and -, tests."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise TemplateUnreadableError(f"{text[at : at + 10].strip()!r} is not understood")
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind]))
            at = found.end()
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        """The expression, to its end."""
        node = self._conditional()
        if self._at < len(self._tokens):
            raise TemplateUnreadableError(f"{self._tokens[self._at][1]!r} is not understood there")
        return node

    def _peek(self, *words: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][1] in words

    def _take(self, *words: str) -> str | None:
        if self._peek(*words):
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _need(self, word: str) -> None:
        if self._take(word) is None:
            raise TemplateUnreadableError(f"{word!r} is missing")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise TemplateUnreadableError("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _conditional(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateUnreadableError(f"nested deeper than {MAX_DEPTH}")
        node = self._or()
        if self._take("if"):
            condition = self._or()
            node = choice(condition, node, self._conditional() if self._take("else") else constant(MISSING))
        self._depth -= 1
        return node

    def _or(self) -> Node:
        nodes = [self._and()]
        while self._take("or"):
            nodes.append(self._and())
        return nodes[0] if len(nodes) == 1 else any_of(nodes)

    def _and(self) -> Node:
        nodes = [self._not()]
        while self._take("and"):
            nodes.append(self._not())
        return nodes[0] if len(nodes) == 1 else all_of(nodes)

    def _not(self) -> Node:
        reversed_ = False
        while self._take("not"):
            reversed_ = not reversed_
        node = self._comparison()
        return negated(node) if reversed_ else node

    def _comparison(self) -> Node:
        left = self._sum()
        operator = self._take(*COMPARED)
        if operator is not None:
            return binary(COMPARED[operator], left, self._sum())
        if self._take("in"):
            return self._contained(left)
        if self._at + 1 < len(self._tokens) and self._peek("not") and self._tokens[self._at + 1][1] == "in":
            self._at += 2
            return negated(self._contained(left))
        if self._take("is"):
            undefined = self._take("not") is not None
            self._need("defined")
            return lambda given: (left(given) is MISSING) == undefined
        return left

    def _contained(self, left: Node) -> Node:
        if self._take("["):
            return among(left, self._arguments("]"))
        if self._take("("):
            return among(left, self._arguments(")"))
        return within(left, self._sum())

    def _sum(self) -> Node:
        node = self._product()
        while (operator := self._take("+", "-")) is not None:
            node = binary(ARITHMETIC[operator], node, self._product())
        return node

    def _product(self) -> Node:
        node = self._sign()
        while (operator := self._take("*", "/")) is not None:
            node = binary(ARITHMETIC[operator], node, self._sign())
        return node

    def _sign(self) -> Node:
        negative = False
        while (sign := self._take("-", "+")) is not None:
            negative ^= sign == "-"
        node = self._filtered()
        return binary(ARITHMETIC["*"], node, constant(-1.0)) if negative else node

    def _filtered(self) -> Node:
        node = self._reference()
        while self._take("|"):
            kind, name = self._next()
            made = FILTERS.get(name) if kind == "name" else None
            if made is None:
                raise TemplateUnreadableError(f"filter {name!r} is not understood")
            node = made(node, self._arguments(")") if self._take("(") else [])
        return node

    def _arguments(self, end: str) -> list[Node]:
        arguments: list[Node] = []
        while not self._take(end):
            arguments.append(self._conditional())
            if not self._peek(end):
                self._need(",")
        return arguments

    def _reference(self) -> Node:
        kind, word = self._next()
        if kind == "number":
            return constant(float(word))
        elif kind == "text":
            return constant(word[1:-1])
        elif word == "(":
            node = self._conditional()
            self._need(")")
        elif word == "value":
            return value_of
        elif word in CALLED and kind == "name" and self._take("("):
            of, *more = self._arguments(")") or [constant(MISSING)]
            return FILTERS[word](of, more)
        elif word == "value_json":
            node = value_json_of
        elif word.lower() in WORDS and kind == "name":
            return constant(WORDS[word.lower()])
        else:
            raise TemplateUnreadableError(f"{word!r} is not understood")
        while True:
            if self._take("."):
                kind, key = self._next()
                if kind != "name" and not key.isdecimal():
                    raise TemplateUnreadableError(f"{key!r} is not a member")
                if key == "get" and self._take("("):
                    kind, key = self._next()
                    if kind != "text":
                        raise TemplateUnreadableError(f"get({key}) is not a member")
                    if self._take(","):
                        self._conditional()  # its default: nothing measured is no measurement
                    self._need(")")
                    node = member(node, key[1:-1])
                    continue
                if self._peek("("):
                    raise TemplateUnreadableError(f"method {key!r} is not understood")
                node = member(node, key if kind == "name" else int(key))
            elif self._take("["):
                kind, key = self._next()
                if kind != "text" and not key.isdecimal():
                    raise TemplateUnreadableError(f"[{key}] is not a member")
                node = member(node, key[1:-1] if kind == "text" else int(key))
                self._need("]")
            else:
                return node
