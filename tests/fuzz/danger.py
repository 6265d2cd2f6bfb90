"""Messages in which a device says danger, with everything changed but the alarm itself and who says it."""

import json
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.decoding.profile import Profile
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.sparkplug.metric import Datatype, metric
from gateway.sparkplug.payload import read_protobuf, write_protobuf
from tests.fuzz import announced
from tests.fuzz.mutate import ODD
from tests.fuzz.oracle import ALARMS, Steps, mapped
from tests.fuzz.seeds import NATIVE_ID, Seed, seeds
from tests.gateway.village import NOW

Place = tuple[str | int, ...]

_OURS = f"mingluo/v1/c0/h0/{NATIVE_ID}".encode()
MORE = (
    Seed("native", _OURS + b"/event", b'{"event": "smoke_alarm", "ts": 1795334400000, "seq": 4, "room": "hall"}'),
    Seed("native", _OURS + b"/event", b'[{"event": "fire_alarm", "active": true}, {"event": "test", "seq": 3}]'),
    Seed("native", _OURS + b"/telemetry", b'{"ts": 1795334400000, "seq": 9, "values": {"co": 300, "co_alarm": 1}}'),
    Seed("tasmota", b"tele/bridge_1/SENSOR", b'{"ZbReceived":{"0x7C21":{"Water":1,"CO":true}}}'),
    Seed("senml", b"senml/cellar_7/up", b'[{"bn":"cellar_7/","n":"smoke","vb":true},{"n":"temp","u":"Cel","v":21}]'),
    Seed("homeassistant", b"hall/7/state", b'{"smoke": "YES", "gas": 3, "meter": {"power": 1.25}}'),
)  # fmt: skip
"""Danger that the examples do not have."""

_ANY = frozenset[str]()
CARRIES: Mapping[str, frozenset[str]] = {
    "native": frozenset(("event", "active")),
    "tuya": frozenset(("code", "dpId", "dp_id", "online")),  # what the value is of; what was last known of one gone
    "tasmota": frozenset(("Device",)),  # outside of `ZbReceived` it tells what is a Zigbee device
    "gb45839": _ANY,
    "senml": frozenset(("n", "bn", "vb", "bver")),  # names; and RFC 8428, 4.4: another version is not to be read
    "shelly2": frozenset(("method", "src", "component")),
    "sparkplug": frozenset(("name", "dataType", "alias", "value")),
    "modbus_dtu": frozenset(("slave", "function", "start")),
    "homeassistant": frozenset(("smoke",)),
    "jetlinks": frozenset(("active",)),  # takes an event back
}
"""Members besides the alarm's own that say whose or which alarm it is, so that they belong to it; anywhere."""

RAW = (
    b"NaN", b"-Infinity", b"1e999", b"-1e400", b"9" * 400, b"1" * 5_000, b'"\\ud800"', b'"\xff\xfe"', b'"caf\xc3"',
    b'"a\tb\nc"', b'"\xbb\xf0"', b"[" * 20 + b"]" * 20, b'"' + b"x" * 2_000 + b'"', b'"\x00"', b"-0", b"1E+2",
    b'"\\/\\u0022"',
)  # fmt: skip
"""Literals of no JSON writer, and texts that are none, put in place of a value."""


class Danger(NamedTuple):
    """A message that says danger.

    Attributes:
        seed: the message.
        alarms: (address, alarm) that it says.
        document: its JSON; None for other formats.
        kept: places of the document that are not to be touched, with everything on the way to them.
    """

    seed: Seed
    alarms: frozenset[tuple[str, str]]
    document: Any
    kept: frozenset[Place]


def dangers(profiles: Profiles) -> tuple[Danger, ...]:
    """Every seed of which the unmutated message says danger; Home Assistant's configs must have been read."""
    found = []
    for seed in (*seeds(), *MORE):
        profile = profiles.claiming(seed.topic)
        assert profile is not None
        alarms = said(profile, seed.topic, seed.payload)
        if alarms:
            found.append(Danger(seed, frozenset(alarms), *_document(profile, seed, {a for _, a in alarms})))
    return tuple(found)


def said(profile: Profile, topic: bytes, payload: bytes) -> set[tuple[str, str]]:
    """(address, alarm) of what a message says is active."""
    named = profile.device_of(topic)
    return {
        (str(m.device or named), signal)
        for m in profile.decode(topic, payload, NOW).measurements
        for signal, value in m.values.items()
        if value == 1 and signal in ALARMS
    }


