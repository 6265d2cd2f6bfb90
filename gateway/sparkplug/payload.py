"""Sparkplug B payloads (Sparkplug 3.0, chapter 6): protobuf bytes, or the JSON that some bridges make of them."""

import zlib
from typing import NamedTuple

from community.refusal import Reason
from gateway.decoding.profile import UnreadableError
from gateway.fault import Fault
from gateway.sparkplug.metric import Datatype, Kind, Metric
from gateway.sparkplug.wire import (
    Raw,
    Wire,
    WireError,
    fields,
    float32,
    float64,
    put_bytes,
    put_float32,
    put_float64,
    put_varint,
)

MAX_METRICS = 10_000
"""Metrics of one payload; a larger one is refused."""

MAX_INFLATED = 2**20
"""Bytes of a compressed payload once it is unpacked; a larger one is refused."""

COMPRESSED = "SPBV1.0_COMPRESSED"
"""The `uuid` of a payload whose body is another one, compressed."""

_WIRES = {
    Kind.INT: Wire.VARINT, Kind.LONG: Wire.VARINT, Kind.FLOAT: Wire.FIXED32, Kind.DOUBLE: Wire.FIXED64,
    Kind.BOOLEAN: Wire.VARINT, Kind.STRING: Wire.BYTES, Kind.BYTES: Wire.BYTES, Kind.DATA_SET: Wire.BYTES,
    Kind.TEMPLATE: Wire.BYTES, Kind.EXTENSION: Wire.BYTES,
}  # fmt: skip
_DATATYPES = {int(d): d for d in Datatype if d is not Datatype.UNKNOWN}


class Payload(NamedTuple):
    """What a message carries.

    Attributes:
        timestamp: when it was sent, UTC ms; None if it tells none.
        metrics: in order.
        seq: 0 to 255; None if it has none, as NDEATH.
        uuid: says what sort of payload it is; None is the usual one.
        body: bytes for whoever knows that sort.
    """

    timestamp: int | None = None
    metrics: tuple[Metric, ...] = ()
    seq: int | None = None
    uuid: str | None = None
    body: bytes = b""


def read_protobuf(data: bytes) -> Payload:
    """Read a payload; one that is compressed is unpacked.

    Raises:
        UnreadableError: no payload, more than `MAX_METRICS`, or compressed in a way that cannot be undone.
    """
    try:
        payload = _payload(data)
        if payload.uuid == COMPRESSED:
            payload = _payload(_inflated(payload.body))
            if payload.uuid == COMPRESSED:
                raise WireError("compressed within compressed")
        return payload
    except (WireError, UnicodeDecodeError) as error:
        raise UnreadableError(Fault(Reason.SCHEMA, "", f"no Sparkplug payload: {error}")) from None


def write_protobuf(payload: Payload) -> bytes:
    """The bytes of a payload. What was read past cannot be written again and is left out."""
    out = [] if payload.timestamp is None else [put_varint(1, payload.timestamp)]
    out += [put_bytes(2, _written(m)) for m in payload.metrics]
    if payload.seq is not None:
        out.append(put_varint(3, payload.seq))
    if payload.uuid is not None:
        out.append(put_bytes(4, payload.uuid.encode()))
    if payload.body:
        out.append(put_bytes(5, payload.body))
    return b"".join(out)


def _payload(data: bytes) -> Payload:
    timestamp = seq = uuid = None
    metrics: list[Metric] = []
    body = b""
    for number, wire, raw in fields(data):
        if number == 1:
            timestamp = _count(raw)
        elif number == 2:
            if len(metrics) == MAX_METRICS:
                raise WireError(f"more than {MAX_METRICS} metrics")
            metrics.append(_metric_or_none(_bytes(number, wire, raw)))
        elif number == 3:
            seq = _count(raw)
        elif number == 4:
            uuid = _bytes(number, wire, raw).decode(errors="replace")
        elif number == 5:
            body = _bytes(number, wire, raw)
    return Payload(timestamp, tuple(metrics), seq, uuid, body)


def _metric_or_none(data: bytes) -> Metric:
    """The metric; of one that cannot be read an empty one, so that its neighbours, perhaps an alarm, are read."""
    try:
        return _metric(data)
    except (WireError, UnicodeDecodeError):
        return Metric()


