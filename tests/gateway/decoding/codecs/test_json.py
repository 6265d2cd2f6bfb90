"""JSON as it should be, and as it comes."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import Reason
from gateway.decoding.codecs.json import JsonCodec, parse
from gateway.decoding.profile import UnreadableError

_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_what_is_json_is_read_as_it_is(value: Any) -> None:
    assert parse(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) == _paired(value, "?")
    assert parse(json.dumps(value).encode()) == _paired(value, "\ufffd")


def _paired(value: Any, instead: str) -> Any:
    """Without lone surrogates, which no bytes can carry."""
    if isinstance(value, str):
        return "".join(instead if "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, list):
        return [_paired(item, instead) for item in value]
    if isinstance(value, dict):
        return {_paired(k, instead): _paired(v, instead) for k, v in value.items()}
    return value


@given(st.binary() | st.text().map(str.encode) | _VALUES.map(lambda v: json.dumps(v).encode()[:-1]))
def test_whatever_comes_is_a_document_or_a_named_fault(payload: bytes) -> None:
    fault = None
    try:
        documents = JsonCodec().read("t", payload, 0)
    except UnreadableError as unreadable:
        fault = unreadable.fault
    if fault is None:
        assert len(documents) == (1 if payload else 0)
        json.dumps([d.body for d in documents], ensure_ascii=False).encode()
    else:
        assert fault.reason in (Reason.NOT_JSON, Reason.SCHEMA)
        assert fault.detail


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'\xef\xbb\xbf {"a": 1}\r\n\0\0', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "x\ty"}', {"a": "x\ty"}),
        ('{"部位": "厨房"}'.encode(), {"部位": "厨房"}),
        ('{"部位": "厨房", "t": 21}'.encode("gbk"), {"部位": "厨房", "t": 21}),
        (b'{"smoke": true, "t": nan, "n": "nan, \\"inf\\""}', {"smoke": True, "t": "NaN", "n": 'nan, "inf"'}),
        (b'{"t": -nan, "u": nan(ind), "v": NaN, "w": [NAN]}', {"t": "NaN", "u": "NaN", "v": "NaN", "w": ["NaN"]}),
        (b'{"t": inf, "u": -Infinity, "v": +INF}', {"t": math.inf, "u": -math.inf, "v": math.inf}),
        (b'{"t": 1e999, "u": -1e999}', {"t": math.inf, "u": -math.inf}),
        (b'{"t": ' + b"9" * 10_000 + b"}", {"t": math.inf}),
        (b'{"name": "\\ud83d"}', {"name": "\ufffd"}),
    ],
)  # fmt: skip
def test_what_is_read_though_it_is_not_the_standard(payload: bytes, body: Any) -> None:
    assert _nan_as_text(parse(payload)) == body


def _nan_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _nan_as_text(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_nan_as_text(v) for v in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"\0 \0", Reason.NOT_JSON, "Expecting value"),
        (b'{"a": 1', Reason.NOT_JSON, "line 1 column 8"),
        (b'{"a": 1}{"a": 2}', Reason.NOT_JSON, "Extra data"),
        (b"{'a': 1}", Reason.NOT_JSON, "double quotes"),
        (b'{"a": nan,}', Reason.NOT_JSON, "column 7"),
        (b'{"a": nano}', Reason.NOT_JSON, "column 7"),
        (b'{"a": "\xff\xff"', Reason.NOT_JSON, "not UTF-8 at byte 7"),
        (b"[" * 60_000, Reason.SCHEMA, "nested too deeply"),
        (b'{"a":' * 10_000 + b"nan" + b"}" * 10_000, Reason.SCHEMA, "nested too deeply"),
        (b'"' + b'\\"' * 30_000, Reason.NOT_JSON, "Unterminated"),
    ],
)
def test_what_is_refused_says_why_and_where(payload: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(UnreadableError, match=detail) as refused:
        parse(payload)
    assert refused.value.fault.reason is reason


def test_a_text_cut_within_a_character_takes_nothing_away_from_its_neighbours() -> None:
    (document,) = JsonCodec().read("t", b'{"name": "caf\xc3", "smoke": true}', 0)
    assert document.body == {"name": "caf\ufffd", "smoke": True}
    assert [str(fault) for fault in document.faults] == ["not UTF-8 at byte 13"]


def test_texts_of_two_codes_in_one_message_are_read_each_by_itself() -> None:
    payload = '{"漏电报警": "报警", "部位": "'.encode() + "厨房".encode("gbk") + b'", "x": "\xff"}'
    (document,) = JsonCodec().read("t", payload, 0)
    assert document.body == {"漏电报警": "报警", "部位": "厨房", "x": "\ufffd"}
    assert [fault.reason for fault in document.faults] == [Reason.NOT_JSON]


def test_an_empty_payload_clears_a_retained_message_and_says_nothing() -> None:
    assert JsonCodec().read("t", b"", 0) == ()
