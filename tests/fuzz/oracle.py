"""What alarms a raw message can be held to say, told without the gateway's readers.

An alarm that came in as active is *false* unless the message itself says it. What "says" means, format by format:

* JSON and bare words: at a path that the profile maps to this alarm stands a value that means it: a word or number of
  its table, a set bit of its word, or for a plain flag anything but 0, false, off, no, null and an empty text. Paths
  and tables are taken from the profile file; the document is read with the standard library (of two members with the
  same name each counts), and walked here, U+FFFD in place of bytes that are no text. A text that the standard
  library cannot read at all says nothing.
* native: the event's name, with `active` absent, null, true or 1; in telemetry the value 1 or true; also as a text.
* GB/T 26875.3: a frame from mark to mark whose length (counted as the
  standard or a known maker does) and checksum are right, and in it the alarm bit of a state, or the
  bit of a manual alarm in an operation. A flipped bit without a new checksum must therefore not come in; with it, the
  device said so.
* Modbus: the alarm's bit is set in the word at its place, in a frame with a right CRC-16. Contents that a gateway hands
  on as hex or numbers in JSON, and Modbus/TCP, have no checksum: there the bit itself is what was said.
* Sparkplug: a truth value that is true in the protobuf (or JSON), beside the alarm's name or an alias. There is no
  checksum; the bit is the message.
* SenML: a record whose name ends as a path of the alarm does, with a true `vb`, or with any number where the path has a
  unit.

Conditions (`when`) are taken to hold: the oracle may hold a quiet message for an alarm, and never the reverse. So a
false alarm that it finds is one; what it cannot find is a condition read wrongly, for which the profiles' examples are.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import cbor2

from gateway.decoding.definition import Meaning, Topic, Value
from gateway.decoding.reader import DataProfile
from tests.fuzz.frames import frame_says

ALARMS = frozenset((
    "fire_alarm", "smoke_alarm", "heat_alarm", "co_alarm", "gas_alarm", "water_alarm", "arc_alarm", "residual_alarm",
    "overload_alarm", "short_circuit_alarm", "temperature_alarm", "overvoltage_alarm", "undervoltage_alarm", "trip",
    "manual_call",
))  # fmt: skip
"""Events that wake somebody."""

_NO = ("", "0", "false", "off", "no", "null", "none")
_JSON_ENDS = " \t\r\n\0\ufeff"


def says(profile: DataProfile | None, topic: bytes, payload: bytes, alarm: str) -> bool:
    """Whether the message can be held to say that `alarm` is active; `profile` None: the native one."""
    if profile is None:
        return _native_says(topic, payload, alarm)
    number = profile.topic_number(topic)
    if number is None:
        return False
    route = profile.file.topic[number]
    if route.format == "gb26875":
        return frame_says(payload)
    if route.format == "modbus":
        return _modbus_says(profile, route, payload, alarm)
    if route.format == "sparkplug":
        return _sparkplug_says(profile, route, payload, alarm)
    if route.format == "senml":
        return _senml_says(profile, route, payload, alarm)
    if any(
        told != 0
        and (event == alarm or ("{" in event and alarm in _folded(topic.decode(errors="replace")).replace("-", "_")))
        for event, told in route.gives.items()
    ):
        return True
    try:
        document = read_document(payload, route.format == "text")
    except (ValueError, RecursionError):
        return False
    return any(_means(m, value, alarm) for steps, m in mapped(profile, route) for value in _at(document, steps))


class Members(list[tuple[str, Any]]):
    """The members of an object, also those of the same name."""


def read_document(payload: bytes, is_text: bool) -> Any:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        # Texts of several codes in one document: each by itself.
        text = payload.decode("gb18030") if is_text else '"'.join(map(_text, payload.split(b'"')))
    text = text.strip(_JSON_ENDS)
    if is_text:
        return text.strip('"')
    # The spellings of NaN that JSON does not have: no flag, but a value where any value at all is meant.
    text = _NOT_FINITE.sub(lambda found: found[0] if found[0][0] == '"' else f'"{_NAN}"', text)
    return json.loads(
        text, object_pairs_hook=Members, strict=False, parse_int=lambda d: int(d) if len(d) < 25 else float(d)
    )


_NAN = "\x7f"
_NOT_FINITE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[+-]?\b(?:nan(?:\(\w*\))?|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL)

Steps = tuple["str | re.Pattern[str]", ...]


@cache
def _steps(path: str) -> Steps:
    found: list[str | re.Pattern[str]] = []
    for quoted, word in re.findall(r"'([^']*)'|([^.']+)", path):
        if word and ("*" in word or "{" in word):
            parts = re.split(r"(\*|\{\w+\})", word)
            found.append(
                re.compile(
                    "".join(".*" if p == "*" else ".+" if p[:1] == "{" else re.escape(p) for p in parts), re.DOTALL
                )
            )
        else:
            found.append(word or quoted)
    return tuple(found)


_KNOWN: dict[tuple[str, int], list[tuple[Steps, Meaning]]] = {}


def mapped(profile: DataProfile, route: Topic) -> list[tuple[Steps, Meaning]]:
    """Where in a document of this topic something may stand, and what it means."""
    key = profile.name, profile.file.topic.index(route)
    if key not in _KNOWN:
        file, base = profile.file, _steps(route.base)
        sets = [(base, name) for name in route.fields]
        sets += [(base + _steps(file.parts[p].each), name) for p in route.parts for name in file.parts[p].fields]
        _KNOWN[key] = [
            (start + _steps(path), meaning)
            for start, name in sets
            for path, meanings in file.fields[name].items()
            for meaning in meanings
        ]
    return _KNOWN[key]


def _at(value: Any, steps: Steps) -> Iterator[Any]:
    if not steps:
        yield value
        return
    items = (
        value
        if isinstance(value, Members)
        else [(str(i), v) for i, v in enumerate(value)]
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        step = steps[0]
        if (key == step) if isinstance(step, str) else step.fullmatch(key):
            yield from _at(item, steps[1:])


def _means(meaning: Meaning, value: Any, alarm: str) -> bool:
    if meaning.packed is not None:
        return False  # only the map of Modbus packs alarms: `test_oracle` holds that
    if isinstance(value, list) and not isinstance(value, Members):
        return any(_value_means(meaning, item, alarm) for item in value)
    return _value_means(meaning, value, alarm)


def _value_means(meaning: Value, value: Any, alarm: str) -> bool:
    if meaning.bits is not None:
        places = [
            (meaning.width - 1 - int(key) if meaning.msb_first else int(key), bit.inverted)
            for key, bit in meaning.bits.items()
            if bit.signal == alarm
        ]
        number = _integer(value)
        return number is not None and any(bool(number >> place & 1) != inverted for place, inverted in places)
    signals = (meaning.signal,) if isinstance(meaning.signal, str) else meaning.signal or ()
    if alarm not in signals:
        return False
    word = plain_word(value)
    if word in ("", "null"):
        return False
    if meaning.values is not None:
        table = {plain_word(k): v for k, v in meaning.values.items()}
        meant = table.get(word, table.get("*", "ignore"))
        return meant != "ignore" and bool(meant) != meaning.inverted
    return word != _NAN and (word in _NO) == meaning.inverted


def plain_word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value).strip().lower()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if abs(number) < 1e15 and number == int(number) else text


def _integer(value: Any) -> int | None:
    try:
        if isinstance(value, str):
            return int(value.strip(), 16 if value.strip().lower().startswith("0x") else 10)
        return int(value) if isinstance(value, (int, float)) and value == int(value) else None
    except (ValueError, OverflowError):
        return None


def _native_says(topic: bytes, payload: bytes, alarm: str) -> bool:
    try:
        data = json.loads(payload.decode("utf-8", "replace").strip(_JSON_ENDS), strict=False)
    except (ValueError, RecursionError):
        return False
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict):
            continue
        active = item.get("active")
        if topic.endswith(b"/event") and item.get("event") == alarm and (active is None or _on(active)):
            return True
        if topic.endswith(b"/telemetry") and isinstance(item.get("values"), dict) and _on(item["values"].get(alarm)):
            return True
    return False


def _on(value: Any) -> bool:
    if not isinstance(value, str):
        return bool(value == 1)
    try:
        return float(value) == 1
    except ValueError:
        return value.strip().lower() in ("true", "on", "yes")


def crc(data: bytes) -> int:
    """CRC-16 of Modbus, bit by bit (Modbus over Serial Line V1.02, 6.2.2)."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def _modbus_says(profile: DataProfile, route: Topic, payload: bytes, alarm: str) -> bool:
    """By the map of the profile, in any contents that the message may hold."""
    parts = [part for _, m in mapped(profile, route) if m.packed is not None for part in m.packed.parts]
    return any(
        _value_means(part, int.from_bytes(contents[part.at : part.at + part.size], part.order or "big"), alarm)
        for contents in _contents(payload)
        for part in parts
        if part.bits is not None and len(contents) >= part.at + part.size
    )


