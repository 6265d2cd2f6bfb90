"""SenML packs in both encodings."""

import json
from collections.abc import Sequence
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import Reason
from gateway.decoding.codecs.senml import MAX_RECORDS, SenmlCodec, split_name
from gateway.decoding.profile import Document, UnreadableError

NOW = 1_790_000_000_000
LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
          "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}  # fmt: skip


def _read(pack: Any) -> Sequence[Document]:
    return SenmlCodec().read("senml/x", json.dumps(pack).encode(), NOW)


def _short(documents: Sequence[Document]) -> list[tuple[str | None, int | None, Any]]:
    return [(d.captures.get("device"), d.ts, d.body) for d in documents if d.body is not None]


def _in_numbers(pack: list[dict[str, Any]]) -> list[dict[int, Any]]:
    return [{LABELS[label]: value for label, value in record.items()} for record in pack]


def test_base_fields_hold_until_others_come() -> None:
    pack = [
        {"bn": "urn:dev:mac:02a1:", "bt": 1_790_000_000, "bu": "V", "n": "voltage", "v": 231.5},
        {"n": "current", "u": "A", "v": 3},
        {"n": "voltage", "t": -60, "v": 230},
        {"bn": "urn:dev:mac:02a2:", "bu": "Cel", "n": "temp", "v": 21},
    ]
    assert _short(_read(pack)) == [
        ("urn:dev:mac:02a1", NOW - 60_000, {"voltage": {"V": 230}}),
        ("urn:dev:mac:02a1", NOW, {"voltage": {"V": 231.5}, "current": {"A": 3}}),
        ("urn:dev:mac:02a2", NOW, {"temp": {"Cel": 21}}),
    ]


@pytest.mark.parametrize(
    ("record", "body"),
    [
        ({"n": "a", "bv": 20, "v": 1.5}, {"a": {"/": 21.5}}),
        ({"bv": 20, "n": "a"}, None),
        ({"n": "a", "vb": True}, {"a": {"vb": True}}),
        ({"n": "a", "vs": "on"}, {"a": {"vs": "on"}}),
        ({"n": "a", "vd": "aGk"}, {"a": {"vd": "aGk"}}),
        ({"n": "power", "u": "W", "bs": 10, "s": 5}, {"power": {"W*s": 15}}),
        ({"n": "power", "u": "W", "v": 7, "s": 5}, {"power": {"W": 7, "W*s": 5}}),
        ({"n": "a", "v": "21.5"}, {"a": {"/": 21.5}}),
        ({"n": "a", "v": "hot"}, {"a": {"/": "hot"}}),
        ({"n": "a", "v": None}, {"a": {"/": None}}),
        ({"n": "a", "vb": [1]}, {"a": {"vb": "a list"}}),
        ({"u": "%RH", "v": 40}, {"%RH": {"%RH": 40}}),
        ({"v": 1}, {"/": {"/": 1}}),
    ],
)
def test_values_of_every_kind(record: dict[str, Any], body: Any) -> None:
    name = {"n": "dev/" + record["n"]} if record.get("n") == "a" else {}
    renamed = {**record, **({"n": "dev/alpha"} if name else {})}
    expected = None if body is None else {"alpha" if k == "a" else k: v for k, v in body.items()}
    assert [d.body for d in _read([renamed])] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("fields", "ts"),
    [
        ({}, None),
        ({"t": 0}, None),
        ({"t": -30}, NOW - 30_000),
        ({"bt": -30, "t": 1.5}, NOW - 28_500),
        ({"t": 1_790_000_000.25}, NOW + 250),
        ({"t": "1790000000"}, NOW),
        ({"bt": 268_435_456}, 268_435_456_000),
        ({"t": -1e300}, NOW - 268_435_456_000),
        ({"t": 1e300}, None),
    ],
)
def test_times(fields: dict[str, Any], ts: int | None) -> None:
    assert [d.ts for d in _read([{"n": "x:temp", "v": 1, **fields}])] == [ts]


