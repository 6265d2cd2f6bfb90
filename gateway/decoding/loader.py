"""Reading profile files: TOML, checked whole, with every fault told by file, line and field."""

import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from community.file_faults import BYTE_ORDER_MARK, FileError, FileErrors, Spot, explained, line_in, nearest
from community.quantities import QUANTITIES, SIGNALS
from community.toml_lines import TomlLines
from gateway.decoding.definition import Meaning, Packed, ProfileFile, SubDevice, Topic, Value, When
from gateway.decoding.meaning import signals_of
from gateway.decoding.paths import Path, PathSyntaxError
from gateway.decoding.topics import PatternSyntaxError, Template, TopicPattern
from gateway.decoding.units import conversion, known_units
from gateway.values import FLAGS

MOST_CHARACTERS = 1_000_000

_Fault = tuple[Sequence[str | int], str]


class ProfileErrors(FileErrors):
    """A profile file was refused, with all of its faults in the order of the file."""


def read_profile(text: str, source: str) -> ProfileFile:
    """Read a profile file.

    Args:
        text: the file's content.
        source: its name, for the errors.

    Raises:
        ProfileErrors: with every fault in the file.
    """
    if len(text) > MOST_CHARACTERS:
        raise ProfileErrors([FileError(source, None, "", f"more than {MOST_CHARACTERS} characters")])
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProfileErrors(
            [FileError(source, line_in(str(error)), "", str(error)[:200] or "nested too deeply")]
        ) from None
    try:
        profile = ProfileFile.model_validate(document)
    except ValidationError as errors:
        faults = list(_one_of_each_union(explained(ProfileFile, errors), document))
    else:
        faults = list(_faults(profile))
        if not faults:
            return profile
    spot = Spot(source, TomlLines(text), ())  # only now: it takes longer than all the rest
    found = [spot.error(field, message) for field, message in faults]
    raise ProfileErrors(sorted(found, key=lambda e: e.line or 0))


def _one_of_each_union(faults: Iterator[tuple[list[str | int], str]], document: Any) -> Iterator[_Fault]:
    """Faults at places of the file: pydantic tells one for each type that a value might have had."""
    merged: dict[tuple[str | int, ...], list[str]] = {}
    for path, message in faults:
        known: list[str | int] = []
        here = document
        for i, step in enumerate(path):
            if isinstance(here, dict) and path[0] == "fields" and i == 3 and step == 0:
                continue  # a single meaning without its list
            try:
                here = here[step]
            except (KeyError, IndexError, TypeError):
                if i == len(path) - 1 and isinstance(here, dict) and isinstance(step, str):
                    known.append(step)  # a key that is missing
                break
            known.append(step)
        merged.setdefault(tuple(known), []).append(message)
    for place, messages in merged.items():
        yield place, ", or: ".join(dict.fromkeys(messages))


def _faults(profile: ProfileFile) -> Iterator[_Fault]:
    """What pydantic cannot see: names that nothing has, paths, patterns, units."""
    used_fields: set[str] = set()
    used_parts: set[str] = set()
    for number, topic in enumerate(profile.topic):
        yield from _topic_faults(profile, topic, ("topic", number))
        used_fields.update(topic.fields)
        used_parts.update(topic.parts)
    for name, part in profile.parts.items():
        yield from _part_faults(profile, part, ("parts", name))
        used_fields.update(part.fields)
    # A set that nobody uses is often one whose name was mistyped, which is told already.
    if used_fields <= profile.fields.keys() and used_parts <= profile.parts.keys():
        for name in profile.fields.keys() - used_fields:
            yield ("fields", name), "no topic and no part uses this set"
        for name in profile.parts.keys() - used_parts:
            yield ("parts", name), "no topic uses this part"
    for name, paths in profile.fields.items():
        for path, meanings in paths.items():
            place = ("fields", name, path)
            yield from _path_fault(path, place, captures=False)
            for meaning in meanings:
                yield from _meaning_faults(meaning, place)
    for kind, filters in (("publish", profile.grant.publish), ("subscribe", profile.grant.subscribe)):
        for number, text in enumerate(filters):
            if "{device}" not in text:
                yield ("grant", kind, number), "expected {device} in it: it is for one device's account"
    for number, text in enumerate(profile.subscribe):
        if "#" in text[:-1] or text.startswith("$") or not text:
            yield ("subscribe", number), "expected an MQTT filter; # stands only at the end"


