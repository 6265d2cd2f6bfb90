"""Modbus frames in a row of bytes, as they are heard on an RS-485 bus: responses, the requests before them, noise."""

from typing import NamedTuple

MAX_FRAMES = 100
"""Frames of one message; of a larger one the rest is refused."""

_READS = (1, 2, 3, 4)
_REGISTERS = (3, 4)
_WRITES = (5, 6, 15, 16)
_WRITE_MANY = (15, 16)
_NOISE = 4
"""Stray bytes that a line gives as a driver switches on."""
_LOST = 260
"""Bytes behind a response that are looked through for the next one: what the longest garbled frame may have."""


class Frame(NamedTuple):
    """A response.

    Attributes:
        function: with 0x80 for an exception.
        data: contents, or the exception's code.
        start: number of the first register, if the request was heard too.
    """

    unit: int
    function: int
    data: bytes
    start: int | None = None


class Heard(NamedTuple):
    """What a row of bytes has; `lost` are the bytes that are none of it."""

    frames: list[Frame]
    lost: int = 0


def heard(data: bytes) -> Heard | None:
    """RTU frames one after the other, requests left out; None if these are not what the bytes are.

    Bytes between are passed over where what follows is right to the end: noise before the first frame, and a garbled
    frame behind a right one. Else a right checksum somewhere within might be chance, which among so many is no proof.
    """
    whole = _frames(data, 0)
    if whole.lost == 0 and data:
        return whole
    if whole.lost < len(data):  # the first ones are right
        for at in range(len(data) - whole.lost + 1, min(len(data), len(data) - whole.lost + _LOST)):
            rest = _frames(data, at)
            if rest.lost == 0:
                lost = whole.lost - (len(data) - at)
                return Heard((whole.frames + rest.frames)[:MAX_FRAMES], lost)
        return whole
    for at in range(1, min(_NOISE + 1, len(data))):
        rest = _frames(data, at)
        if rest.lost == 0:
            return Heard(rest.frames, at)
    return None


def heard_tcp(data: bytes) -> Heard | None:
    """A Modbus/TCP response, which has a length and no checksum; None if it is none."""
    if len(data) < 9 or data[2:4] != b"\0\0" or int.from_bytes(data[4:6], "big") != len(data) - 6:
        return None
    unit, function = data[6], data[7]
    if function & 0x80:
        return Heard([Frame(unit, function, data[8:9])])
    right = function in _READS and data[8] == len(data) - 9
    return Heard([Frame(unit, function, data[9:])]) if right else None


def _frames(data: bytes, at: int) -> Heard:
    """Frames from a place on; `lost` is what is left from where none begins."""
    frames: list[Frame] = []
    asked: tuple[int, int, int, int] | None = None  # unit, function, first register, number of them
    while len(data) - at >= 5 and len(frames) < MAX_FRAMES:
        unit, function, count = data[at], data[at + 1], data[at + 2]
        # What is heard on a bus: a response, or a request or an echo of eight bytes; the checksum decides.
        sizes = [5] if function & 0x80 else [5 + count] if function in _READS else []
        if function in _READS or function in _WRITES:
            sizes.append(8)
        if function in _WRITE_MANY and len(data) - at > 6:
            sizes.append(9 + data[at + 6])
        size = next((s for s in sizes if at + s <= len(data) and crc16(data[at : at + s]) == 0), None)
        if size is None:
            break
        # A request of eight bytes that could be a response of three: registers come in twos, so it is none.
        if function in _WRITES or (size == 8 and function < 0x80 and (function in _REGISTERS or count != 3)):
            first, number = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (2, 4))
            asked = (unit, function, first, number)
        elif function & 0x80:
            frames.append(Frame(unit, function, data[at + 2 : at + 3]))
        else:
            start = asked[2] if asked is not None and asked == (unit, function, asked[2], count // 2) else None
            frames.append(Frame(unit, function, data[at + 3 : at + size - 2], start))
            asked = None
        at += size
    return Heard(frames, len(data) - at)


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC = _table()


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus (polynomial 0xA001 reflected, start 0xFFFF); 0 over a frame with its own checksum."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc
