"""Frames for the tests, made from their parts."""

from community.clock import parse_time
from gateway.gb26875.frame import Command, Frame, encode
from gateway.gb26875.moments import write_moment

NOW = parse_time("2026-11-22T08:00:00Z")
TRANSMITTER = 7_001
CENTRE = 12


def frame(
    unit: bytes = b"",
    *,
    serial: int = 0,
    command: int = Command.DATA,
    source: int = TRANSMITTER,
    destination: int = CENTRE,
    at: int = NOW,
) -> bytes:
    """A frame as a transmitter sends it."""
    return encode(Frame(serial, b"\x01\x01", write_moment(at), source, destination, command, unit))


def component_state(
    state: int = 0x0003, kind: int = 40, zone: int = 3, point: int = 9, text: str = "二楼走廊", *, at: int = NOW
) -> bytes:
    """The information object of a component's state, with its time."""
    return (
        bytes((1, 1, kind))
        + zone.to_bytes(2, "little")
        + point.to_bytes(2, "little")
        + state.to_bytes(2, "little")
        + text.encode("gb18030").ljust(31, b"\0")
        + write_moment(at)
    )


def component_value(
    analogue: int, value: int, kind: int = 17, zone: int = 3, point: int = 9, *, at: int = NOW
) -> bytes:
    """The information object of an analogue value, with its time."""
    return (
        bytes((128, 1, kind))
        + zone.to_bytes(2, "little")
        + point.to_bytes(2, "little")
        + bytes((analogue,))
        + value.to_bytes(2, "little", signed=True)
        + write_moment(at)
    )


def unit(unit_type: int, *objects: bytes, count: int | None = None) -> bytes:
    """A unit of these objects."""
    return bytes((unit_type, len(objects) if count is None else count)) + b"".join(objects)


def fire(point: int = 9, *, serial: int = 0, at: int = NOW) -> bytes:
    """A frame: this smoke detector sees smoke."""
    return frame(unit(2, component_state(0x0003, point=point, at=at)), serial=serial, at=at)
