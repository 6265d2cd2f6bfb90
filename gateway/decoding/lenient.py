"""Reading native JSON leniently: whatever can be understood passes, the rest is named with reason and place."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from community.clock import parse_time
from community.quantities import QUANTITIES
from community.refusal import Reason
from gateway.decoding.codecs.json import stripped
from gateway.decoding.numbers import read_number
from gateway.decoding.profile import Decoded, Measurement
from gateway.fault import Fault
from gateway.values import FLAGS

MAX_FAULTS = 20
"""Faults named of one message; the rest of a thoroughly broken one tells nothing new."""

MAX_SEQ = 2**63 - 1


class _NotANumber:
    """A literal that JSON does not have: NaN, Infinity, -Infinity."""

    def __init__(self, literal: str) -> None:
        self.literal = literal


def _whole(digits: str) -> int | float:
    # int() refuses more than 4,300 digits, and its cost grows with their square; float() does neither.
    return int(digits) if len(digits) <= 20 else float(digits)


def parse(payload: bytes, faults: list[Fault]) -> Any:
    """JSON as Python objects, with `_NotANumber` for NaN and the infinities, and inf for numbers too large.

    A text that is not UTF-8 is told in `faults`, and U+FFFD stands for what it has: a name that was cut within a
    character must not take the alarm beside it away. Control characters in texts, and blanks, NULs and a byte order
    mark around, are passed over.

    Raises:
        _UnreadableError: with the fault.
    """
    no_text: Fault | None = None
    try:
        text = stripped(payload).decode()
    except UnicodeDecodeError as error:
        no_text = Fault(Reason.NOT_JSON, "", f"not UTF-8 at byte {error.start}")
        text = stripped(payload).decode(errors="replace")
    try:
        data = json.loads(text, parse_constant=_NotANumber, parse_int=_whole, strict=False)
    except RecursionError:
        raise _UnreadableError(Fault(Reason.SCHEMA, "", "nested too deeply")) from None
    except ValueError as error:
        raise _UnreadableError(no_text or Fault(Reason.NOT_JSON, "", str(error)[:120])) from None
    if no_text is not None:
        faults.append(no_text)
    return data


class _UnreadableError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def telemetry(payload: bytes, max_objects: int) -> Decoded:
    """`{"ts"?, "seq"?, "values": {...}}` or a list of such objects."""
    return _objects(payload, max_objects, _values)


def events(payload: bytes, max_objects: int) -> Decoded:
    """`{"ts"?, "seq"?, "event": name, "active"?: bool}` or a list of such objects."""
    return _objects(payload, max_objects, _event)


def status(payload: bytes) -> Decoded:
    """`{"status": "online" | "offline", "ts"?}`, as JSON or the bare word (a last will is often just that)."""
    word = payload.strip(b' \t\r\n"').lower()
    if word in (b"online", b"offline"):
        return Decoded((Measurement({"online": float(word == b"online")}),))
    return _objects(payload, 1, _status)


_Read = Callable[[Mapping[str, Any], str, list[Fault]], dict[str, float | None]]


def _objects(payload: bytes, max_objects: int, read: _Read) -> Decoded:
    faults: list[Fault] = []
    try:
        data = parse(payload, faults)
    except _UnreadableError as unreadable:
        return Decoded((), (unreadable.fault,))
    many = isinstance(data, list)
    if many and len(data) > max_objects:
        return Decoded((), (Fault(Reason.SCHEMA, "", f"{len(data)} objects in the list, at most {max_objects}"),))
    if many and not data:
        return Decoded((), (Fault(Reason.SCHEMA, "", "empty list"),))
    measurements = []
    for i, item in enumerate(data if many else [data]):
        where = f"[{i}]" if many else ""
        if not isinstance(item, dict):
            faults.append(_schema(where, f"expected an object, got {_kind(item)}"))
            continue
        measurement = _measurement(item, where, faults, read)
        if measurement is not None:
            measurements.append(measurement)
    if len(faults) > MAX_FAULTS:
        # A reason of its own kind is never cut away by twenty of another.
        first = {f.reason: f for f in reversed(faults)}
        faults = [*first.values(), *(f for f in faults if first[f.reason] is not f)][:MAX_FAULTS]
    return Decoded(measurements, faults)


def _measurement(item: Mapping[str, Any], where: str, faults: list[Fault], read: _Read) -> Measurement | None:
    """The object's measurement; None (with its faults) if nothing of it is left."""
    dot = f"{where}." if where else ""
    ts, seq = item.get("ts"), item.get("seq")
    if ts is not None:
        try:
            ts = parse_time(ts)
        except (ValueError, OverflowError) as error:
            # The receipt counts, as for a clock that cannot be believed: an alarm must not be lost for want of a time.
            faults.append(_schema(f"{dot}ts", str(error)[:120]))
            ts = None
    if seq is not None and (type(seq) is not int or not 0 <= seq <= MAX_SEQ):
        faults.append(_schema(f"{dot}seq", f"expected a whole number from 0, got {_kind(seq)}"))
        seq = None
    before = len(faults)
    values = read(item, dot, faults)
    if all(value is None for value in values.values()):
        if len(faults) == before:
            faults.append(_schema(where, "nothing measured"))
        return None
    return Measurement(values, ts, seq)