def _document(profile: Profile, seed: Seed, alarms: set[str]) -> tuple[Any, frozenset[Place]]:
    try:
        document = json.loads(seed.payload)
    except ValueError:
        return None, frozenset()
    if not isinstance(document, (dict, list)):
        return None, frozenset()
    carriers = CARRIES.get(seed.profile, _ANY)
    kept = {place for place in places(document) if place[-1] in carriers}
    if isinstance(profile, DataProfile):
        kept |= set(_mapped_members(profile, seed.topic, document, alarms))
        kept |= {tuple(word.split(".")) for word in _identity(profile) if _has(document, tuple(word.split(".")))}
    if seed.profile == "native":
        kept |= {place for place in places(document) if place[-1] in ALARMS}
    return document, frozenset(kept)


def _mapped_members(profile: DataProfile, topic: bytes, document: Any, alarms: set[str]) -> Iterator[Place]:
    """Places of a document (plain dicts and lists) at which the profile says that one of these alarms is told."""
    number = profile.topic_number(topic)
    assert number is not None
    for steps, meaning in mapped(profile, profile.file.topic[number]):
        bits = {bit.signal for bit in (meaning.bits or {}).values()}
        signals = (meaning.signal,) if isinstance(meaning.signal, str) else meaning.signal or ()
        if alarms & {*bits, *signals}:
            yield from _places_of(document, steps)


def _places_of(value: Any, steps: Steps, above: Place = ()) -> Iterator[Place]:
    if not steps:
        yield above
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        step = steps[0]
        if (str(key) == step) if isinstance(step, str) else step.fullmatch(str(key)):
            yield from _places_of(item, steps[1:], (*above, key))


def _identity(profile: DataProfile) -> Iterator[str]:
    file = profile.file
    for template in (*(t.device for t in file.topic), *(p.device for p in file.parts.values())):
        yield from re.findall(r"\{\.([^{}]+)\}", template)


def _has(document: Any, place: Sequence[str]) -> bool:
    for key in place:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Every place in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*above, key)
        yield from places(item, (*above, key))


