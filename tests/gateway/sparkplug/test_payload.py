"""Payloads in protobuf and JSON: what is written is read, and whatever comes is a payload or a named fault."""

import gzip
import json
import math
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import Reason
from gateway.decoding.profile import UnreadableError
from gateway.sparkplug.json_form import read_json
from gateway.sparkplug.metric import BadValueError, Datatype, Kind, Metric, metric
from gateway.sparkplug.payload import COMPRESSED, MAX_INFLATED, MAX_METRICS, Payload, read_protobuf, write_protobuf
from gateway.sparkplug.wire import put_bytes, put_varint

D = Datatype
_BITS = {D.INT8: 8, D.INT16: 16, D.INT32: 32, D.INT64: 64, D.UINT8: 8, D.UINT16: 16, D.UINT32: 32, D.UINT64: 64}


def _values(datatype: Datatype) -> st.SearchStrategy[object]:
    if datatype in _BITS:
        bits = _BITS[datatype]
        if datatype.name.startswith("U"):
            return st.integers(0, 2**bits - 1)
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return {
        D.FLOAT: st.floats(width=32),
        D.DOUBLE: st.floats(),
        D.BOOLEAN: st.booleans(),
        D.DATE_TIME: st.integers(0, 2**64 - 1),
    }.get(datatype, st.text(st.characters(exclude_categories=["Cs"]), max_size=12))


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_TIMES = st.none() | st.integers(0, 2**64 - 1)


@st.composite
def _metrics(draw: st.DrawFn) -> Metric:
    datatype = draw(st.sampled_from([*_BITS, D.FLOAT, D.DOUBLE, D.BOOLEAN, D.STRING, D.DATE_TIME, D.TEXT, D.UUID]))
    return metric(
        draw(st.none() | _values(datatype)),  # type: ignore[arg-type]  # of the datatype's own type
        datatype,
        draw(st.none() | _TEXTS),
        alias=draw(_TIMES),
        timestamp=draw(_TIMES),
        is_historical=draw(st.booleans()),
        quality=draw(st.sampled_from([None, 0, 192, 500])),
    )


_PAYLOADS = st.builds(
    Payload,
    _TIMES,
    st.lists(_metrics(), max_size=5).map(tuple),
    st.none() | st.integers(0, 255),
    st.none() | _TEXTS,
    st.binary(max_size=9),
)


def _same(a: object, b: object) -> bool:
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


@given(_PAYLOADS)
def test_what_is_written_is_read(payload: Payload) -> None:
    again = read_protobuf(write_protobuf(payload))
    assert again._replace(metrics=()) == payload._replace(metrics=())
    assert len(again.metrics) == len(payload.metrics)
    for one, other in zip(payload.metrics, again.metrics, strict=True):
        assert one._replace(raw=None) == other._replace(raw=None)
        assert _same(one.raw, other.raw)
        assert _same(one.value(), other.value())


