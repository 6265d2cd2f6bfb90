"""Plans: what the compiled scan does with the values of a JSON document, as flat tables.

A plan says of paths without wildcards what their values are. Whatever it does not cover surely sends the message the
slow way, to `gateway.decoding`: a plan may say less than its profile, but nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled, inner
from community.quantities import SIGNALS
from gateway.columnar.words import address_of, int_at, mixed, word_at
from gateway.values import FLAGS

Path = tuple[str | int, ...]
"""Keys, and indices of arrays as integers."""


class Kind(IntEnum):
    """What is done with the value at a path; objects and lists there send the message the slow way.

    * `NUMBER`: `((raw * scale + offset) * factor + shift)`; null is not measured; true and false go slow.
    * `FLAG`: true, false, 1 or 0; null is not measured.
    * `ENUM`: texts, true, false and integers by a table; null goes slow.
    * `TIME`: of the device; see `PlanField.unit`. null means that it has none.
    * `SEQ`: running number from 0; null means that there is none.
    * `SLOW`: if it is there at all, the message goes slow.
    """

    NODE = 0
    NUMBER = 1
    FLAG = 2
    ENUM = 3
    TIME = 4
    SEQ = 5
    SLOW = 6


class Unit(IntEnum):
    """Of a time that is a number; `AUTO`: ms from 1e11 on, else s. Fractions of a ms go slow."""

    MS = 0
    S = 1
    AUTO = 2
    ISO = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanField:
    """What the value at one path means.

    Attributes:
        path: from the document's root.
        kind: what is done with it.
        column: index in `SIGNALS`, of NUMBER, FLAG and ENUM.
        scale, offset: of NUMBER, in the device's own unit.
        factor, shift: of NUMBER, from that unit to the canonical one.
        invalid: of NUMBER: raw values that mean "not measured".
        texts: of NUMBER: a number in quotes is one; otherwise such a message goes slow.
        inverted: of FLAG and ENUM: 1 - value.
        words: of ENUM: value by text in lower case; None passes without a word.
        other: of ENUM: the value of words of letters that are not listed; without it they go slow.
        unit: of TIME.
        zoneless: of TIME: a text without a zone says nothing and the receipt counts; else such a message goes slow.
    """

    path: Path
    kind: Kind
    column: int = -1
    scale: float = 1.0
    offset: float = 0.0
    factor: float = 1.0
    shift: float = 0.0
    invalid: tuple[float, ...] = ()
    texts: bool = False
    inverted: bool = False
    words: Mapping[str, float | None] = field(default_factory=dict)
    has_other: bool = False
    other: float | None = None
    unit: Unit = Unit.AUTO
    zoneless: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read of one kind of document, an object at its root.

    A path has one field; it may besides have fields below it, by index: then a list is read by those. Two fields may
    give the same column, a time or a running number, but a message in which both do goes slow.

    Attributes:
        fields: what is read.
        strict: paths of objects that must be objects if they are there, and in which a key without a field sends the
            message the slow way, so that it can be named. A plan with any never ends `EMPTY`: such a message goes slow.
    """

    fields: Sequence[PlanField]
    strict: Sequence[Path] = ()


# Columns of `Tables.entries`. An entry is a step of a path: 64 bytes, one cache line.
PARENT, KEY_AT, KEY_WORDS, KEY_LENGTH, KIND, COLUMN, BITS, UNIT, INVALID_AT, INVALID_END, WORD_AT, WORD_END = range(12)
ENTRY_COLUMNS = 16

BY_INDEX = -1
"""KEY_LENGTH of an element of an array; its index stands in KEY_AT."""

PLAIN, TEXTS, INVERTED, OTHER, ZONELESS, STRICT, INDEXED, SHARED = (1 << i for i in range(8))
"""Bits of an entry: nothing to compute; as in `PlanField`; object of `Plan.strict`; has elements; column of several."""

SCALE, OFFSET, FACTOR, SHIFT = range(4)
_ODD = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')

OTHER_VALUE = SCALE
"""Column of `reals` with the value of unlisted words; NaN passes without a word."""


