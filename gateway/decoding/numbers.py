"""Raw values of a document as numbers: what devices mean by `"+25"`, `true`, `"ON"` or an empty text."""

import math
import re
from typing import Any

from community.refusal import Reason
from gateway.fault import Fault

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_TRUE = frozenset(("true", "on", "yes", "1"))
_FALSE = frozenset(("false", "off", "no", "0"))
_MOST_DIGITS = 64


def number_of(raw: Any) -> float | None:
    """The number that a raw value is; None if it is none. NaN and the infinities are numbers here."""
    if isinstance(raw, (int, float)):  # booleans too
        try:
            return float(raw)
        except OverflowError:
            return math.inf
    if isinstance(raw, str):
        text = raw.strip()
        if len(text) <= _MOST_DIGITS and _NUMBER.fullmatch(text):
            return float(text)
    return None


def read_number(raw: Any, place: str, *, flag: bool) -> float | Fault | None:
    """A raw value as a number; None for "not measured" (null or an empty text); or what is wrong with it.

    Args:
        raw: of a document.
        place: of the value, for the fault.
        flag: whether the signal is 1 or 0: then `on`, `off` and the like are understood, else true is no number.
    """
    if raw is None or raw == "":
        return None
    if isinstance(raw, bool) and not flag:
        return Fault(Reason.SCHEMA, place, f"expected a number, got {str(raw).lower()}")
    if flag and isinstance(raw, str):
        word = raw.strip().lower()
        if word in _TRUE or word in _FALSE:
            return float(word in _TRUE)
    value = number_of(raw)
    if value is None:
        return Fault(Reason.SCHEMA, place, f"expected {'true or false' if flag else 'a number'}, got {shown(raw)}")
    if math.isnan(value):
        return Fault(Reason.NAN, place, "not a number")
    if math.isinf(value):
        return Fault(Reason.OUT_OF_RANGE, place, "larger than any number")
    return value


def word_of(raw: Any) -> str | None:
    """A scalar as lower-case text, to be looked up: `true`, `2`, `alarm`; numbers by value. None if it is none."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 1e15:
        return str(int(raw))
    if isinstance(raw, int) and abs(raw) >= 1 << 64:
        return None
    if isinstance(raw, (int, float)):
        return str(raw)
    if not isinstance(raw, str):
        return None
    number = number_of(raw)
    return raw.strip().lower() if number is None or math.isinf(number) else word_of(number)


def integer_of(raw: Any) -> int | None:
    """A word of bits: a whole number, or a text with one in decimal or, after `0x`, in hex."""
    if isinstance(raw, str):
        text = raw.strip().lower()
        if len(text) > 20:
            return None
        try:
            return int(text, 16) if text.startswith("0x") else int(text)
        except ValueError:
            return None
    if isinstance(raw, float):
        return int(raw) if raw.is_integer() and abs(raw) < 2**63 else None
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < 1 << 64 else None


def shown(raw: Any) -> str:
    """A raw value for people, cut to some forty characters."""
    if raw is None:
        return "null"
    if isinstance(raw, dict):
        return "an object"
    if isinstance(raw, list):
        return "a list"
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) >= 1 << 64:
        return "an integer of more than 64 bits"  # writing it out may take long, or be refused
    text = str(raw).lower() if isinstance(raw, bool) else repr(raw)
    return text if len(text) <= 40 else text[:39] + "…"
