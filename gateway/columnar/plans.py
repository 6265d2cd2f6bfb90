"""Plans made ready: from what people may read to the tables that the kernel reads."""

import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from gateway.columnar.plan import Kind, Path, Plan, PlanField
from gateway.columnar.tables import (
    BITS,
    BY_INDEX,
    COLUMN,
    ENTRY_COLUMNS,
    INDEXED,
    INVALID_AT,
    INVALID_END,
    KEY_AT,
    KEY_LENGTH,
    KEY_WORDS,
    KIND,
    PARENT,
    STRICT,
    UNIT,
    WORD_AT,
    WORD_END,
    Tables,
    fill,
)  # fmt: skip

_ODD = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')


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
        fill(entries, keys, slots)
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