def _contents(payload: bytes) -> Iterator[bytes]:
    payload = payload.strip().removeprefix(b"\xef\xbb\xbf")
    text = payload.decode("latin-1").strip(_JSON_ENDS)
    yield from _bus(payload)
    yield from _bus(_hex(text.strip('"')))
    if text[:1] not in ("{", "["):
        return
    try:
        leaves = list(_leaves(read_document(payload, is_text=False)))
    except (ValueError, RecursionError):
        return
    for leaf in leaves:
        if isinstance(leaf, str):
            # Contents that a gateway has taken out of their frame have no checksum any more.
            yield _hex(leaf)
            yield from _bus(_hex(leaf))
        elif isinstance(leaf, list):
            words = [_integer(item) for item in leaf]
            yield b"".join((w & 0xFFFF).to_bytes(2, "big") for w in words if w is not None)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Members):
        for _, item in value:
            yield from _leaves(item)
    else:
        yield value
        for item in value if isinstance(value, list) else ():
            yield from _leaves(item)


def _hex(text: str) -> bytes:
    digits = re.sub(r"0[xX]|[\s,:-]", "", text)
    return bytes.fromhex(digits) if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digits) else b""


def _bus(data: bytes) -> Iterator[bytes]:
    for at in range(len(data) - 4):
        end = at + 5 + data[at + 2]
        if end <= len(data) and crc(data[at : end - 2]) == int.from_bytes(data[end - 2 : end], "little"):
            yield data[at + 3 : end - 2]
    if data[2:4] == b"\0\0" and int.from_bytes(data[4:6], "big") == len(data) - 6:
        yield data[9:]