@given(st.sampled_from(list(_BITS)).flatmap(lambda d: st.tuples(st.just(d), _values(d))))
def test_a_number_comes_back_with_its_sign(case: tuple[Datatype, int]) -> None:
    datatype, value = case
    written = metric(value, datatype, "x")
    # Data need not repeat the datatype: the birth has declared it.
    read = read_protobuf(write_protobuf(Payload(metrics=(written._replace(datatype=None),)))).metrics[0]
    assert read.value(datatype) == value


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(write_protobuf(draw(_PAYLOADS)))
    for _ in range(draw(st.integers(1, 3))):
        if data:
            bit = draw(st.integers(0, 8 * len(data) - 1))
            data[bit // 8] ^= 1 << bit % 8
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(st.binary(max_size=200) | _damaged())
def test_whatever_comes_is_a_payload_or_a_named_fault(data: bytes) -> None:
    for read in (read_protobuf, read_json):
        fault = None
        payload = Payload()
        try:
            payload = read(data)
        except UnreadableError as unreadable:
            fault = unreadable.fault
        if fault is not None:
            assert fault.detail
            assert fault.reason in (Reason.SCHEMA, Reason.NOT_JSON)
        for item in payload.metrics:
            value = None
            with suppress(BadValueError):
                value = item.value()
            assert value is None or isinstance(value, (bool, int, float, str))


@pytest.mark.parametrize(
    ("raw", "kind", "datatype", "value"),
    [
        (0xFB, Kind.INT, D.INT8, -5),  # both ways of writing a small negative number
        (0xFFFFFFFB, Kind.INT, D.INT8, -5),
        (0xFFFFFFFB, Kind.INT, D.INT32, -5),
        (0xFFFFFFFB, Kind.LONG, D.INT32, -5),
        (2**64 - 5, Kind.LONG, D.INT32, -5),
        (2**64 - 5, Kind.LONG, D.INT64, -5),
        (2**64 - 5, Kind.LONG, D.UINT64, 2**64 - 5),
        (127, Kind.INT, D.INT8, 127),
        (5, Kind.INT, None, 5),
        (1, Kind.INT, D.BOOLEAN, True),
        (1.0, Kind.PLAIN, D.BOOLEAN, True),
        (7, Kind.INT, D.DOUBLE, 7),
        (2.5, Kind.FLOAT, D.INT16, 2.5),
        ("on", Kind.STRING, D.BOOLEAN, "on"),
    ],
)
def test_values(raw: object, kind: Kind, datatype: Datatype | None, value: object) -> None:
    assert Metric(kind=kind, raw=raw).value(datatype) == value


@pytest.mark.parametrize(
    ("raw", "kind", "datatype", "why"),
    [
        (68_783, Kind.INT, D.UINT16, "68783 is no UINT16"),  # cut to its type it would be 3247
        (300, Kind.INT, D.INT8, "300 is no INT8"),
        (0xFFFFFFFB, Kind.INT, None, "may be negative"),
        (2**63, Kind.LONG, None, "may be negative"),
        (2, Kind.INT, D.BOOLEAN, "neither true nor false"),
        (0.5, Kind.DOUBLE, D.BOOLEAN, "neither true nor false"),
    ],
)
def test_values_that_a_datatype_does_not_have(raw: object, kind: Kind, datatype: Datatype | None, why: str) -> None:
    with pytest.raises(BadValueError, match=why):
        Metric(kind=kind, raw=raw).value(datatype)


def test_what_is_null_bad_or_stale_is_not_measured() -> None:
    sound = metric(4.5, D.DOUBLE, "x")
    assert sound._replace(is_null=True).value() is None
    assert sound._replace(quality=0).value() is None
    assert sound._replace(quality=500).value() is None
    assert sound._replace(quality=192).value() == 4.5
    assert Metric("x").value() is None
    assert metric(b"picture", D.FILE, "x").value() is None


def test_tables_templates_and_unknown_fields_are_read_past() -> None:
    table = put_bytes(1, b"table") + put_bytes(17, b"\xff\xff whatever")
    data = put_bytes(2, table) + put_varint(90, 1) + put_bytes(2, put_bytes(1, b"a") + put_varint(10, 3))
    payload = read_protobuf(data)
    assert [(m.name, m.value(), m.is_read_past) for m in payload.metrics] == [("table", None, True), ("a", 3, False)]


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_compressed_payloads(pack: object) -> None:
    inner = Payload(5, (metric(7, D.INT32, "x"),), 3)
    outer = Payload(uuid=COMPRESSED, body=pack(write_protobuf(inner)))  # type: ignore[operator]
    assert read_protobuf(write_protobuf(outer)) == inner


ALARM = metric(True, Datatype.BOOLEAN, "Smoke")


@pytest.mark.parametrize(
    "broken",
    [put_bytes(1, b"\xff"), put_varint(12, 1), put_bytes(1, b"x") + b"\x08", put_bytes(1, b"x") + put_bytes(3, b"now")],
)
def test_a_broken_metric_takes_nothing_away_from_its_neighbours(broken: bytes) -> None:
    read = read_protobuf(put_bytes(2, broken) + write_protobuf(Payload(5, (ALARM,), 7)))
    assert read == Payload(5, (Metric(), ALARM), 7)


@pytest.mark.parametrize("broken", ["3", "[]", "null", '{"name": 3, "value": true}'])
def test_nor_does_one_in_json(broken: str) -> None:
    read = read_json(f'{{"metrics": [{broken}, {{"name": "Smoke", "value": true}}]}}'.encode())
    assert read.metrics == (Metric(), Metric("Smoke", kind=Kind.PLAIN, raw=True))


def test_a_field_of_another_wire_type_is_none_that_is_known() -> None:
    assert read_protobuf(put_bytes(1, b"a") + put_bytes(3, b"b") + put_bytes(4, b"\xff")) == Payload(uuid="\ufffd")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x08", "ends within a number"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "more than ten bytes"),
        (b"\x00\x01", "field 0"),
        (b"\x0b", "wire type 3"),
        (b"\x12\x05ab", "has 5 bytes, 2 are left"),
        (b"\x10\x01", "field 2 with wire type 0"),
        (put_bytes(2, b"") * (MAX_METRICS + 1), f"more than {MAX_METRICS} metrics"),
        (write_protobuf(Payload(uuid=COMPRESSED, body=b"no")), "cannot be unpacked"),
        (write_protobuf(Payload(uuid=COMPRESSED, body=zlib.compress(b"\x08\x01")[:-2])), "cut short"),
        (write_protobuf(Payload(uuid=COMPRESSED, body=zlib.compress(bytes(MAX_INFLATED + 1)))), "unpacks to more"),
        (
            write_protobuf(Payload(uuid=COMPRESSED, body=zlib.compress(put_bytes(4, COMPRESSED.encode())))),
            "compressed within compressed",
        ),
    ],
)
def test_what_is_no_payload(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why) as refused:
        read_protobuf(data)
    assert refused.value.fault.reason is Reason.SCHEMA


