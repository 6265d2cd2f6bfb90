"""Modbus responses in the forms in which DTUs send them."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import Reason
from gateway.decoding.codecs.modbus import ModbusCodec
from gateway.decoding.codecs.modbus_frames import MAX_FRAMES, crc16
from gateway.decoding.profile import Document, UnreadableError


def _closed(frame: bytes) -> bytes:
    return frame + crc16(frame).to_bytes(2, "little")


def _response(unit: int, function: int, data: bytes) -> bytes:
    return _closed(bytes((unit, function, len(data))) + data)


def _read(payload: bytes) -> Sequence[Document]:
    return ModbusCodec().read("dtu/x", payload, 0)


RESPONSE = _response(1, 3, bytes.fromhex("08fc01f4"))
BODY = {"unit": 1, "function": 3, "start": 0, "data": "08fc01f4"}


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc16(b"123456789") == 0x4B37  # the catalogue's check value of CRC-16/MODBUS


@pytest.mark.parametrize(
    "payload",
    [
        RESPONSE,
        RESPONSE.hex().encode(),
        RESPONSE.hex(" ").upper().encode() + b"\r\n",
        b"0x" + RESPONSE.hex().encode(),
        ", ".join(f"0x{b:02X}" for b in RESPONSE).encode(),
        bytes.fromhex("00070000000701030408fc01f4").hex().encode(),  # Modbus/TCP has a length and no checksum
    ],
)
def test_a_response_bare(payload: bytes) -> None:
    (document,) = _read(payload)
    assert (document.body, document.captures) == (BODY, {"unit": "1"})


@pytest.mark.parametrize(
    ("message", "start"),
    [
        ({"data": RESPONSE.hex()}, 0),
        ({"hex": RESPONSE.hex(" "), "start": 0, "ts": 5}, 0),
        ({"addr": 1, "func": 3, "data": RESPONSE.hex()}, 0),
        ({"slaveId": "1", "fc": 3, "reg": "0x10", "data": "08FC01F4"}, 16),
        ({"unit": 1, "values": [2300, 500]}, 0),
        ({"unit": 1, "function": 3, "start": 16, "registers": [2300, 500]}, 16),
    ],
)
def test_a_response_within_json(message: dict[str, Any], start: int) -> None:
    (document,) = _read(json.dumps(message).encode())
    assert (document.body, document.captures) == ({**BODY, "start": start, "message": message}, {"unit": "1"})


def test_a_bus_heard_along() -> None:
    request = _closed(bytes.fromhex("010300000002"))
    echo = _closed(bytes.fromhex("010600010001"))
    other = _response(2, 4, bytes.fromhex("ffff"))
    assert [d.body["unit"] for d in _read(request + RESPONSE + echo + other)] == [1, 2]
    assert _read(request) == []


def test_a_request_is_never_taken_for_a_response() -> None:
    # Reads from register 0x0300: its third byte is the length that a response of eight bytes would have.
    assert _read(_closed(bytes.fromhex("010303000002"))) == []


def test_coils() -> None:
    (document,) = _read(_response(7, 1, b"\x05"))
    assert document.body == {"unit": 7, "function": 1, "start": 0, "data": "05"}


def test_several_objects_and_a_bad_one() -> None:
    good = {"unit": 1, "registers": [1]}
    documents = _read(
        json.dumps(
            [good, 7, {"csq": 21}, {"fc": 131, "data": []}, {"data": "zz"}, {"unit": 2, "values": [70_000]}]
        ).encode()
    )
    assert [d.body["unit"] for d in documents if d.body] == [1]
    assert [f.detail for d in documents for f in d.faults] == [
        "expected an object with a frame, got 7",
        "neither a Modbus frame nor hex text nor JSON",
        "expected at most 125 registers from 0 to 65535, the first 0 are",
    ]


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (_closed(b"\x01\x83\x02"), "unit 1 answers function 3 with illegal data address"),
        (_closed(b"\x09\x84\x0b"), "unit 9 answers function 4 with gateway target does not respond"),
        (_closed(b"\x09\x84\x63"), "an unknown exception"),
        (bytes.fromhex("000700000003018302").hex().encode(), "unit 1 answers function 3 with illegal data address"),
        (_response(1, 4, b"\1\2\3\4\5"), "unit 1: 5 bytes are no registers"),
        (json.dumps([{"unit": 1, "values": [1]}] * (MAX_FRAMES + 1)).encode(), "101 objects, at most 100"),
    ],
)
def test_what_is_no_reading_is_named(payload: bytes, detail: str) -> None:
    faults = [f for d in _read(payload) for f in d.faults]
    assert [f.reason for f in faults] == [Reason.SCHEMA]
    assert detail in faults[0].detail


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (RESPONSE[:-1] + b"\0", "neither"),
        (RESPONSE[:-1].hex().encode() + b"00", "no Modbus frame with a right checksum in 9 bytes"),
        (RESPONSE.hex().encode()[:-1], "neither"),
        (b"www.example.org", "neither"),
        (b"{", "double quotes"),
        (b"\0" * 5 + RESPONSE, "neither"),  # more than noise
    ],
)
def test_what_is_refused_whole(payload: bytes, detail: str) -> None:
    with pytest.raises(UnreadableError, match=detail):
        _read(payload)


def test_noise_before_a_response_and_a_garbled_one_among_right_ones() -> None:
    garbled = RESPONSE[:-1] + b"\0"
    other = _response(2, 3, b"\0\1")
    for payload, units, lost in (
        (b"\0\xff" + RESPONSE, [1], 2),
        (other + garbled, [2], len(garbled)),
        (other + garbled + RESPONSE, [2, 1], len(garbled)),
        (RESPONSE * (MAX_FRAMES + 1), [1] * MAX_FRAMES, len(RESPONSE)),
    ):
        documents = _read(payload)
        assert [d.body["unit"] for d in documents if d.body] == units
        assert [f.detail.split()[0] for d in documents for f in d.faults] == [str(lost)]


def test_a_request_tells_where_the_registers_of_its_response_begin() -> None:
    request = _closed(bytes.fromhex("010301000002"))
    assert [d.body["start"] for d in _read(request + RESPONSE)] == [256]
    for other in ("020301000002", "010401000002", "010301000001"):  # another unit, function or length
        assert [d.body["start"] for d in _read(_closed(bytes.fromhex(other)) + RESPONSE)] == [0]
    written = _closed(bytes.fromhex("0110010000020400010002"))
    assert [d.body["start"] for d in _read(written + RESPONSE)] == [0]


@pytest.mark.parametrize(
    "message",
    [
        RESPONSE.hex(),
        [RESPONSE.hex()],
        {"rawData": list(RESPONSE)},
        {"Data": base64.b64encode(RESPONSE).decode()},
        {"sn": "7", "data": [{"hex": RESPONSE.hex()}]},
        {"msg": {"slave_addr": 1, "FunctionCode": 3, "payload": "08fc01f4"}},
        {"slaveAddress": 1, "start_address": 0, "values": ["0x08FC", 500]},
    ],
)
def test_the_wrappings_of_makers(message: Any) -> None:
    (document,) = _read(json.dumps(message).encode())
    assert {k: v for k, v in document.body.items() if k != "message"} == BODY


def test_bytes_in_base64_with_something_lost_are_none() -> None:
    (document,) = _read(json.dumps({"data": base64.b64encode(b"\0" + RESPONSE).decode()}).encode())
    assert document.faults


def test_registers_before_one_that_is_none_are_read() -> None:
    documents = _read(json.dumps({"unit": 1, "values": [2300, 500, None, 4]}).encode())
    assert [d.body["data"] for d in documents if d.body] == ["08fc01f4"]
    assert [f.detail for d in documents for f in d.faults] == [
        "expected at most 125 registers from 0 to 65535, the first 2 are"
    ]
    documents = _read(json.dumps({"unit": 1, "values": [1000] * 126}).encode())
    assert [len(d.body["data"]) for d in documents if d.body] == [500]


def test_nothing_says_nothing() -> None:
    assert _read(b"") == ()
    assert _read(b"{}") == []


_DATA = st.binary(min_size=1, max_size=125).map(lambda b: b + b)


@given(st.integers(1, 247), st.sampled_from((3, 4)), _DATA)
def test_every_response_is_read_in_every_form(unit: int, function: int, data: bytes) -> None:
    frame = _response(unit, function, data)
    for payload in (frame, frame.hex().encode(), json.dumps({"data": frame.hex()}).encode()):
        (document,) = _read(payload)
        assert (document.body["unit"], document.body["function"]) == (unit, function)
        assert document.body["data"] == data.hex()


@given(st.integers(1, 247), _DATA, st.data())
def test_a_bit_turned_over_is_noticed(unit: int, data: bytes, draw: st.DataObject) -> None:
    frame = bytearray(_response(unit, 3, data))
    bit = draw.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    bodies: list[Any] = []
    try:
        bodies = [d.body for d in _read(bytes(frame).hex().encode())]
    except UnreadableError as unreadable:
        bodies.append(unreadable.fault)
    assert all(not isinstance(body, dict) for body in bodies)


@given(st.binary() | st.text(alphabet="0123456789abcdefx ").map(str.encode))
def test_whatever_comes_is_a_response_or_a_named_fault(payload: bytes) -> None:
    fault = None
    try:
        documents = _read(payload)
    except UnreadableError as unreadable:
        fault = unreadable.fault
    if fault is None:
        assert all(isinstance(d.body, dict) or d.faults for d in documents)
    else:
        assert fault.detail
