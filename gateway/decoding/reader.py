"""The interpreter: a profile file as a `Profile`. Exact and in no hurry; `gateway.columnar` is the quick way."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from community.clock import EARLIEST, LATEST, parse_time
from community.refusal import Reason
from gateway.decoding.definition import ProfileFile, SubDevice, Time, Topic, When
from gateway.decoding.lenient import MAX_FAULTS, MAX_SEQ
from gateway.decoding.meaning import MeaningReader, Reading, condition
from gateway.decoding.numbers import integer_of, number_of, word_of
from gateway.decoding.paths import MISSING, Path
from gateway.decoding.profile import IGNORED, Codec, Decoded, Document, Measurement, UnreadableError
from gateway.decoding.topics import Template, TopicPattern
from gateway.fault import Fault
from gateway.values import FLAGS

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_MILLISECONDS_FROM = 1e11
"""Numbers from here on are milliseconds: as seconds they would be after the year 5138, and as ms before 1973."""


class FieldReader:
    """The fields of some sets, in order."""

    def __init__(self, profile: ProfileFile, sets: Sequence[str], when: Mapping[str, When] = {}) -> None:
        self._sets = [
            (
                condition(when[name]) if name in when else None,
                [(Path(path), [MeaningReader(m) for m in meanings]) for path, meanings in profile.fields[name].items()],
            )
            for name in sets
        ]

    def read(self, scope: Any, prefix: str, reading: Reading) -> None:
        """Add what is there."""
        for holds, fields in self._sets:
            if holds is not None and not holds(None, scope):
                continue
            for path, meanings in fields:
                raw = path.first(scope)
                if raw is not MISSING:
                    place = f"{prefix}.{path.text}" if prefix and path.text else prefix or path.text
                    for meaning in meanings:
                        meaning.apply(raw, scope, place, reading)


class Moment:
    """Where a measurement's time and running number stand."""

    def __init__(self, time: Time | None, seq: str | None) -> None:
        self._time = None if time is None else Path(time.path)
        self._unit = "auto" if time is None else time.unit
        self._seq = None if seq is None else Path(seq)

    def read(self, scope: Any, ts: int | None, seq: int | None) -> tuple[int | None, int | None]:
        """UTC ms and running number; what is not there, or not to be understood, is as given."""
        if self._time is not None:
            raw = self._time.first(scope)
            ts = ts if raw is MISSING else time_of(raw, self._unit)
        if self._seq is not None:
            number = integer_of(self._seq.first(scope))
            seq = number if number is not None and 0 <= number <= MAX_SEQ else seq
        return ts, seq


def time_of(raw: Any, unit: str) -> int | None:
    """UTC ms; None if it cannot be told: then the receipt counts, which is never far off and never wrong by hours.

    Args:
        raw: number, text with a number, or RFC 3339 with an offset. A time without a zone could be of any place.
        unit: `s`, `ms`, `iso` or `auto`.
    """
    number = None if unit == "iso" else number_of(raw)
    if number is not None:
        if unit == "s" or (unit == "auto" and abs(number) < _MILLISECONDS_FROM):
            number *= 1000
        return round(number) if EARLIEST <= number <= LATEST else None
    try:
        return parse_time(raw) if isinstance(raw, str) else None
    except (ValueError, OverflowError):
        return None


class _Part:
    def __init__(self, profile: ProfileFile, definition: SubDevice, when: When | None) -> None:
        self.holds = None if when is None else condition(when)
        self.fits = None if definition.when is None else condition(definition.when)
        self.each = Path(definition.each)
        self.device = Template(definition.device)
        self._main = definition.main
        self.moment = Moment(definition.time, definition.seq)
        self.fields = FieldReader(profile, definition.fields)

    def is_main(self, captures: Mapping[str, str]) -> bool:
        return bool(self._main) and all(captures.get(k) == v for k, v in self._main.items())


class _Route:
    def __init__(self, profile: ProfileFile, topic: Topic) -> None:
        self.pattern = TopicPattern(topic.match)
        self.ignore = topic.ignore
        self.format = topic.format
        self.device = Template(topic.device)
        self.base = Path(topic.base)
        self.moment = Moment(topic.time, topic.seq)
        self.fields = FieldReader(profile, topic.fields, topic.when)
        self.gives = [
            (Template(signal), Path(told) if isinstance(told, str) else None, told == 1)
            for signal, told in topic.gives.items()
        ]
        self.given = condition(topic.when["gives"]) if "gives" in topic.when else None
        self.parts = [_Part(profile, profile.parts[name], topic.when.get(name)) for name in topic.parts]


