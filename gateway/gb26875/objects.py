"""Application units of GB/T 26875.3-2011, 8: type, count, information objects → plain values.

An object that is cut off or of another size than the standard's does not cost those before it; of a component's state
the first nine bytes, which hold the alarm, are read whatever follows them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MAX_THINGS = 128
"""Objects read of one unit: the standard has no type with more."""

_TEXT = 31
_TIME = 6


class Thing(NamedTuple):
    """What one information object says.

    Attributes:
        kind: `system_state`, `component_state`, `component_value`, `system_operation`, `system_version`,
            `system_setup`, `component_setup`, `system_time`, `transmitter_state`, `transmitter_operation`,
            `transmitter_version`, `transmitter_setup`, `transmitter_time` or `private`.
        system: `<system type>-<system address>`; None of the transmitter itself.
        component: `<zone>.<point>`; None if it is not of a component.
        body: what it says, by name; JSON values.
        moment: six bytes of time, or none.
    """

    kind: str
    system: str | None
    component: str | None
    body: Mapping[str, Any]
    moment: bytes


class _Shape(NamedTuple):
    """Sizes of an object: fixed part, text, and whether a time follows."""

    kind: str
    fixed: int
    text: int = 0
    timed: bool = True


_SHAPES = {
    1: _Shape("system_state", 4),
    2: _Shape("component_state", 9, _TEXT),
    3: _Shape("component_value", 10),
    4: _Shape("system_operation", 4),
    5: _Shape("system_version", 4, timed=False),
    7: _Shape("component_setup", 7, _TEXT, timed=False),
    8: _Shape("system_time", 2),
    21: _Shape("transmitter_state", 1),
    24: _Shape("transmitter_operation", 2),
    25: _Shape("transmitter_version", 2, timed=False),
    28: _Shape("transmitter_time", 0),
}

_SETUP, _TRANSMITTER_SETUP = 6, 26


class Layout(NamedTuple):
    """How a maker fills the objects; the default is the standard's way. It is told (`dialects.toml`), never guessed:
    a unit that is cut off looks like one of shorter objects, and would be read askew.

    Attributes:
        same_as: their own unit types → the standard type that they are laid out like.
        text: bytes of a component's description.
        timed: whether a time follows each object that has one in the standard.
    """

    same_as: Mapping[int, int] = {}
    text: int = _TEXT
    timed: bool = True


_STANDARD = Layout()


def read_unit(unit: bytes, layout: Layout = _STANDARD) -> tuple[list[Thing], str | None]:
    """Read a unit.

    Args:
        unit: as in the frame.
        layout: how its maker fills objects.

    Returns:
        What could be read, in order; and what is wrong with the rest, if anything is.
    """
    if not unit:
        return [], None
    given = unit[0]
    unit_type = layout.same_as.get(given, given)
    if unit_type in _SHAPES or unit_type in (_SETUP, _TRANSMITTER_SETUP):
        if len(unit) < 2:
            return [], f"type {given}: ends before its count"
        things: list[Thing] = []
        fault = _read_all(unit_type, unit[1], unit[2:], layout, things)
        return things, None if fault is None else f"type {given}: {fault}"
    return [Thing("private", None, None, {"type": given, "data": unit[1:].hex()}, b"")], None


def _read_all(unit_type: int, count: int, data: bytes, layout: Layout, things: list[Thing]) -> str | None:
    if unit_type in (_SETUP, _TRANSMITTER_SETUP):
        return _read_setups(unit_type, count, data, things)
    shape = _SHAPES[unit_type]
    shape = shape._replace(text=layout.text if shape.text else 0, timed=shape.timed and layout.timed)
    size = shape.fixed + shape.text + (_TIME if shape.timed else 0)
    # Objects beyond the count are read too: an alarm in one of them is an alarm.
    for number in range(min(max(count, len(data) // max(size, 1)), MAX_THINGS)):
        piece = data[number * size : (number + 1) * size]
        if len(piece) < max(shape.fixed, 1):
            return f"{count} objects announced, {number} are there"
        things.append(_thing(shape, piece))
        if len(piece) < size - (_TIME if shape.timed else 0):
            return f"object {number + 1} has {len(piece)} bytes, expected {size}"
    spare = len(data) - count * size
    return f"{spare} bytes more than {count} objects have" if spare > 0 else None


def _thing(shape: _Shape, piece: bytes) -> Thing:
    rest = piece[shape.fixed :]
    text, moment = rest[: shape.text], rest[shape.text :] if shape.timed else b""
    body = dict(_FIELDS[shape.kind](piece[: shape.fixed]))
    if shape.text:
        body["text"] = read_text(text)
    of_transmitter = shape.kind.startswith("transmitter")
    of_component = shape.kind.startswith("component")
    system = None if of_transmitter else f"{piece[0]}-{piece[1]}"
    component = f"{_word(piece, 3)}.{_word(piece, 5)}" if of_component else None
    if not of_transmitter:
        body |= {"system_type": piece[0], "system_address": piece[1]}
    return Thing(shape.kind, system, component, body, moment)


def _read_setups(unit_type: int, count: int, data: bytes, things: list[Thing]) -> str | None:
    """Texts with a length before them (8.2.1.6, 8.2.1.11)."""
    head = 2 if unit_type == _SETUP else 0
    at = 0
    for number in range(min(count, MAX_THINGS)):
        if len(data) < at + head + 1:
            return f"{count} objects announced, {number} are there"
        stop = at + head + 1 + data[at + head]
        body: dict[str, Any] = {"text": read_text(data[at + head + 1 : stop])}
        if head:
            body |= {"system_type": data[at], "system_address": data[at + 1]}
            things.append(Thing("system_setup", f"{data[at]}-{data[at + 1]}", None, body, b""))
        else:
            things.append(Thing("transmitter_setup", None, None, body, b""))
        if stop > len(data):
            return f"object {number + 1} ends {stop - len(data)} bytes before its text does"
        at = stop
    return f"{len(data) - at} bytes behind the last of {count} objects" if len(data) > at else None


def read_text(data: bytes) -> str:
    """GB 18030 up to the first NUL, without padding; what cannot be read becomes U+FFFD, also a last half character."""
    return data.partition(b"\0")[0].decode("gb18030", "replace").strip()


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


_Fields = Iterator[tuple[str, Any]]


def _system_state(d: bytes) -> _Fields:
    yield "state", _word(d, 2)


def _component_state(d: bytes) -> _Fields:
    yield "component_type", d[2]
    yield "state", _word(d, 7)


def _component_value(d: bytes) -> _Fields:
    yield "component_type", d[2]
    yield "analogue_type", d[7]
    yield "value", int.from_bytes(d[8:10], "little", signed=True)


def _system_operation(d: bytes) -> _Fields:
    yield "operation", d[2]
    yield "operator", d[3]


def _system_version(d: bytes) -> _Fields:
    yield "version", f"{d[2]}.{d[3]}"


def _component_setup(d: bytes) -> _Fields:
    yield "component_type", d[2]


def _transmitter_state(d: bytes) -> _Fields:
    yield "state", d[0]


def _transmitter_operation(d: bytes) -> _Fields:
    yield "operation", d[0]
    yield "operator", d[1]


def _transmitter_version(d: bytes) -> _Fields:
    yield "version", f"{d[0]}.{d[1]}"


def _nothing(d: bytes) -> _Fields:
    return iter(())


_FIELDS = {
    "system_state": _system_state,
    "component_state": _component_state,
    "component_value": _component_value,
    "system_operation": _system_operation,
    "system_version": _system_version,
    "component_setup": _component_setup,
    "system_time": _nothing,
    "transmitter_state": _transmitter_state,
    "transmitter_operation": _transmitter_operation,
    "transmitter_version": _transmitter_version,
    "transmitter_time": _nothing,
}