def test_a_not_a_number_stays_one() -> None:
    bits = struct.unpack("<f", struct.pack("<I", 0x7FC00000))[0]
    value = read_protobuf(write_protobuf(Payload(metrics=(metric(bits, D.FLOAT, "x"),)))).metrics[0].value()
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ({"name": "a", "dataType": "Boolean", "value": True}, True),
        ({"name": "a", "type": "Int16", "value": -4}, -4),
        ({"name": "a", "datatype": 11, "value": 0}, False),
        ({"name": "a", "datatype": "INT32", "intValue": 4294967291}, -5),
        ({"name": "a", "datatype": 4, "longValue": "18446744073709551611"}, -5),
        ({"name": "a", "long_value": -3}, -3),
        ({"name": "a", "doubleValue": 2.5}, 2.5),
        ({"name": "a", "value": None}, None),
        ({"name": "a", "is_null": True, "value": 3}, None),
        ({"name": "a", "value": {"metrics": []}}, None),
        ({"name": "a", "value": 3, "properties": {"Quality": {"type": "Int32", "value": 500}}}, None),
        ({"name": "a", "value": 3, "properties": {"Quality": 192}}, 3),
    ],
)
def test_metrics_in_json(item: dict[str, object], value: object) -> None:
    payload = read_json(json.dumps({"timestamp": 8, "metrics": [{**item, "alias": 4}], "seq": 2}).encode())
    (found,) = payload.metrics
    assert (payload.timestamp, payload.seq, found.name, found.alias) == (8, 2, "a", 4)
    assert found.value() == value
    assert type(found.value()) is type(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "expected an object"),
        ("{}", "neither timestamp nor metrics nor seq"),
        ('{"metrics": 3}', "expected a list"),
        ("{", "line 1"),
    ],
)
def test_what_is_no_payload_in_json(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_json(text.encode())
