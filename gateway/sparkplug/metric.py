"""A metric: name or alias, and a value whose meaning depends on the datatype that its birth declared."""

import math
from enum import IntEnum
from typing import Any, NamedTuple

GOOD = 192
"""The `Quality` of a value that may be used (Sparkplug 3.0, 6.4.9); 0 is bad, 500 stale."""


class Datatype(IntEnum):
    """Types of metrics (Sparkplug 3.0, 6.4.16)."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15
    DATA_SET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19


_SIGNED = {Datatype.INT8: 8, Datatype.INT16: 16, Datatype.INT32: 32, Datatype.INT64: 64}
_UNSIGNED = {Datatype.UINT8: 8, Datatype.UINT16: 16, Datatype.UINT32: 32, Datatype.UINT64: 64, Datatype.DATE_TIME: 64}


class Kind(IntEnum):
    """Which of the value fields of the protobuf message a value stood in; PLAIN for a value in JSON."""

    PLAIN = 0
    INT = 10
    LONG = 11
    FLOAT = 12
    DOUBLE = 13
    BOOLEAN = 14
    STRING = 15
    BYTES = 16
    DATA_SET = 17
    TEMPLATE = 18
    EXTENSION = 19


_FOR_MACHINES = frozenset((Kind.BYTES, Kind.DATA_SET, Kind.TEMPLATE, Kind.EXTENSION))


class BadValueError(ValueError):
    """A value that its datatype does not have; says why."""


class Metric(NamedTuple):
    """One metric of a payload.

    Attributes:
        name: None where the alias stands for it.
        alias: None if it has none.
        timestamp: UTC ms; None if it tells none.
        datatype: None if not told; a number that is none of `Datatype` counts as not told.
        is_historical: the value is of earlier, and not the present one.
        is_transient: not to be kept; to us it is a value like others.
        is_null: there is no value now.
        quality: property `Quality`; None if it has none.
        kind: field that the value stood in; None if there was none.
        raw: the value as it stood there; signed numbers in two's complement. None for what is read past.
    """

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: Datatype | None = None
    is_historical: bool = False
    is_transient: bool = False
    is_null: bool = False
    quality: int | None = None
    kind: Kind | None = None
    raw: Any = None

    @property
    def is_measured(self) -> bool:
        """Whether there is a value, and its source stands by it."""
        return not self.is_null and self.kind is not None and self.quality in (None, GOOD)

    @property
    def is_read_past(self) -> bool:
        """Whether the value is of a sort that no profile's field can mean: bytes, tables, templates."""
        return self.kind in _FOR_MACHINES

    def value(self, declared: Datatype | None = None) -> float | int | bool | str | None:
        """The value; None where nothing was measured.

        Args:
            declared: datatype of the birth; the metric's own goes before.

        Raises:
            BadValueError: the datatype has no such value, or it takes a datatype to tell its sign.
        """
        if not self.is_measured or self.is_read_past:
            return None
        raw, datatype = self.raw, self.datatype or declared
        if self.kind in (Kind.INT, Kind.LONG):
            return _integer(raw, 32 if self.kind is Kind.INT else 64, datatype)
        if datatype is Datatype.BOOLEAN and isinstance(raw, (int, float)):
            if raw not in (0, 1):
                raise BadValueError(f"{raw} is neither true nor false")
            return bool(raw)
        return raw  # type: ignore[no-any-return]  # what the readers put there: a scalar


def _integer(raw: int, bits: int, datatype: Datatype | None) -> int | bool:
    """A whole number as it was meant.

    Encoders write a small negative number in as many bits as its type has, or as its field has; both are understood.
    A number that its type cannot hold is refused: cut to the type it would be another, and a likely one.
    """
    if datatype is Datatype.BOOLEAN:
        if raw > 1:
            raise BadValueError(f"{raw} is neither true nor false")
        return bool(raw)
    if datatype in _UNSIGNED:
        if raw >> _UNSIGNED[datatype]:
            raise BadValueError(f"{raw} is no {datatype.name}")
        return raw
    if datatype in _SIGNED:
        width = _SIGNED[datatype]
        sign = 1 << width - 1
        if raw < sign:
            return raw
        for written in sorted({width, bits, 64}):
            value = raw - (1 << written)
            if -sign <= value < 0:
                return value
        raise BadValueError(f"{raw} is no {datatype.name}")
    if raw >> bits - 1:
        raise BadValueError(f"{raw} may be negative: its datatype is not known")
    return raw


def metric(
    value: float | int | bool | str | bytes | None,
    datatype: Datatype,
    name: str | None = None,
    *,
    alias: int | None = None,
    timestamp: int | None = None,
    is_historical: bool = False,
    quality: int | None = None,
) -> Metric:
    """A metric to be written; `value` None makes it null.

    Raises:
        ValueError: the datatype cannot hold the value, or has none that is written here.
    """
    kind, raw = (None, None) if value is None else _to_write(value, datatype)
    return Metric(name, alias, timestamp, datatype, is_historical, False, value is None, quality, kind, raw)


def _to_write(value: Any, datatype: Datatype) -> tuple[Kind, Any]:
    width = _SIGNED.get(datatype) or _UNSIGNED.get(datatype)
    if width is not None:
        low = -(1 << width - 1) if datatype in _SIGNED else 0
        if not low <= value < (1 << width) + low:
            raise ValueError(f"{value} is no {datatype.name}")
        kind = Kind.LONG if datatype in (Datatype.UINT32, Datatype.DATE_TIME) or width == 64 else Kind.INT
        return kind, value & (1 << (32 if kind is Kind.INT else 64)) - 1
    if datatype in (Datatype.FLOAT, Datatype.DOUBLE):
        if datatype is Datatype.FLOAT and math.isfinite(value) and abs(value) > 3.4028235677973366e38:
            raise ValueError(f"{value} is no FLOAT")
        return (Kind.FLOAT if datatype is Datatype.FLOAT else Kind.DOUBLE), float(value)
    if datatype is Datatype.BOOLEAN:
        return Kind.BOOLEAN, bool(value)
    if datatype in (Datatype.STRING, Datatype.TEXT, Datatype.UUID):
        return Kind.STRING, str(value)
    if datatype in (Datatype.BYTES, Datatype.FILE):
        return Kind.BYTES, bytes(value)
    raise ValueError(f"values of {datatype.name} are not written here")
