"""Messages broken and altered in every way that wires, firmware, vendors and attackers do it. Deterministic by seed."""

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from tests.fuzz.oracle import crc
from tests.fuzz.seeds import Seed

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 8, 230, 2.5, 0.5, 1e12, 1e308, -1e-320, -32768, 32767, 65535, 4294967295, 2**53,
    2**63, 2**64, 1772612400, 1772612400000, -5e18, "", " ", "0", "1", "on", "OFF", "true", "alarm", "normal", "fire",
    "+25", "1126.0", "0x10", "0xFFFF", "x", "nan", "NaN", "Infinity", "-1e999", "2026-03-04T18:20:00Z",
    "2026-03-04T18:20:00", "\u0000", "\ud800", "…火警", "a" * 300, [], [1], [1, 2, 3], ["overtemp"], [[]], {}, {"x": 1},
)  # fmt: skip
"""Values put in place of others."""

RAW = ("1e999", "-1e400", "9" * 400, "1" * 5_000, "NaN", "-Infinity", "nan", '"\\ud800"', "01", "1.", "+1", "'x'", "")
"""Literals that no JSON writer makes."""

LEVELS = (
    "+",
    "#",
    "$SYS",
    "..",
    "",
    "…",
    "\x00",
    "x" * 300,
    "{device}",
    "SENSOR",
    "status",
    "event",
    "unlisted",
    "set",
)

_GLUE = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b"@@",
    b"##",
    b"\xd9\xd9\xf7",
    b"\x70\x01",
)


class Mutator:
    """Makes messages out of seeds."""

    def __init__(self, seeds: Sequence[Seed], seed: int) -> None:
        self._rng = random.Random(seed)
        self._seeds = list(seeds)
        self._documents = [_parsed(s.payload) for s in self._seeds]
        keys = {key for document in self._documents for _, key in _places(document) if isinstance(key, str)}
        self._keys = [*sorted(keys), "errors", "alarm", "smoke", "fault", "trip", "0", "", "a.b", "x"]

    def again(self, seed: int) -> None:
        """Begin another sequence."""
        self._rng = random.Random(seed)

    def message(self) -> tuple[bytes, bytes]:
        """The next topic and payload."""
        rng = self._rng
        number = rng.randrange(len(self._seeds))
        seed, document = self._seeds[number], self._documents[number]
        topic, payload = seed.topic, seed.payload
        kind = rng.randrange(100)
        if kind < 3:
            return topic, payload
        if document is not _NO_JSON and kind < 60:
            payload = self._structure(document)
        elif kind < 75:
            payload = self._bytes(payload)
        elif kind < 80:
            payload = payload[: rng.randrange(len(payload) + 1)]
        elif kind < 85:
            payload = rng.choice(self._seeds).payload
        elif kind < 89:
            payload = _sealed(self._bytes(payload))
        elif kind < 92:
            payload = self._raw(payload)
        elif kind < 94:
            payload = rng.randbytes(rng.randrange(200))
        else:
            topic = self._topic(topic)
        if rng.randrange(20) == 0:
            topic = self._topic(topic)
        return topic, payload

    def _structure(self, document: Any) -> bytes:
        rng = self._rng
        copy = json.loads(json.dumps(document))
        for _ in range(rng.randint(1, 3)):
            places = _places(copy)
            if not places:
                break
            container, key = rng.choice(places)
            if (isinstance(container, dict) and key not in container) or (
                not isinstance(container, dict) and key >= len(container)
            ):
                continue
            kind = rng.randrange(8)
            if kind < 3:
                container[key] = deepcopy(rng.choice(ODD))
            elif kind == 3:
                container[key] = self._extreme(container[key])
            elif kind == 4 and isinstance(container, dict):
                container[rng.choice(self._keys)] = container.pop(key)
            elif kind == 5 and isinstance(container, dict):
                container[rng.choice(self._keys)] = deepcopy(rng.choice(ODD))
            elif kind == 6:
                del container[key]
            else:
                other, place = rng.choice(places)
                if isinstance(other, dict) and place in other:
                    container[key] = json.loads(json.dumps(other[place]))
        text = json.dumps(copy, ensure_ascii=rng.random() < 0.5)
        return text.encode(errors="surrogatepass")

    def _extreme(self, value: Any) -> Any:
        rng = self._rng
        if isinstance(value, bool):
            return rng.choice((not value, int(not value), str(value), "on"))
        if isinstance(value, (int, float)):
            return rng.choice(
                (-value, value * 1_000, value + 65_536, value / 7, 1e300, str(value), value == 0, [value])
            )
        if isinstance(value, str):
            at = rng.randrange(len(value) + 1)
            return value[:at] + rng.choice(("", "A", "=", "f", "0", "…")) + value[at + rng.randrange(3) :]
        return deepcopy(rng.choice(ODD))

    def _bytes(self, payload: bytes) -> bytes:
        rng = self._rng
        data = bytearray(payload)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(5)
            if kind < 2 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 2 and at < len(data):
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            elif kind == 3:
                data[at:at] = rng.choice(_GLUE)
            else:
                del data[at : at + rng.randint(1, 4)]
        return bytes(data)

    def _raw(self, payload: bytes) -> bytes:
        """A literal in place of another one; a member twice; an end of nesting that never comes."""
        rng = self._rng
        colons = [i for i, byte in enumerate(payload) if byte == 0x3A]
        if not colons:
            return payload * rng.choice((2, 50))
        at = rng.choice(colons) + 1
        end = next((i for i in range(at, len(payload)) if payload[i] in b",}]"), len(payload))
        kind = rng.randrange(4)
        if kind == 0:
            return payload[:at] + b"[" * rng.choice((10, 1_000, 30_000)) + payload[at:]
        if kind == 1:
            return payload[:-1] + b"," + payload[1:]
        return payload[:at] + rng.choice(RAW).encode() + payload[end:]

    def _topic(self, topic: bytes) -> bytes:
        rng = self._rng
        if rng.randrange(3) == 0:
            return rng.choice(self._seeds).topic
        if rng.randrange(8) == 0:
            return self._bytes(topic) or b"x"
        levels = topic.decode(errors="replace").split("/")
        at = rng.randrange(len(levels))
        kind = rng.randrange(3)
        if kind == 0:
            levels[at] = rng.choice(LEVELS)
        elif kind == 1:
            levels.insert(at, rng.choice(LEVELS))
        elif len(levels) > 1:
            del levels[at]
        return "/".join(levels).encode() or b"x"


_NO_JSON = object()


def _parsed(payload: bytes) -> Any:
    try:
        document = json.loads(payload)
    except ValueError:
        return _NO_JSON
    return document if isinstance(document, (dict, list)) else _NO_JSON


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inside for place in [(value, key), *_places(item)]]


def _sealed(payload: bytes) -> bytes:
    """A damaged GB/T 26875 frame or Modbus RTU frame with its checksum made right again, so that the inside is met."""
    if payload[:2] == b"@@" and len(payload) > 30:
        return payload[:-3] + bytes((sum(payload[2:-3]) & 0xFF,)) + payload[-2:]
    if 5 <= len(payload) < 260 and payload[0] < 0x20:
        return payload[:-2] + crc(payload[:-2]).to_bytes(2, "little")
    return payload
