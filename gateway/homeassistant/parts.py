"""What value templates are made of: each part is a function of what was received, or of other parts."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.decoding.numbers import integer_of, number_of
from gateway.decoding.paths import MISSING

Node = Callable[["Given"], Any]
"""Value of a part of a template, or `MISSING`."""


class Given(NamedTuple):
    """What a template is applied to: the payload as text, and as JSON (`MISSING` if it is none)."""

    value: str
    value_json: Any


def choice(condition: Node, yes: Node, no: Node) -> Node:
    """`yes if condition else no`; missing if the condition is."""

    def choose(given: Given) -> Any:
        holds = condition(given)
        if holds is MISSING:
            return MISSING
        return yes(given) if holds else no(given)

    return choose


def constant(value: Any) -> Node:
    """The same whatever was received."""

    return lambda _: value


def value_of(given: Given) -> Any:
    """The payload as text."""

    return given.value


def value_json_of(given: Given) -> Any:
    """The payload as JSON; null is missing."""

    return MISSING if given.value_json is None else given.value_json


def member(node: Node, key: str | int) -> Node:
    """A member of an object or list; null and what is not there are missing."""

    def member(given: Given) -> Any:
        holder = node(given)
        if isinstance(holder, dict):
            found = holder.get(key, MISSING)
            return MISSING if found is None else found
        if isinstance(holder, list) and isinstance(key, int) and key < len(holder):
            return MISSING if holder[key] is None else holder[key]
        return MISSING

    return member


def any_of(nodes: list[Node]) -> Node:
    """`or`: true as soon as any part is known to be."""

    def either(given: Given) -> Any:
        found = [node(given) for node in nodes]
        if any(f is not MISSING and f for f in found):
            return True  # what is known suffices: danger must not wait for the rest
        return MISSING if MISSING in found else False

    return either


def all_of(nodes: list[Node]) -> Node:
    """`and`: false as soon as any part is known to be."""

    def both(given: Given) -> Any:
        found = [node(given) for node in nodes]
        if any(f is not MISSING and not f for f in found):
            return False
        return MISSING if any(f is MISSING for f in found) else True

    return both


def negated(node: Node) -> Node:
    """`not`."""

    def negated(given: Given) -> Any:
        found = node(given)
        return MISSING if found is MISSING else not found

    return negated


def binary(operation: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    """An operation on two parts, both of them there."""

    def both(given: Given) -> Any:
        a, b = left(given), right(given)
        return MISSING if a is MISSING or b is MISSING else operation(a, b)

    return both


def _equal(a: Any, b: Any) -> Any:
    if isinstance(a, (dict, list)) or isinstance(b, (dict, list)):
        return MISSING
    if isinstance(a, str) is not isinstance(b, str):
        # `value == 1` of a text, `value_json.x == '1'` of a number: what the writer of the template meant.
        x, y = number_of(a), number_of(b)
        return x is not None and x == y
    return bool(a == b)


def among(node: Node, nodes: list[Node]) -> Node:
    """`in [...]`: whether it equals one of the parts."""

    def found(given: Given) -> Any:
        value = node(given)
        same = [MISSING if value is MISSING or (n := other(given)) is MISSING else _equal(value, n) for other in nodes]
        return True if True in same else MISSING if MISSING in same else False

    return found


def within(node: Node, holder: Node) -> Node:
    """`in`: whether it is part of a text, or an element of a list in the payload."""

    def found(given: Given) -> Any:
        value, whole = node(given), holder(given)
        if isinstance(value, str) and isinstance(whole, str):
            return value in whole
        if value is MISSING or not isinstance(whole, list):
            return MISSING
        return any(_equal(value, element) is True for element in whole)

    return found


def _numbers(operation: Callable[[float, float], Any]) -> Callable[[Any, Any], Any]:
    def applied(a: Any, b: Any) -> Any:
        x, y = number_of(a), number_of(b)
        if x is None or y is None:
            return MISSING
        try:
            return operation(x, y)
        except (ZeroDivisionError, OverflowError):
            return MISSING

    return applied


COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": _equal,
    "!=": lambda a, b: MISSING if (same := _equal(a, b)) is MISSING else not same,
    "<": _numbers(lambda a, b: a < b),
    ">": _numbers(lambda a, b: a > b),
    "<=": _numbers(lambda a, b: a <= b),
    ">=": _numbers(lambda a, b: a >= b),
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _numbers(lambda a, b: a + b),
    "-": _numbers(lambda a, b: a - b),
    "*": _numbers(lambda a, b: a * b),
    "/": _numbers(lambda a, b: a / b),
}
WORDS: dict[str, Any] = {"true": True, "false": False, "none": MISSING}


def _on_value(change: Callable[[Any], Any]) -> Callable[[Node, list[Node]], Node]:
    def made(node: Node, _: list[Node]) -> Node:
        def filtered(given: Given) -> Any:
            found = node(given)
            return MISSING if found is MISSING else change(found)

        return filtered

    return made


def _float(found: Any) -> Any:
    number = number_of(found)
    return MISSING if number is None else number


def _int(found: Any) -> Any:
    number = number_of(found)
    return MISSING if number is None or not math.isfinite(number) else float(math.trunc(number))


def _round(node: Node, arguments: list[Node]) -> Node:
    def rounded(given: Given) -> Any:
        number = number_of(node(given))
        places = number_of(arguments[0](given)) if arguments else 0.0
        if number is None or places is None or not math.isfinite(number) or not 0 <= places <= 15:
            return MISSING
        return float(round(number, int(places)))

    return rounded


def _iif(node: Node, arguments: list[Node]) -> Node:
    yes = arguments[0] if arguments else constant(True)
    return choice(node, yes, arguments[1] if len(arguments) > 1 else constant(False))


def _bitwise_and(node: Node, arguments: list[Node]) -> Node:
    def masked(given: Given) -> Any:
        word, mask = integer_of(node(given)), integer_of(arguments[0](given)) if arguments else None
        return MISSING if word is None or mask is None else float(word & mask)

    return masked


def _text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda found: change(found) if isinstance(found, str) else found


CALLED = frozenset(("float", "int", "iif"))
"""Filters that may be written as functions, too: `float(value)`."""

FILTERS: dict[str, Callable[[Node, list[Node]], Node]] = {
    "float": _on_value(_float),
    "int": _on_value(_int),
    "round": _round,
    "iif": _iif,
    "bitwise_and": _bitwise_and,
    "abs": _on_value(lambda found: abs(x) if (x := number_of(found)) is not None else MISSING),
    "default": _on_value(lambda found: found),
    "d": _on_value(lambda found: found),
    "is_defined": _on_value(lambda found: found),
    "string": _on_value(lambda found: found),
    "upper": _on_value(_text(str.upper)),
    "lower": _on_value(_text(str.lower)),
    "trim": _on_value(_text(str.strip)),
}
