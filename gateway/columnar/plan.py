"""Plans: what the compiled scan does with the values of a JSON document.

A plan says of paths without wildcards what their values are. Whatever it does not cover surely sends the message the
slow way, to `gateway.decoding`: a plan may say less than its profile, but nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from community.quantities import SIGNALS
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


def native_plan() -> Plan:
    """`{"ts"?, "seq"?, "values": {signal: number | bool | null}}`: what `gateway.decoding.native` takes as it is."""
    signals = (
        PlanField(path=("values", name), kind=Kind.FLAG if name in FLAGS else Kind.NUMBER, column=column)
        for column, name in enumerate(SIGNALS)
    )
    ts = PlanField(path=("ts",), kind=Kind.TIME, unit=Unit.MS, zoneless=False)
    return Plan((ts, PlanField(path=("seq",), kind=Kind.SEQ), *signals), strict=(("values",),))