class DataProfile:
    """A profile read from a file. Implements `gateway.decoding.profile.Profile`."""

    def __init__(self, name: str, file: ProfileFile, codecs: Mapping[str, Codec]) -> None:
        """Make a checked profile file ready.

        Args:
            name: of the profile.
            file: as `gateway.decoding.loader` checked it.
            codecs: by format; those that keep state are the gateway's own.
        """
        self.name = name
        self.file = file
        self.steady = file.steady
        self.subscribe = file.subscribe
        self._codecs = codecs
        self._routes = [_Route(file, topic) for topic in file.topic]

    def claims(self, topic: bytes) -> bool:
        """Whether a pattern of the profile matches."""
        return self._route(topic) is not None

    def device_of(self, topic: bytes) -> str | None:
        """Address that the topic alone gives."""
        found = self._route(topic)
        return None if found is None else found[0].device.fill(found[2])

    def decode(self, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        """Read a message. Never raises."""
        found = self._route(topic)
        if found is None or found[0].ignore:
            return IGNORED
        route, text, captures = found
        try:
            documents = self._codecs[route.format].read(text, payload, received_at)
        except UnreadableError as unreadable:
            documents = (Document(None, faults=(unreadable.fault,)),)
        if not documents and route.gives:
            documents = (Document(None),)
        faults: list[Fault] = []
        readings: dict[tuple[str | None, int | None, int | None], Reading] = {}
        for document in documents:
            _read(route, captures, document, readings, faults)
        measurements = [
            Measurement(reading.values, ts, seq, device)
            for (device, ts, seq), reading in readings.items()
            if any(value is not None for value in reading.values.values())
        ]
        return Decoded(measurements, first_of_each_reason(faults))

    def topic_number(self, topic: bytes) -> int | None:
        """Which of the file's topics a topic is; None if it is none of them."""
        found = self._route(topic)
        return None if found is None else self._routes.index(found[0])

    def _route(self, topic: bytes) -> tuple[_Route, str, dict[str, str]] | None:
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return None
        for route in self._routes:
            captures = route.pattern.match(text)
            if captures is not None:
                return route, text, captures
        return None


def _read(
    route: _Route,
    captures: Mapping[str, str],
    document: Document,
    readings: dict[tuple[str | None, int | None, int | None], Reading],
    faults: list[Fault],
) -> None:
    faults.extend(document.faults)
    body = route.base.first(document.body)
    if body is MISSING:
        if not route.gives:
            return
        body = None
    names = {**captures, **document.captures}
    if document.device is not None:
        names["document"] = document.device
    before = len(faults)
    device = route.device.fill(names, document.body)
    ts, seq = route.moment.read(body, document.ts, document.seq)
    own = Reading(faults)
    route.fields.read(body, route.base.text, own)
    if route.gives and (route.given is None or route.given(None, body)):
        for template, path, active in route.gives:
            event = _flag(template.fill(names, document.body))
            if event is not None:
                # Of a flag that cannot be read the topic's word holds.
                own.add(event, float(active if path is None else word_of(path.first(body)) not in ("0", "false")))
    found = [(device, ts, seq, own)] if own.values else []
    for part in route.parts:
        if part.holds is not None and not part.holds(None, body):
            continue
        for scope, more in part.each.all(body):
            if part.fits is not None and not part.fits(None, scope):
                continue
            inner = {**names, **more} if device is None else {"device": device, **names, **more}
            reading = Reading(faults)
            part.fields.read(scope, part.each.text, reading)
            if reading.values:
                address = device if part.is_main(more) else part.device.fill(inner, document.body)
                found.append((address, *part.moment.read(scope, ts, seq), reading))
    for address, ts, seq, reading in found:
        if address is None:
            faults.insert(before, Fault(Reason.SCHEMA, "", f"names no device: {route.device.text} cannot be filled"))
            continue
        known = readings.setdefault((address, ts, seq), reading)
        if known is not reading:
            for signal, value in reading.values.items():
                known.add(signal, value)


def _flag(name: str | None) -> str | None:
    """The event or flag of a name, however its words are joined (`fireAlarm`, `fire-alarm`); None if it is none."""
    if name is None or name in FLAGS:
        return name
    folded = _HUMP.sub("_", name).replace("-", "_").lower()
    return folded if folded in FLAGS else None


def first_of_each_reason(faults: Sequence[Fault]) -> Sequence[Fault]:
    """At most `MAX_FAULTS`; a reason of its own kind is never cut away by twenty of another."""
    if len(faults) <= MAX_FAULTS:
        return faults
    first = {f.reason: f for f in reversed(faults)}
    return [*first.values(), *(f for f in faults if first[f.reason] is not f)][:MAX_FAULTS]
