"""Bare words and numbers."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.codecs.text import TextCodec
from gateway.decoding.profile import UnreadableError


def _body(payload: bytes) -> Any:
    (document,) = TextCodec().read("t", payload, 0)
    return document.body


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b"online", "online"),
        (b'"online"', "online"),
        (b" ON\r\n\0", "ON"),
        (b"23.5", 23.5),
        (b"+25", 25),
        (b"-7", -7),
        (b"0x1F", "0x1F"),
        (b"true", True),
        (b"False", False),
        (b"null", None),
        (b"inf", math.inf),
        (b'{"a": 1}', '{"a": 1}'),
        ("正常".encode(), "正常"),
        ("正常".encode("gbk"), "正常"),
    ],
)
def test_a_word_or_number(payload: bytes, body: Any) -> None:
    assert _body(payload) == body
    assert type(_body(payload)) is type(body)


def test_not_a_number_is_one_here() -> None:
    assert math.isnan(_body(b"nan"))


@pytest.mark.parametrize("payload", [b"", b" \n", b"\0"])
def test_nothing_says_nothing(payload: bytes) -> None:
    assert TextCodec().read("t", payload, 0) == ()


@given(st.binary() | st.text().map(str.encode) | st.floats().map(lambda x: str(x).encode()))
def test_whatever_comes_is_a_value_or_a_named_fault(payload: bytes) -> None:
    fault = None
    try:
        documents = TextCodec().read("t", payload, 0)
    except UnreadableError as unreadable:
        fault = unreadable.fault
    if fault is not None:
        assert "not UTF-8" in fault.detail
    else:
        assert all(d.body is None or isinstance(d.body, (str, int, float)) for d in documents)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value(number: float) -> None:
    assert _body(repr(number).encode()) == number
