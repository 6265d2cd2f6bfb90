"""What the value at a path means: raw value → signals, as a profile's field says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from community.quantities import EVENTS
from community.refusal import Reason
from gateway.decoding.definition import Meaning, Value, When
from gateway.decoding.numbers import integer_of, number_of, read_number, shown, word_of
from gateway.decoding.packed import PackedReader
from gateway.decoding.paths import MISSING, Path
from gateway.decoding.units import conversion
from gateway.fault import Fault
from gateway.values import FLAGS

_EVENTS = frozenset(EVENTS)


class Reading:
    """Collects what one device says of one moment, and what of it could not be read."""

    __slots__ = ("faults", "values")

    def __init__(self, faults: list[Fault]) -> None:
        self.values: dict[str, float | None] = {}
        self.faults = faults

    def add(self, signal: str, value: float | None) -> None:
        """Note a value. Of an event said twice, active wins; of a quantity, the first that is measured."""
        before = self.values.get(signal)
        if before is None:
            self.values[signal] = value
        elif value is not None and signal in _EVENTS:
            self.values[signal] = max(before, value)


Apply = Callable[[Any, str, Reading], None]
"""(raw value, place in the payload, where to)."""


class MeaningReader:
    """One meaning, ready to be applied."""

    def __init__(self, meaning: Meaning) -> None:
        self._holds = None if meaning.when is None else condition(meaning.when)
        self._apply: Apply = PackedReader(meaning.packed).apply if meaning.packed is not None else reader_of(meaning)

    def apply(self, raw: Any, scope: Any, place: str, reading: Reading) -> None:
        """Add what `raw` means. `scope` is where the field's path starts."""
        if self._holds is None or self._holds(raw, scope):
            self._apply(raw, place, reading)


def reader_of(value: Value) -> Apply:
    """How a value is read: as bits, as one of an array, by a table, or as a number."""
    if value.bits is not None:
        return _Bits(value).apply
    if isinstance(value.signal, tuple):
        return _Array(value).apply
    assert value.signal is not None, "a profile's values have signals; its loader saw to it"
    return _Single(value, value.signal).apply


class _Single:
    def __init__(self, value: Value, signal: str) -> None:
        self._signal = signal
        self._flag = signal in FLAGS
        self._values = None if value.values is None else {word_of(k): v for k, v in value.values.items()}
        self._inverted = value.inverted
        factor, shift = conversion(value.unit, signal) or (1.0, 0.0)
        self._scale, self._offset, self._factor, self._shift = value.scale, value.offset, factor, shift
        self._plain = (value.scale, value.offset, factor, shift) == (1.0, 0.0, 1.0, 0.0)
        numbers = [number_of(v) for v in value.invalid]
        self._invalid = frozenset(n for n in numbers if n is not None)
        self._invalid_words = frozenset(v.strip().lower() for v in value.invalid if isinstance(v, str))

    def apply(self, raw: Any, place: str, reading: Reading) -> None:
        if isinstance(raw, list) and len(raw) == 1:
            raw = raw[0]
        elif isinstance(raw, list) and self._values is not None:
            for i, item in enumerate(raw):
                if not isinstance(item, list):
                    self.apply(item, f"{place}.{i}", reading)
            return
        if self._is_invalid(raw):
            reading.add(self._signal, None)
            return
        if self._values is not None:
            self._look_up(raw, place, reading)
            return
        number = read_number(raw, place, flag=self._flag)
        if isinstance(number, Fault):
            reading.faults.append(number)
            return
        if number is not None:
            if not self._plain:
                number = (number * self._scale + self._offset) * self._factor + self._shift
            if self._inverted:
                number = 1.0 - number
        reading.add(self._signal, number)

    def _is_invalid(self, raw: Any) -> bool:
        if isinstance(raw, str) and raw.strip().lower() in self._invalid_words:
            return True
        return bool(self._invalid) and number_of(raw) in self._invalid

    def _look_up(self, raw: Any, place: str, reading: Reading) -> None:
        assert self._values is not None
        word = word_of(raw)
        if raw is None or word == "":
            reading.add(self._signal, None)
            return
        meant = self._values.get(word, self._values.get("*", MISSING)) if word is not None else MISSING
        if meant is MISSING:
            known = ", ".join(map(str, self._values))
            reading.faults.append(Fault(Reason.SCHEMA, place, f"expected one of {known[:80]}, got {shown(raw)}"))
        elif meant != "ignore":
            number = float(meant)
            reading.add(self._signal, 1.0 - number if self._inverted else number)


class _Array:
    def __init__(self, value: Value) -> None:
        assert isinstance(value.signal, tuple)
        self._elements = [_Single(value, signal) for signal in value.signal]
        self._alone = self._elements[0] if value.alone is None else _Single(value, value.alone)

    def apply(self, raw: Any, place: str, reading: Reading) -> None:
        if not isinstance(raw, list) or len(raw) == 1:
            self._alone.apply(raw, place, reading)
            return
        for i, (element, item) in enumerate(zip(self._elements, raw, strict=False)):
            element.apply(item, f"{place}.{i}", reading)


class _Bits:
    def __init__(self, value: Value) -> None:
        assert value.bits is not None
        self._width = value.width
        self._bits = [
            (1 << (value.width - 1 - int(key) if value.msb_first else int(key)), bit.signal, bit.inverted)
            for key, bit in value.bits.items()
        ]
        self._invalid = frozenset(integer_of(v) for v in value.invalid)

    def apply(self, raw: Any, place: str, reading: Reading) -> None:
        if raw is None or raw == "":
            return
        word = integer_of(raw)
        if word is None:
            reading.faults.append(Fault(Reason.SCHEMA, place, f"expected a whole number of bits, got {shown(raw)}"))
            return
        if word in self._invalid:
            return
        for mask, signal, inverted in self._bits:
            reading.add(signal, float(bool(word & mask) != inverted))


def condition(when: When) -> Callable[[Any, Any], bool]:
    """(a field's raw value, where its path starts) → whether the condition holds."""
    has = [Path(p) for p in when.has]
    lacks = [Path(p) for p in when.lacks]
    equals, differs = _words(when.equals), _words(when.differs)

    def holds(raw: Any, scope: Any) -> bool:
        if when.above is not None or when.below is not None:
            number = number_of(raw)
            if number is None or not _between(number, when.above, when.below):
                return False
        return (
            all(p.first(scope) is not MISSING for p in has)
            and all(p.first(scope) is MISSING for p in lacks)
            and all(word_of(p.first(scope)) in words for p, words in equals)
            and all(word_of(p.first(scope)) not in words for p, words in differs)
        )

    return holds


def _words(
    expected: Mapping[str, float | str | bool | tuple[float | str | bool, ...]],
) -> list[tuple[Path, frozenset[str | None]]]:
    return [
        (Path(path), frozenset(word_of(v) for v in (values if isinstance(values, tuple) else (values,))))
        for path, values in expected.items()
    ]


def _between(number: float, above: float | None, below: float | None) -> bool:
    return (above is None or number > above) and (below is None or number < below)


def signals_of(value: Value) -> Sequence[str]:
    """The signals that a value may give."""
    if value.bits is not None:
        return [bit.signal for bit in value.bits.values()]
    signals = (value.signal,) if isinstance(value.signal, str) else value.signal or ()
    return [*signals, *([value.alone] if value.alone is not None else [])]