@pytest.mark.parametrize(
    ("name", "device", "leaf"),
    [
        ("urn:dev:ow:10e2073a01080063:temp", "urn:dev:ow:10e2073a01080063", "temp"),
        ("urn:dev:ow:10e2073a01080063", "urn:dev:ow:10e2073a01080063", None),
        ("urn:dev:ow:10e2073a01080063_voltage", "urn:dev:ow:10e2073a01080063", "voltage"),
        ("2001:db8::7/humidity", "2001:db8::7", "humidity"),
        ("2001:db8::beef", "2001:db8::beef", None),
        ("urn:dev:mac:0024befffe804ff1:phase-l2", "urn:dev:mac:0024befffe804ff1", "phase-l2"),
        ("urn:dev:mac:0024befffe804ff1:", "urn:dev:mac:0024befffe804ff1", None),
        ("temperature", None, "temperature"),
        ("house7/stairs/smoke", "house7/stairs", "smoke"),
        ("meter0815", "meter0815", None),
        ("flat1_smoke_alarm", "flat1", "smoke-alarm"),
        ("flat1:residual_current", "flat1", "residual-current"),
        ("urn:dev:ow:10e2073a01080063;Voltage_L2", "urn:dev:ow:10e2073a01080063", "voltage-l2"),
        ("battery_low", None, "battery-low"),
        ("flat1/SmokeAlarm", "flat1", "smoke-alarm"),
        ("flat1/Smoke", "flat1", "smoke"),
        ("flat1/V", "flat1", "V"),  # a unit
        ("flat_smoke_alarm_2", "flat_smoke_alarm_2", None),
        ("::", None, None),
        ("", None, None),
    ],
)
def test_names(name: str, device: str | None, leaf: str | None) -> None:
    assert split_name(name) == (device, leaf)


def test_a_base_unit_is_for_numbers_only() -> None:
    pack = [{"bn": "d:", "bu": "V", "n": "voltage", "v": 230}, {"n": "relay", "vb": True}, {"n": "state", "vs": "on"}]
    assert _short(_read(pack)) == [("d", None, {"voltage": {"V": 230}, "relay": {"vb": True}, "state": {"vs": "on"}})]


def test_neither_of_two_values_of_one_name_hides_the_other() -> None:
    pack = [{"n": "d:smoke", "vb": True}, {"n": "d:smoke", "vb": False}, {"n": "d:temp", "u": "Cel", "v": 20}]
    assert _short(_read(pack)) == [
        ("d", None, {"smoke": {"vb": True}, "temp": {"Cel": 20}}),
        ("d", None, {"smoke": {"vb": False}}),
    ]


@pytest.mark.parametrize(
    ("record", "place", "detail"),
    [
        (7, "[1]", "expected a record, got 7"),
        ({"n": 7, "v": 1}, "[1].n", "expected a name, got 7"),
        ({"n": "d:temp", "u": 7, "v": 1}, "[1].u", "expected a unit, got 7"),
        ({"n": "d:temp", "bs": [], "s": 1}, "[1].bs", "expected a number, got a list"),
    ],
)
def test_a_bad_record_does_not_take_its_neighbours_with_it(record: Any, place: str, detail: str) -> None:
    documents = _read([{"n": "d:smoke", "vb": True}, record])
    assert _short(documents) == [("d", None, {"smoke": {"vb": True}})]
    assert [(f.reason, f.place, f.detail) for d in documents for f in d.faults] == [(Reason.SCHEMA, place, detail)]


