"""Which messages of a profile can be read by the compiled scan, and how: fields as plans (`gateway.columnar.plan`).

A plan may always send a message to the reader, which is exact; it must never read one differently.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from community.quantities import SIGNAL_INDEX
from gateway.columnar.plan import Kind, Plan, PlanField, Unit
from gateway.decoding.definition import Meaning, ProfileFile, SubDevice, Time, Topic, Value
from gateway.decoding.numbers import number_of, word_of
from gateway.decoding.paths import Path
from gateway.decoding.topics import Template
from gateway.decoding.units import conversion
from gateway.values import FLAGS

Steps = tuple[str | int, ...]
Step = str | re.Pattern[str] | None


def plan_of(profile: ProfileFile, topic: Topic) -> Plan | None:
    """The plan for messages on a topic; None if all of them must be read in Python."""
    if topic.format != "json" or topic.ignore or topic.gives or Template(topic.device).needs_document:
        return None
    base = Path(topic.base).simple
    if base is None:
        return None
    fields: dict[Steps, PlanField] = {}
    # Whatever a part may match is for the reader.
    wild = [_needed(profile.parts[name]) for name in topic.parts]
    read = {
        text
        for name in topic.fields
        for text, meanings in profile.fields[name].items()
        if any(field.kind is not Kind.SLOW for field in _fields((text,), meanings))
    }
    for name in topic.fields:
        for text, meanings in profile.fields[name].items():
            path = Path(text)
            if path.simple is None:
                wild.append(path.steps)
                continue
            if name in topic.when:  # whether the set is read depends on the rest of the message
                _put(fields, _slow((*base, *path.simple)))
                continue
            waited_for = _waited_for(meanings, read)
            if waited_for is not None:
                for steps in waited_for:
                    _put(fields, _slow((*base, *steps)))
                continue
            for field in _fields((*base, *path.simple), meanings):
                _put(fields, field)
    for field in _moment(base, topic.time, topic.seq):
        _put(fields, field)
    strict: set[Steps] = set()
    for wanted in wild:
        _close(fields, strict, base, wanted)
    if () in fields:
        return None
    return Plan(tuple(fields.values()), tuple(strict))


def _needed(part: SubDevice) -> Sequence[Step]:
    """What must be in a message, at the least, for the part to read anything of it."""
    has = () if part.when is None else [Path(p).steps for p in part.when.has]
    return (*Path(part.each).steps, *(has[0] if has else ()))


def _waited_for(meanings: Sequence[Meaning], read: Collection[str]) -> list[tuple[str, ...]] | None:
    """Paths without which none of the meanings holds; None if one may hold without, or if the scan reads them.

    A field that speaks only of an error that is there (the end of all others) would else send every message to the
    reader.
    """
    found = []
    # A field whose own value does not matter speaks of the other; then it is that one which goes to the reader.
    blind = all(meaning.values is not None and set(meaning.values) == {"*"} for meaning in meanings)
    for meaning in meanings:
        has = [] if meaning.when is None else meaning.when.has
        has = [p for p in has if (blind or p not in read) and Path(p).simple]
        if not has:
            return None
        found.append(Path(has[0]).simple or ())
    return found


def _put(fields: dict[Steps, PlanField], field: PlanField) -> None:
    for i, step in enumerate(field.path):
        if isinstance(step, str) and step.isdecimal():
            # A key of digits may be an index as well; the plan would have to know which.
            fields[field.path] = _slow(field.path)
            as_index = (*field.path[:i], int(step), *field.path[i + 1 :])
            fields[as_index] = _slow(as_index)
            return
    # Two meanings of one path: which of them holds is the reader's to say.
    fields[field.path] = _slow(field.path) if field.path in fields else field


def _close(fields: dict[Steps, PlanField], strict: set[Steps], at: Steps, steps: Sequence[Step]) -> None:
    """See to it that whatever a path with wildcards may mean goes to the reader."""
    while steps and isinstance(steps[0], str):
        at, steps = (*at, steps[0]), steps[1:]
    if not steps:
        fields[at] = _slow(at)
        return
    # An unknown key may be meant; so may one that the plan knows, with what the path says behind it.
    strict.add(at)
    known = {path[len(at)] for path in fields if len(path) > len(at) and path[: len(at)] == at}
    for key in known:
        if not isinstance(steps[0], re.Pattern) or (isinstance(key, str) and steps[0].fullmatch(key)):
            _close(fields, strict, (*at, key), steps[1:])


def _fields(path: Steps, meanings: tuple[Meaning, ...]) -> Iterator[PlanField]:
    meaning = meanings[0]
    if len(meanings) > 1 or meaning.when is not None or meaning.packed is not None or meaning.bits is not None:
        yield _slow(path)
    elif isinstance(meaning.signal, tuple):
        alone = meaning.alone if meaning.alone is not None else meaning.signal[0]
        yield _single(path, meaning, alone)
        for i, signal in enumerate(meaning.signal):
            yield _single((*path, i), meaning, signal)
    else:
        assert meaning.signal is not None, "a meaning without bits and packed has a signal"
        yield _single(path, meaning, meaning.signal)


def _single(path: Steps, value: Value, signal: str) -> PlanField:
    column = SIGNAL_INDEX[signal]
    numbers = [number_of(v) for v in value.invalid]
    if None in numbers:
        return _slow(path)
    invalid = tuple(n for n in numbers if n is not None)
    if value.values is not None:
        if invalid:
            return _slow(path)
        words = {word_of(k) or "": _meant(v) for k, v in value.values.items() if k != "*"}
        other = value.values.get("*")
        return PlanField(
            path=path,
            kind=Kind.ENUM,
            column=column,
            words=words,
            inverted=value.inverted,
            has_other=other is not None,
            other=None if other is None else _meant(other),
        )
    factor, shift = conversion(value.unit, signal) or (1.0, 0.0)
    if signal in FLAGS:
        plain = (value.scale, value.offset, factor, shift) == (1.0, 0.0, 1.0, 0.0) and not invalid
        return PlanField(path=path, kind=Kind.FLAG, column=column, inverted=value.inverted) if plain else _slow(path)
    return PlanField(
        path=path,
        kind=Kind.NUMBER,
        column=column,
        scale=value.scale,
        offset=value.offset,
        factor=factor,
        shift=shift,
        invalid=invalid,
        texts=True,
    )


def _meant(meant: float | str) -> float | None:
    return None if isinstance(meant, str) else float(meant)


def _moment(base: tuple[str, ...], time: Time | None, seq: str | None) -> Iterator[PlanField]:
    if time is not None and (path := Path(time.path).simple) is not None:
        yield PlanField(path=(*base, *path), kind=Kind.TIME, unit=_UNITS[time.unit])
    if seq is not None and (path := Path(seq).simple) is not None:
        yield PlanField(path=(*base, *path), kind=Kind.SEQ)


_UNITS = {"auto": Unit.AUTO, "s": Unit.S, "ms": Unit.MS, "iso": Unit.ISO}


def _slow(path: Steps) -> PlanField:
    return PlanField(path=path, kind=Kind.SLOW)