class DangerMutator:
    """Makes messages out of those that say danger. Deterministic by seed."""

    def __init__(self, found: Sequence[Danger], seed: int) -> None:
        self._rng = random.Random(seed)
        self._found = list(found)
        self._carriers: set[str] = set()
        words = {str(p[-1]) for d in found if d.document is not None for p in places(d.document)}
        self._words = [
            *sorted(words - ALARMS),
            "ts",
            "time",
            "Time",
            "x",
            "a.b",
            "",
            "0",
            "名称",
            "id",
            "values",
            "unit",
        ]

    def message(self) -> tuple[Danger, bytes]:
        """The next one, and its payload."""
        danger = self._rng.choice(self._found)
        payload = danger.seed.payload
        if danger.document is not None:
            return danger, self._json(danger)
        if payload[:2] == b"@@":
            return danger, self._frame(payload)
        if danger.seed.profile == "sparkplug":
            return danger, self._metrics(payload)
        return danger, self._around(payload)

    def _json(self, danger: Danger) -> bytes:
        rng = self._rng
        raws: list[bytes] = []
        self._carriers = {name.lower() for name in CARRIES.get(danger.seed.profile, _ANY)}  # Sparkplug folds case
        document = self._changed(danger.document, (), danger.kept, raws)
        text = json.dumps(
            document, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 1)),
            separators=rng.choice(((",", ":"), (", ", ": "))),
        )  # fmt: skip
        payload = text.encode(errors="replace")
        for number, raw in enumerate(raws):
            payload = payload.replace(b'"@raw%d@"' % number, raw, 1)
        return self._around(payload) if rng.random() < 0.2 else payload

    def _changed(self, value: Any, at: Place, kept: frozenset[Place], raws: list[bytes]) -> Any:
        """The value with what is not kept changed here and there."""
        rng = self._rng
        on_the_way = {k[len(at)] for k in kept if len(k) > len(at) and k[: len(at)] == at}
        if at in kept or not isinstance(value, (dict, list)):
            return value
        if isinstance(value, list):
            items = [
                self._changed(item, (*at, i), kept, raws) if i in on_the_way or rng.random() < 0.6 else self._odd(raws)
                for i, item in enumerate(value)
            ]
            return [*items, self._odd(raws)] if rng.random() < 0.3 and on_the_way else items
        members: list[tuple[str, Any]] = []
        for key, item in value.items():
            if key in on_the_way or (*at, key) in kept:
                members.append((key, self._changed(item, (*at, key), kept, raws)))
                continue
            kind = rng.randrange(8)
            if kind < 3:
                members.append((key, self._changed(item, (*at, key), kept, raws)))
            elif kind < 6:
                members.append((key, self._odd(raws, item)))
            elif kind == 6:
                members.append((self._word(on_the_way), item))
        more = rng.choice((0, 0, 0, 0, 0, 1, 2, 40))
        members += [(self._word(on_the_way), self._odd(raws)) for _ in range(more)]
        if rng.random() < 0.3:
            rng.shuffle(members)
        return dict(members)

    def _word(self, taken: Collection[str | int]) -> str:
        """A name for another member: not of one that is kept, for which of the two counts nobody could tell."""
        word = self._rng.choice(self._words)
        return "x" if word in taken or word.lower() in self._carriers else word

    def _odd(self, raws: list[bytes], item: Any = 0) -> Any:
        rng = self._rng
        kind = rng.randrange(6)
        if kind == 0:
            raws.append(rng.choice(RAW))
            return f"@raw{len(raws) - 1}@"
        if kind == 1:
            return [item]
        if kind == 2 and isinstance(item, (int, float)):
            return rng.choice((item * 1000, -item, item + 65_536, str(item), f"{item} V", item / 7, 1e300, not item))
        return rng.choice(ODD)

    def _around(self, payload: bytes) -> bytes:
        """What C, shells and editors put around a message."""
        before, after = self._rng.choice(
            ((b"\xef\xbb\xbf", b""), (b"", b"\0"), (b" \n", b"\r\n"), (b"", b"\0\0\0"), (b"\t", b""), (b"", b""))
        )
        return before + payload + after

    def _frame(self, payload: bytes) -> bytes:
        """A frame of GB/T 26875.3 with another number, version, clock and destination, and a right checksum."""
        rng, data = self._rng, bytearray(payload)
        for start, end in ((2, 4), (4, 6), (6, 12), (18, 24)):
            if rng.random() < 0.5:
                data[start:end] = rng.randbytes(end - start)
        objects, kind = data[27:-3], data[27]
        if kind == 2 and len(objects) == 48 and rng.random() < 0.7:  # one component: its text, its moment
            data[27 + 11 : 27 + 42] = rng.randbytes(31)
            data[27 + 42 : 27 + 48] = rng.randbytes(6)
        elif kind == 1 and rng.random() < 0.7:
            data[27 + 6 : 27 + 12] = rng.randbytes(6)
        data[-3] = sum(data[2:-3]) & 0xFF
        return bytes(data)

    def _metrics(self, payload: bytes) -> bytes:
        """A Sparkplug payload with other metrics, times and numbers beside the alarm."""
        rng, read = self._rng, read_protobuf(payload)
        alarm = [m for m in read.metrics if m.datatype is Datatype.BOOLEAN]
        alarm = [m._replace(timestamp=rng.choice((None, 0, 1, NOW, 2**63, 2**64 - 1, 1_795_334_400))) for m in alarm]
        others = [m for m in read.metrics if m.datatype is not Datatype.BOOLEAN and rng.random() < 0.7]
        for number in range(rng.randrange(5)):
            kind, value = rng.choice(
                ((Datatype.DOUBLE, float("nan")), (Datatype.FLOAT, float("inf")), (Datatype.STRING, "x" * 300),
                 (Datatype.INT64, -1), (Datatype.UINT64, 2**64 - 1), (Datatype.BOOLEAN, False))
            )  # fmt: skip
            others.append(metric(value, kind, rng.choice(("Temperature", f"Other/{number}", "", "x" * 400))))
        metrics = [*others, *alarm]
        rng.shuffle(metrics)
        sent = rng.choice((None, 0, NOW, 2**64 - 1, read.timestamp))
        unknown = rng.choice(
            (b"", b"\x78\x05", b"\x12\x03\x0a\x01\xff", b"\x12\x02\x60\x01", b"\x0a\x01a", b"\x12\x00")
        )
        return (
            write_protobuf(read._replace(timestamp=sent, metrics=tuple(metrics), seq=rng.choice((None, 3, 255, 300))))
            + unknown
        )


def announce(profiles: Profiles) -> None:
    """Have Home Assistant's configs read, as an intact device sends them."""
    for seed in announced.SEEDS[: announced.CONFIGS]:
        profiles["homeassistant"].decode(seed.topic, seed.payload, NOW)