def _sparkplug_says(profile: DataProfile, route: Topic, payload: bytes, alarm: str) -> bool:
    names = [str(steps[0]).encode() for steps, m in mapped(profile, route) if steps and m.signal == alarm]
    if payload.lstrip()[:1] == b"{":
        return re.search(rb"true|[1-9]", payload, re.IGNORECASE) is not None
    forms = [payload]
    for at in range(len(payload)):
        # Compressed payloads: the body is a field of bytes somewhere within.
        if payload[at : at + 2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
            try:
                forms.append(
                    gzip.decompress(payload[at:])
                    if payload[at] == 0x1F
                    else zlib.decompressobj().decompress(payload[at:])
                )
            except (OSError, EOFError, zlib.error):
                forms.append(b"\x70\x01")  # damaged, and perhaps readable in part: it is not told here
    # Field 14 of a metric, boolean_value, as a varint other than 0, or fields 10 and 11, numbers, of datatype 11,
    # Boolean; and the alarm's name, or an alias in its place.
    return any(
        (
            re.search(rb"\x70\x80*[\x01-\x7f\x81-\xff]", form)
            or (b"\x20\x0b" in form and re.search(rb"[PX]\x80*[^\0\x80]", form, re.DOTALL))
        )
        and (b"\x10" in form or any(n in form for n in names))
        for form in forms
    )


_LABELS = {-2: "bn", -5: "bv", -6: "bs", 0: "n", 2: "v", 3: "vs", 4: "vb", 5: "s"}


def _senml_says(profile: DataProfile, route: Topic, payload: bytes, alarm: str) -> bool:
    try:
        is_cbor = payload[:1] >= b"\x80" and payload[:3] != b"\xef\xbb\xbf"
        data = cbor2.loads(payload) if is_cbor else _dicts(read_document(payload, is_text=False))
    except (ValueError, RecursionError, cbor2.CBORDecodeError):
        return False
    base = ""
    for record in data if isinstance(data, list) else [data]:
        if not isinstance(record, Mapping):
            continue
        fields = {_LABELS.get(label, label) if type(label) is int else label: v for label, v in record.items()}
        base = fields.get("bn", base)
        name = f"{base}{fields.get('n', '')}"
        for steps, meaning in mapped(profile, route):
            leaf = steps[0] if steps else ""
            ends = _folded(name).endswith(leaf) if isinstance(leaf, str) else True
            # The last label of a path is that of a text or truth value, or the unit of a number.
            values = (
                [fields.get(steps[-1])]
                if steps[-1:] in (("vb",), ("vs",), ("vd",))
                else [1]
                if {"v", "bv", "s", "bs"} & set(fields)
                else []
            )
            if ends and any(_means(meaning, value, alarm) for value in values):
                return True
    return False


def _text(piece: bytes) -> str:
    for code in ("utf-8", "gb18030"):
        try:
            return piece.decode(code)
        except UnicodeDecodeError:
            continue
    return piece.decode(errors="replace")


def _folded(name: str) -> str:
    """A name as paths write it: `SmokeAlarm` and `smoke_alarm` are `smoke-alarm`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower().replace("_", "-")


def _dicts(value: Any) -> Any:
    if isinstance(value, Members):
        return {key: _dicts(item) for key, item in value}
    return [_dicts(item) for item in value] if isinstance(value, list) else value