@pytest.mark.parametrize(
    ("record", "place", "detail"),
    [
        ({"t": "noon"}, "[0].t", "expected a number, got 'noon'"),
        ({"bt": True}, "[0].bt", "expected a number, got true"),
        ({"t": 1e999}, "[0].t", "not a time"),
        ({"v": 7, "u": False}, "[0].u", "expected a unit, got false"),
        ({"s": "x"}, "[0].s", "expected a number, got 'x'"),
    ],
)
def test_an_alarm_is_not_lost_for_want_of_a_time_or_beside_another_value(
    record: dict[str, Any], place: str, detail: str
) -> None:
    documents = _read([{"n": "d:smoke", "vb": True, **record}])
    assert _short(documents) == [("d", None, {"smoke": {"vb": True}})]
    assert [(f.reason, f.place, f.detail) for d in documents for f in d.faults] == [(Reason.SCHEMA, place, detail)]


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"7", Reason.SCHEMA, "expected a list of records, got 7"),
        (b"[{", Reason.NOT_JSON, "double quotes"),
        (b'[{"bver": 11, "n": "d:a", "v": 1}]', Reason.SCHEMA, "version 11, at most 10"),
        (b'[{"bver": "x", "n": "d:a", "v": 1}]', Reason.SCHEMA, "version 'x'"),
        (b'[{"n": "d:a", "v": 1, "calibrate_": 1}]', Reason.SCHEMA, "'calibrate_' must be understood"),
        (json.dumps([{}] * (MAX_RECORDS + 1)).encode(), Reason.SCHEMA, "1001 records, at most 1000"),
        (b"\x81\xa1", Reason.NOT_JSON, "neither JSON nor CBOR"),
        (b"\x9f" * 60_000, Reason.NOT_JSON, "nesting depth"),
        (b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", Reason.NOT_JSON, "neither JSON nor CBOR"),
        (bytes.fromhex("81a102c5821a7fffffff01"), Reason.NOT_JSON, "a tag that SenML has not"),
        (bytes.fromhex("81a102d81c80"), Reason.NOT_JSON, "a tag that SenML has not"),
        (bytes.fromhex("81a102d9ffff01"), Reason.NOT_JSON, "a tag that SenML has not"),
        (bytes.fromhex("81a102c401"), Reason.NOT_JSON, "neither JSON nor CBOR"),
        (bytes.fromhex("81a102c482f501"), Reason.NOT_JSON, "in a decimal fraction"),
    ],
)
def test_what_is_refused_whole(payload: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(UnreadableError, match=detail) as refused:
        SenmlCodec().read("senml/x", payload, NOW)
    assert refused.value.fault.reason is reason


def test_decimal_fractions_are_numbers_of_any_size() -> None:
    pack = bytes.fromhex("83a20063643a6102c4822118eaa20063643a6202c4821a3fffffff01a20063643a6302c4823a3fffffff01")
    bodies = [d.body for d in SenmlCodec().read("senml/x", pack, NOW)]
    assert bodies == [{"/": {"/": 2.34}}, {"/": {"/": float("inf")}}, {"/": {"/": 0.0}}]


def test_an_empty_payload_says_nothing() -> None:
    assert SenmlCodec().read("senml/x", b"", NOW) == ()
    assert _read([]) == []


_NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(2**40), 2**40)
_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "bn": st.sampled_from(["urn:dev:mac:02a1:", "house/", ""]),
        "bt": _NUMBERS,
        "bu": st.sampled_from(["V", "Cel"]),
        "bv": _NUMBERS,
        "n": st.sampled_from(["temp", "smoke", "x:co", ""]),
        "u": st.sampled_from(["A", "%RH"]),
        "v": _NUMBERS | st.text(max_size=3) | st.none(),
        "vb": st.booleans(),
        "s": _NUMBERS,
        "t": _NUMBERS,
    },
)


@given(st.lists(_RECORDS, max_size=6))
def test_both_encodings_say_the_same(pack: list[dict[str, Any]]) -> None:
    codec = SenmlCodec()
    plain = codec.read("senml/x", json.dumps(pack).encode(), NOW)
    assert plain == codec.read("senml/x", cbor2.dumps(_in_numbers(pack)), NOW)
    assert plain == codec.read("senml/x", cbor2.dumps(cbor2.CBORTag(55_799, _in_numbers(pack))), NOW)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A sound pack in CBOR with one bit turned over."""
    payload = bytearray(cbor2.dumps(_in_numbers(draw(st.lists(_RECORDS, max_size=4)))))
    bit = draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    return bytes(payload)


@given(st.binary() | _damaged())
def test_whatever_comes_is_a_pack_or_a_named_fault(payload: bytes) -> None:
    fault = None
    try:
        documents = SenmlCodec().read("senml/x", payload, NOW)
    except UnreadableError as unreadable:
        fault = unreadable.fault
    if fault is None:
        assert all(isinstance(d.body, dict) or d.faults for d in documents)
    else:
        assert fault.detail
