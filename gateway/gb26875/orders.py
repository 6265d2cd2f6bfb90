"""What a centre may ask of a transmitter: command byte and unit (GB/T 26875.3-2011, 8.3.2)."""

from enum import StrEnum
from typing import NamedTuple

from gateway.gb26875.frame import Command
from gateway.gb26875.moments import write_moment


class Answer(StrEnum):
    """What became of an order."""

    CONFIRMED = "confirmed"
    ANSWERED = "answered"
    DENIED = "denied"
    SILENT = "silent"
    ABSENT = "absent"


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
