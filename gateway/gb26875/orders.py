"""What a centre may ask of a transmitter: command byte and unit (GB/T 26875.3-2011, 8.3.2)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.gb26875.frame import Command
from gateway.gb26875.moments import read_moment, write_moment
from gateway.gb26875.objects import Layout, read_unit

_ATTENDED = 1 << 5
"""Among the operations of a transmitter (unit type 24): somebody answered the guard check with a press on its key."""


class Answer(StrEnum):
    """What became of an order.

    It was confirmed, or answered with data; denied, or met with silence, also after all retries; or it was not sent:
    the transmitter is absent (not connected), or we are busy with too many orders.
    """

    CONFIRMED = "confirmed"
    ANSWERED = "answered"
    DENIED = "denied"
    SILENT = "silent"
    ABSENT = "absent"
    BUSY = "busy"


class Outcome(NamedTuple):
    """What became of an order, and what was said in answer to it: plain JSON values, see `said`."""

    answer: Answer
    said: tuple[Mapping[str, Any], ...] = ()


class Order(NamedTuple):
    """An order: `CONTROL` is confirmed, `REQUEST` is answered with data, which go the way of all data."""

    command: Command
    unit: bytes


def set_clock(now: int, offset: int) -> Order:
    """Set the clock to `now`, UTC ms; `offset`: of its local time from UTC, ms."""
    return Order(Command.CONTROL, b"\x5a\x01" + write_moment(now, offset))


def guard_check(minutes: int) -> Order:
    """Ask whether somebody is at the panel (查岗); the answer is a press on a key within so many minutes.

    Raises:
        ValueError: not 1 to 255.
    """
    if not 1 <= minutes <= 255:
        raise ValueError(f"1 to 255 minutes, got {minutes}")
    return Order(Command.CONTROL, bytes((0x5B, 1, minutes)))


def read_state() -> Order:
    """Ask for the state of the transmitter itself."""
    return Order(Command.REQUEST, b"\x51\x01\x00")


def read_time() -> Order:
    """Ask for its time."""
    return Order(Command.REQUEST, b"\x58\x01\x00")


def read_system(system_type: int, system_address: int) -> Order:
    """Ask for the state of a system behind it."""
    return Order(Command.REQUEST, bytes((0x3D, 1, system_type, system_address)))


def said(unit: bytes, layout: Layout, offset: int) -> list[Mapping[str, Any]]:
    """What an answer says, in plain values: each object's kind and content, with its time `at` in UTC ms.

    Args:
        unit: of the answer.
        layout: how its maker fills objects.
        offset: of its local time from UTC, ms.
    """
    things, fault = read_unit(unit, layout)
    found: list[Mapping[str, Any]] = [
        {"kind": thing.kind, **thing.body, **_at(thing.moment, offset)} for thing in things
    ]
    return [*found, {"kind": "unreadable", "detail": fault}] if fault is not None else found


def attends(unit: bytes, layout: Layout) -> bool:
    """Whether a unit says that somebody answered a guard check."""
    things, _ = read_unit(unit, layout)
    return any(t.kind == "transmitter_operation" and t.body["operation"] & _ATTENDED for t in things)


def _at(moment: bytes, offset: int) -> Mapping[str, int]:
    at = read_moment(moment, offset)
    return {} if at is None else {"at": at}