class Tables(NamedTuple):
    """All plans as the kernel reads them: a tree of keys, each found by its parent's number and its own bytes.

    Attributes:
        entries: int32[n, 16], the columns above.
        reals: float64[n, 4].
        keys: uint8[], keys with their closing quote, each filled up to words of eight bytes; KEY_AT counts words.
        slots: int32[2^k], hash table of entries; -1 is free.
        follow: int32[n], the entry that came after this one last time: usually it does again. Written by the kernel.
        invalid: float64[].
        words, word_places, word_values: uint8[], int32[m, 2] (place and length in `words`) and float64[m].
        roots: int32[plans], entry of each document's root.
        most: int32[plans], values that one message may give.
        strict: bool[plans], whether nothing measured is a fault.
        columns: one more than the greatest column.
    """

    entries: NDArray[np.int32]
    reals: NDArray[np.float64]
    keys: NDArray[np.uint8]
    slots: NDArray[np.int32]
    follow: NDArray[np.int32]
    invalid: NDArray[np.float64]
    words: NDArray[np.uint8]
    word_places: NDArray[np.int32]
    word_values: NDArray[np.float64]
    roots: NDArray[np.int32]
    most: NDArray[np.int32]
    strict: NDArray[np.bool_]
    columns: int


class Plans:
    """Plans made ready. Their number is their place in the list.

    Attributes:
        tables: for the kernel.
        most: values that one message may give, whatever its plan.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables: Final = tables
        self.most: Final = int(tables.most.max(initial=0))

    def __len__(self) -> int:
        return len(self.tables.roots)

    @classmethod
    def compile(cls, plans: Iterable[Plan]) -> "Plans":
        """Make plans ready.

        Raises:
            ValueError: a path with two fields; a field without a column; a word that is not in lower case.
        """
        builder = _Builder()
        for plan in plans:
            builder.add(plan)
        return cls(builder.tables())


def native_plan() -> Plan:
    """`{"ts"?, "seq"?, "values": {signal: number | bool | null}}`: what `gateway.decoding.native` takes as it is."""
    signals = (
        PlanField(path=("values", name), kind=Kind.FLAG if name in FLAGS else Kind.NUMBER, column=column)
        for column, name in enumerate(SIGNALS)
    )
    ts = PlanField(path=("ts",), kind=Kind.TIME, unit=Unit.MS, zoneless=False)
    return Plan((ts, PlanField(path=("seq",), kind=Kind.SEQ), *signals), strict=(("values",),))


class _Builder:
    def __init__(self) -> None:
        self._entries: list[list[int]] = []
        self._reals: list[tuple[float, float, float, float]] = []
        self._by_step: dict[tuple[int, str | int], int] = {}
        self._keys: list[bytes] = []
        self._key_end = 0
        self._invalid: list[float] = []
        self._words = b""
        self._word_places: list[tuple[int, int]] = []
        self._word_values: list[float] = []
        self._roots: list[int] = []
        self._most: list[int] = []
        self._strict: list[bool] = []

    def add(self, plan: Plan) -> None:
        root = self._entry(-1, len(self._roots))
        self._roots.append(root)
        columns = [f.column for f in plan.fields if f.column >= 0]
        for f in plan.fields:
            odd = next((i for i, step in enumerate(f.path) if not _is_plain(step)), None)
            if odd is None:
                self._field(self._at(root, f.path), f, shared=columns.count(f.column) > 1)
            else:  # can only be written with escapes, and those go slow in every object that has an entry
                self._at(root, f.path[:odd])
        for path in plan.strict:
            self._entries[self._at(root, path)][BITS] |= STRICT
        self._most.append(len(columns))
        self._strict.append(bool(plan.strict))

    def _at(self, number: int, path: Path) -> int:
        for step in path:
            if isinstance(step, int):
                self._entries[number][BITS] |= INDEXED
            known = self._by_step.get((number, step))
            number = self._entry(number, step) if known is None else known
        return number

    def _entry(self, parent: int, step: str | int) -> int:
        number = len(self._entries)
        entry = [0] * ENTRY_COLUMNS
        entry[PARENT] = parent
        if isinstance(step, int):
            entry[KEY_AT], entry[KEY_LENGTH] = step, BY_INDEX
        else:
            key = step.encode()
            count = len(key) // 8 + 1
            entry[KEY_AT], entry[KEY_WORDS], entry[KEY_LENGTH] = self._key_end, count, len(key)
            self._keys.append((key + b'"').ljust(8 * count, b"\0"))
            self._key_end += count
        self._by_step[parent, step] = number
        self._entries.append(entry)
        self._reals.append((1.0, 0.0, 1.0, 0.0))
        return number

    def _field(self, number: int, f: PlanField, *, shared: bool) -> None:
        entry = self._entries[number]
        if entry[KIND] or not f.path or f.kind is Kind.NODE:
            raise ValueError(f"{f.path}: a path below the root has one field, of a kind")
        if (f.column >= 0) != (f.kind in (Kind.NUMBER, Kind.FLAG, Kind.ENUM)):
            raise ValueError(f"{f.path}: values have a column, nothing else has")
        entry[KIND], entry[COLUMN], entry[UNIT] = f.kind, f.column, f.unit
        numbers = (f.scale, f.offset, f.factor, f.shift)
        plain = numbers == (1.0, 0.0, 1.0, 0.0) and not f.invalid
        bits = (plain, f.texts, f.inverted, f.has_other, f.zoneless, False, False, shared)
        entry[BITS] |= sum(1 << i for i, is_set in enumerate(bits) if is_set)
        if f.kind is Kind.ENUM:
            numbers = (_number(f.other), 0.0, 0.0, 0.0)
        self._reals[number] = numbers
        entry[INVALID_AT] = len(self._invalid)
        self._invalid += f.invalid
        entry[INVALID_END] = len(self._invalid)
        entry[WORD_AT] = len(self._word_places)
        for word, value in f.words.items():
            if word != word.lower():
                raise ValueError(f"{f.path}: {word!r} is not in lower case")
            # Other alphabets have other rules of case: such words are left to Python.
            if word.isascii():
                self._word_places.append((len(self._words), len(word)))
                self._word_values.append(_number(value))
                self._words += word.encode()
        entry[WORD_END] = len(self._word_places)

    def tables(self) -> Tables:
        entries = np.array(self._entries, np.int32).reshape(-1, ENTRY_COLUMNS)
        keys = np.frombuffer(b"".join(self._keys) + bytes(8), np.uint8).copy()
        slots = np.full(1 << (4 * len(entries) + 8).bit_length(), -1, np.int32)
        _fill(entries, keys, slots)
        return Tables(
            entries,
            np.array(self._reals, np.float64).reshape(-1, 4),
            keys,
            slots,
            np.full(len(entries), -1, np.int32),
            np.array(self._invalid, np.float64),
            np.frombuffer(self._words + bytes(1), np.uint8).copy(),
            np.array(self._word_places, np.int32).reshape(-1, 2),
            np.array(self._word_values, np.float64),
            np.array(self._roots, np.int32),
            np.array(self._most, np.int32),
            np.array(self._strict, np.bool_),
            int(entries[:, COLUMN].max(initial=-1)) + 1,
        )


def _is_plain(step: str | int) -> bool:
    """Whether a key may stand in JSON as it is, in UTF-8."""
    return isinstance(step, int) or not _ODD.search(step)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


@inner
def column(entries, entry, column):  # type: ignore[no-untyped-def]  # compiled
    """A column of an entry, by the entries' address."""
    return int_at(entries, entry * ENTRY_COLUMNS + column)


@inner
def seed_of(parent, length):  # type: ignore[no-untyped-def]  # compiled
    """First state of a step's hash: of the entry above it, and of the length of its key."""
    return mixed(np.uint64(parent), np.uint64(length + 2))


@compiled
def _fill(entries, texts, slots):  # type: ignore[no-untyped-def]  # compiled
    keys = address_of(texts)
    last = len(slots) - 1
    for number in range(len(entries)):
        parent, length = np.int64(entries[number, PARENT]), np.int64(entries[number, KEY_LENGTH])
        if parent < 0:
            continue
        state = seed_of(parent, length)
        if length == BY_INDEX:
            state = mixed(state, np.uint64(entries[number, KEY_AT]))
        for i in range(entries[number, KEY_WORDS]):
            state = mixed(state, word_at(keys, 8 * np.int64(entries[number, KEY_AT] + i)))
        place = np.int64(state) & last
        while slots[place] >= 0:
            place = (place + 1) & last
        slots[place] = number
