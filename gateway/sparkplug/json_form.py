"""Payloads written as JSON, by bridges and test tools: named as in the specification's examples or by protobuf."""

from typing import Any

from community.refusal import Reason
from gateway.decoding.codecs.json import parse
from gateway.decoding.numbers import integer_of, shown
from gateway.decoding.profile import UnreadableError
from gateway.fault import Fault
from gateway.sparkplug.metric import Datatype, Kind, Metric
from gateway.sparkplug.payload import MAX_METRICS, Payload

_DATATYPES = {d.name.replace("_", "").lower(): d for d in Datatype if d is not Datatype.UNKNOWN}
_DATATYPES_BY_NUMBER = {int(d): d for d in _DATATYPES.values()}
_VALUES = {
    "value": Kind.PLAIN, "intvalue": Kind.INT, "longvalue": Kind.LONG, "floatvalue": Kind.FLOAT,
    "doublevalue": Kind.DOUBLE, "booleanvalue": Kind.BOOLEAN, "stringvalue": Kind.STRING, "bytesvalue": Kind.BYTES,
    "datasetvalue": Kind.DATA_SET, "templatevalue": Kind.TEMPLATE,
}  # fmt: skip


def read_json(data: bytes) -> Payload:
    """Read a payload. Names of members are understood in any case, with and without underscores.

    Raises:
        UnreadableError: no JSON, or not what a payload looks like.
    """
    body = parse(data)
    if not isinstance(body, dict):
        raise _unreadable(f"expected an object, got {shown(body)}")
    members = _folded(body)
    metrics = members.get("metrics") or []
    if not isinstance(metrics, list):
        raise _unreadable(f"metrics: expected a list, got {shown(metrics)}")
    if len(metrics) > MAX_METRICS:
        raise _unreadable(f"more than {MAX_METRICS} metrics")
    if not members.keys() & {"timestamp", "metrics", "seq"}:
        raise _unreadable("neither timestamp nor metrics nor seq")
    return Payload(
        _count(members.get("timestamp")),
        tuple(map(_metric, metrics)),
        _count(members.get("seq")),
    )


def _metric(item: Any) -> Metric:
    members = _folded(item) if isinstance(item, dict) else {}
    name = members.get("name")
    if name is not None and not isinstance(name, str):
        # It becomes a metric without a name, which whoever reads it refuses by its place: its neighbours are not to
        # blame, and one of them may be an alarm.
        members, name = {}, None
    kind, raw = next(((k, members[key]) for key, k in _VALUES.items() if key in members), (None, None))
    if kind in (Kind.INT, Kind.LONG):
        whole = integer_of(raw)  # 64 bits are texts in JSON
        kind, raw = (Kind.PLAIN, raw) if whole is None or whole < 0 else (kind, whole)
    if kind is Kind.PLAIN and isinstance(raw, (dict, list)):
        kind, raw = Kind.TEMPLATE, None
    return Metric(
        name or None,
        _count(members.get("alias")),
        _count(members.get("timestamp")),
        _datatype(members.get("datatype", members.get("type"))),
        members.get("ishistorical") is True,
        members.get("istransient") is True,
        members.get("isnull") is True or (kind is not None and kind is not Kind.TEMPLATE and raw is None),
        _quality(members.get("properties")),
        kind,
        raw,
    )


def _datatype(raw: Any) -> Datatype | None:
    number = integer_of(raw)
    if number is not None:
        return _DATATYPES_BY_NUMBER.get(number)
    return _DATATYPES.get(raw.lower()) if isinstance(raw, str) else None


def _quality(properties: Any) -> int | None:
    """`{"Quality": {"value": 192}}`, or without the inner object."""
    quality = properties.get("Quality") if isinstance(properties, dict) else None
    return integer_of(quality.get("value") if isinstance(quality, dict) else quality)


def _count(raw: Any) -> int | None:
    number = integer_of(raw)
    return None if number is None or number < 0 else number


def _folded(body: dict[str, Any]) -> dict[str, Any]:
    return {key.lower().replace("_", ""): value for key, value in body.items()}


def _unreadable(detail: str) -> UnreadableError:
    return UnreadableError(Fault(Reason.SCHEMA, "", f"no Sparkplug payload: {detail}"))