def _topic_faults(profile: ProfileFile, topic: Topic, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    try:
        names = set(TopicPattern(topic.match).names)
    except PatternSyntaxError as error:
        yield (*place, "match"), str(error)
        return
    if topic.ignore:
        return
    if topic.format in ("senml", "sparkplug", "gb26875", "modbus"):
        names |= {"document", "unit"}
    yield from _template_faults(topic.device, names, (*place, "device"))
    for field, text in (("base", topic.base), ("time", topic.time and topic.time.path), ("seq", topic.seq)):
        if text:
            yield from _path_fault(text, (*place, field), captures=False)
    for field, wanted, known in (("fields", topic.fields, profile.fields), ("parts", topic.parts, profile.parts)):
        for number, name in enumerate(wanted):
            if name not in known:
                yield (*place, field, number), f"there is no [{field}.{name}]{nearest(name, known)}"
    for name, when in topic.when.items():
        read = (*topic.fields, *topic.parts, *(["gives"] if topic.gives else []))
        if name not in read:
            yield (*place, "when"), f"{name!r} is none of this topic's fields and parts{nearest(name, read)}"
        if when.above is not None or when.below is not None:
            yield (*place, "when"), "above and below are for a single field"
        yield from _when_faults(when, (*place, "when"))
    for name in topic.parts:
        part = profile.parts.get(name)
        if part is not None:
            try:
                inner = names | {"device"} | set(Path(part.each).names)
            except PathSyntaxError:
                continue  # told with the part
            yield from _template_faults(part.device, inner, ("parts", name, "device"))
    for signal, path in topic.gives.items():
        if "{" in signal:
            yield from _template_faults(signal, names, (*place, "gives", signal))
        elif signal not in FLAGS:
            yield (*place, "gives", signal), f"there is no event or flag {signal!r}{nearest(signal, sorted(FLAGS))}"
        if isinstance(path, str):
            yield from _path_fault(path, (*place, "gives", signal), captures=False)
    if not topic.fields and not topic.parts and not topic.gives:
        yield place, "nothing is read: name fields or parts, or write ignore = true"


def _template_faults(text: str, names: set[str], place: Sequence[str | int]) -> Iterator[_Fault]:
    try:
        template = Template(text)
    except PathSyntaxError as error:
        yield place, str(error)
        return
    for name in template.names:
        if name not in names:
            yield place, f"nothing captures {{{name}}}{nearest(name, names)}"


def _part_faults(profile: ProfileFile, part: SubDevice, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    yield from _path_fault(part.each, (*place, "each"), captures=True)
    for field, text in (("time", part.time and part.time.path), ("seq", part.seq)):
        if text:
            yield from _path_fault(text, (*place, field), captures=False)
    if part.when is not None:
        if part.when.above is not None or part.when.below is not None:
            yield (*place, "when"), "above and below are for a single field"
        yield from _when_faults(part.when, (*place, "when"))
    for number, name in enumerate(part.fields):
        if name not in profile.fields:
            yield (*place, "fields", number), f"there is no [fields.{name}]{nearest(name, profile.fields)}"
    with_names = Path(part.each).names if not list(_path_fault(part.each, (), captures=True)) else ()
    for name in part.main:
        if name not in with_names:
            yield (*place, "main"), f"`each` does not capture {{{name}}}{nearest(name, with_names)}"


def _path_fault(text: str, place: Sequence[str | int], *, captures: bool) -> Iterator[_Fault]:
    try:
        path = Path(text)
    except PathSyntaxError as error:
        yield place, str(error)
        return
    if path.names and not captures:
        yield place, f"{text!r}: only `each` of a part captures"


def _meaning_faults(meaning: Meaning, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    given = [name for name in ("signal", "bits", "packed") if getattr(meaning, name) is not None]
    if len(given) != 1:
        yield place, f"expected one of signal, bits and packed, got {' and '.join(given) or 'none'}"
    if meaning.when is not None:
        yield from _when_faults(meaning.when, (*place, "when"))
    if meaning.packed is not None:
        yield from _packed_faults(meaning.packed, (*place, "packed"))
    else:
        yield from _value_faults(meaning, place)


def _when_faults(when: When, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    for text in (*when.has, *when.lacks, *when.equals, *when.differs):
        yield from _path_fault(text, place, captures=False)


def _packed_faults(packed: Packed, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    if not packed.parts and packed.records is None:
        yield place, "expected parts or records"
    for number, part in enumerate(packed.parts):
        yield from _value_faults(part, (*place, "parts", number))
    lengths = (packed.length,) if isinstance(packed.length, int) else packed.length or ()
    for number, part in enumerate(packed.parts):
        if lengths and part.at + part.size > max(lengths):
            yield (*place, "parts", number), f"ends behind the last of {max(lengths)} bytes"
    if packed.records is not None:
        for key, part in packed.records.by.items():
            inner = (*place, "records", "by", key)
            if not (key.isascii() and key.isdigit()):
                yield inner, f"records are named by numbers, got {key!r}"
            if part.at + part.size > packed.records.size:
                yield inner, f"ends behind the record's {packed.records.size} bytes"
            yield from _value_faults(part, inner)


def _value_faults(value: Value, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    signals = signals_of(value)
    if not isinstance(value, Meaning) and not signals:
        yield place, "expected signal or bits"
    for signal in signals:
        if signal not in SIGNALS:
            yield place, f"there is no signal {signal!r}{nearest(signal, SIGNALS)}"
        elif value.bits is not None and signal not in FLAGS:
            yield place, f"a bit is a flag or an event, {signal} is neither"
        elif value.inverted and signal not in FLAGS:
            yield place, f"only flags and events can be inverted, {signal} is neither"
        elif conversion(value.unit, signal) is None:
            known = ", ".join(known_units(signal)) if signal in QUANTITIES else "none"
            yield place, f"{value.unit!r} cannot be converted for {signal}; units: {known}"
    if value.bits is not None:
        for key in value.bits:
            if int(key) >= value.width:
                yield place, f"there is no bit {key} in {value.width}"
    if value.alone is not None and not isinstance(value.signal, tuple):
        yield place, "`alone` goes with several signals"