def _values(item: Mapping[str, Any], dot: str, faults: list[Fault]) -> dict[str, float | None]:
    values = item.get("values")
    if not isinstance(values, dict):
        found = _kind(values) if "values" in item else f"nothing (members: {', '.join(map(_cut, list(item)[:5]))})"
        faults.append(_schema(f"{dot}values", f"expected an object of signals, got {found}"))
        return {}
    good: dict[str, float | None] = {}
    for name, value in values.items():
        fault = _judge(name, value)
        if fault is not None:
            faults.append(Fault(fault[0], f"{dot}values.{_cut(name)}", fault[1]))
            value = _flag(value) if name in FLAGS else None
            if value is None:
                continue
        good[name] = None if value is None else float(value)
    return good


def _judge(name: str, value: Any) -> tuple[Reason, str] | None:
    if value is None:
        return None
    if isinstance(value, _NotANumber):
        return Reason.NAN, f"{value.literal} is not a number"
    if isinstance(value, bool):
        if name in FLAGS or name not in QUANTITIES:  # an unknown name is admission's to refuse, by that reason
            return None
        return Reason.SCHEMA, "expected a number, got true or false"
    if not isinstance(value, (int, float)):
        return Reason.SCHEMA, f"expected a number, got {_kind(value)}"
    if value in (float("inf"), float("-inf")):
        return Reason.OUT_OF_RANGE, "larger than any number"
    return None


def _flag(raw: Any) -> float | None:
    """What a text means that stands where true or false should: `"true"`, `"ON"`, `"1"`; None if nothing.

    It is told as a fault, and counts all the same: an alarm must not be lost for a pair of quotes.
    """
    word = read_number(raw, "", flag=True) if isinstance(raw, str) else None
    return word if isinstance(word, float) and word in (0.0, 1.0) else None


def _event(item: Mapping[str, Any], dot: str, faults: list[Fault]) -> dict[str, float | None]:
    name, active = item.get("event"), item.get("active", True)
    if not isinstance(name, str):
        faults.append(_schema(f"{dot}event", f"expected the event's name, got {_kind(name)}"))
    elif name in QUANTITIES:
        faults.append(_schema(f"{dot}event", f"{name} is a quantity; send it as telemetry"))
    elif isinstance(active, bool) or (isinstance(active, (int, float)) and active in (0, 1)):
        return {name: float(active)}
    else:
        faults.append(_schema(f"{dot}active", f"expected true or false, got {_kind(active)}"))
        # null is as if left out; of another value nobody knows whether it begins or is over.
        flag = 1.0 if active is None else _flag(active)
        return {} if flag is None else {name: flag}
    return {}


def _status(item: Mapping[str, Any], dot: str, faults: list[Fault]) -> dict[str, float | None]:
    word = item.get("status")
    if word in ("online", "offline"):
        return {"online": float(word == "online")}
    faults.append(_schema(f"{dot}status", 'expected "online" or "offline"'))
    return {}


def _schema(place: str, detail: str) -> Fault:
    return Fault(Reason.SCHEMA, place, detail)


def _kind(value: object) -> str:
    """The JSON name of a value's type, with the value where it is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {_cut(value)!r}"
    if isinstance(value, _NotANumber):
        return value.literal
    if isinstance(value, (int, float)):
        return f"the number {value}"[:40]
    return "a list" if isinstance(value, list) else "an object"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
