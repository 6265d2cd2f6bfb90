"""The wire format of protocol buffers: as much of it as Sparkplug needs, and bounded whatever the bytes."""

import struct
from collections.abc import Iterator
from enum import IntEnum

Raw = int | bytes
"""Value of a field: a number (varint, or the bits of a fixed 32 or 64), or bytes."""


class WireError(ValueError):
    """Bytes that are no message; says why and where."""


class Wire(IntEnum):
    """How a field's value is written. Groups (3 and 4) have been given up long ago; nobody sends them."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


def fields(data: bytes) -> Iterator[tuple[int, Wire, Raw]]:
    """(number, wire type, value) of each field, in order; fixed values as the number of their bits.

    Raises:
        WireError: at the first byte that does not fit, so that what came before may have been read.
    """
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise WireError(f"field {number} at byte {start}")
        if kind == Wire.VARINT:
            value, at = _varint(data, at)
            yield number, Wire.VARINT, value
            continue
        if kind == Wire.BYTES:
            size, at = _varint(data, at)
        elif kind in (Wire.FIXED32, Wire.FIXED64):
            size = 4 if kind == Wire.FIXED32 else 8
        else:
            raise WireError(f"wire type {kind} at byte {start}")
        if size > len(data) - at:
            raise WireError(f"field {number} at byte {start} has {size} bytes, {len(data) - at} are left")
        piece = data[at : at + size]
        at += size
        yield number, Wire(kind), piece if kind == Wire.BYTES else int.from_bytes(piece, "little")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(10):
        if at + i >= len(data):
            raise WireError("ends within a number")
        byte = data[at + i]
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            # Ten bytes have room for 70 bits; what is beyond 64 is dropped, as every other reader does.
            return value & (1 << 64) - 1, at + i + 1
    raise WireError(f"a number of more than ten bytes at byte {at}")


def float32(bits: int) -> float:
    """The number whose IEEE 754 single bits these are."""
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def float64(bits: int) -> float:
    """The number whose IEEE 754 double bits these are."""
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def varint(value: int) -> bytes:
    """A number of 0 to 2^64 - 1."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_varint(number: int, value: int) -> bytes:
    """A field with a number."""
    return varint(number << 3 | Wire.VARINT) + varint(value)


def put_bytes(number: int, value: bytes) -> bytes:
    """A field with bytes, text or a message."""
    return varint(number << 3 | Wire.BYTES) + varint(len(value)) + value


def put_float32(number: int, value: float) -> bytes:
    """A field with a single."""
    return varint(number << 3 | Wire.FIXED32) + struct.pack("<f", value)


def put_float64(number: int, value: float) -> bytes:
    """A field with a double."""
    return varint(number << 3 | Wire.FIXED64) + struct.pack("<d", value)