def _count(raw: Raw) -> int | None:
    """As protocol buffers have it, a field of another wire type is none that is known."""
    return None if isinstance(raw, bytes) else raw


def _metric(data: bytes) -> Metric:
    name = alias = timestamp = datatype = quality = kind = value = None
    flags = [False, False, False]
    for number, wire, raw in fields(data):
        if number == 1:
            name = _bytes(number, wire, raw).decode()
        elif number == 2:
            alias = _number(number, wire, raw)
        elif number == 3:
            timestamp = _number(number, wire, raw)
        elif number == 4:
            datatype = _DATATYPES.get(_number(number, wire, raw))
        elif number in (5, 6, 7):
            flags[number - 5] = bool(_number(number, wire, raw))
        elif number == 9:
            quality = _quality(_bytes(number, wire, raw))
        elif Kind.INT <= number <= Kind.EXTENSION:
            kind = Kind(number)  # of several the last counts, as with every `oneof`
            value = _value(kind, wire, raw)
    return Metric(name, alias, timestamp, datatype, flags[0], flags[1], flags[2], quality, kind, value)


def _value(kind: Kind, wire: Wire, raw: Raw) -> int | float | bool | str | bytes | None:
    if wire != _WIRES[kind]:
        raise WireError(f"{kind.name} with wire type {int(wire)}")
    if isinstance(raw, bytes):
        return raw.decode() if kind is Kind.STRING else raw if kind is Kind.BYTES else None
    if kind is Kind.INT:
        return raw & 0xFFFF_FFFF
    if kind is Kind.LONG:
        return raw
    return float32(raw) if kind is Kind.FLOAT else float64(raw) if kind is Kind.DOUBLE else bool(raw)


def _quality(data: bytes) -> int | None:
    """The property `Quality` of a set of properties: keys and values, each in order."""
    keys: list[bytes] = []
    values: list[bytes] = []
    for number, wire, raw in fields(data):
        if number in (1, 2):
            (keys if number == 1 else values).append(_bytes(number, wire, raw))
    if b"Quality" not in keys[: len(values)]:
        return None
    for number, wire, raw in fields(values[keys.index(b"Quality")]):
        if number in (3, 4):
            return _number(number, wire, raw)
    return None


def _number(number: int, wire: Wire, raw: Raw) -> int:
    if wire != Wire.VARINT or isinstance(raw, bytes):
        raise WireError(f"field {number} with wire type {int(wire)}")
    return raw


def _bytes(number: int, wire: Wire, raw: Raw) -> bytes:
    if not isinstance(raw, bytes):
        raise WireError(f"field {number} with wire type {int(wire)}")
    return raw


def _inflated(body: bytes) -> bytes:
    unpack = zlib.decompressobj(wbits=47)  # zlib or gzip, whichever it is
    try:
        data = unpack.decompress(body, MAX_INFLATED)
    except zlib.error as error:
        raise WireError(f"cannot be unpacked: {error}") from None
    if not unpack.eof:
        raise WireError(f"unpacks to more than {MAX_INFLATED} bytes" if unpack.unconsumed_tail else "cut short")
    return data


def _written(metric: Metric) -> bytes:
    out = [] if metric.name is None else [put_bytes(1, metric.name.encode())]
    for number, value in ((2, metric.alias), (3, metric.timestamp), (4, metric.datatype)):
        if value is not None:
            out.append(put_varint(number, value))
    for number, flag in ((5, metric.is_historical), (6, metric.is_transient), (7, metric.is_null)):
        if flag:
            out.append(put_varint(number, 1))
    if metric.quality is not None:
        typed = put_varint(1, Datatype.INT32) + put_varint(3, metric.quality)
        out.append(put_bytes(9, put_bytes(1, b"Quality") + put_bytes(2, typed)))
    kind, raw = metric.kind, metric.raw
    if kind in (Kind.INT, Kind.LONG, Kind.BOOLEAN):
        out.append(put_varint(kind, int(raw)))
    elif kind is Kind.FLOAT:
        out.append(put_float32(kind, raw))
    elif kind is Kind.DOUBLE:
        out.append(put_float64(kind, raw))
    elif kind is Kind.STRING:
        out.append(put_bytes(kind, raw.encode()))
    elif kind is Kind.BYTES:
        out.append(put_bytes(kind, raw))
    return b"".join(out)
