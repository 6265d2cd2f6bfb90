"""Eight bytes at a time: what the kernels need of the machine, and the same in Python where nothing is compiled.

Positions are not checked, neither here nor in compiled code: whoever asks for a word sees to it that eight bytes are
there (`padded`).
"""

import sys
from typing import Any

import numpy as np

from community.compiler import COMPILED, inner

PADDING = 8
"""Bytes behind a buffer, so that a word can be read at each of its bytes."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def _address_of(data: Any) -> Any:
    return data


def _byte_at(data: Any, at: int) -> Any:
    return data[at]


def _word_at(data: Any, at: int) -> Any:
    return np.uint64(int.from_bytes(data[at : at + 8], "little"))


def _lowest(mask: Any) -> int:
    bits = int(mask)
    return ((bits & -bits).bit_length() - 1) >> 3


def _instructions() -> tuple[Any, Any, Any, Any]:
    """The four of them as single machine instructions.

    Numba's own indexing asks of every index whether it is negative, has no unaligned loads, and counts references
    wherever a function takes an array.
    """
    from llvmlite import ir  # type: ignore[import-untyped]  # it has no types
    from numba.core import types
    from numba.extending import intrinsic

    byte, word = ir.IntType(8), ir.IntType(64)

    def pointer(builder: Any, arguments: Any, kind: Any) -> Any:
        return builder.inttoptr(builder.add(arguments[0], arguments[1]), kind.as_pointer())

    def address(typing: Any, data: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            return builder.ptrtoint(array.data, word)

        return types.int64(data), generate

    def load_byte(typing: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.zext(builder.load(pointer(builder, arguments, byte), typ=byte), word)

        return types.int64(types.int64, types.int64), generate

    def load_word(typing: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = builder.load(pointer(builder, arguments, word), align=1, typ=word)
            return value if sys.byteorder == "little" else builder.bswap(value)

        return types.uint64(types.int64, types.int64), generate

    def count(typing: Any, mask: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            zeros = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
            return builder.lshr(zeros, ir.Constant(word, 3))

        return types.int64(types.uint64), generate

    return intrinsic(address), intrinsic(load_byte), intrinsic(load_word), intrinsic(count)


address_of: Any
"""Where an array of bytes lies, for `byte_at` and `word_at`. The array must outlive it."""
byte_at: Any
"""`(data, at)`: the byte at a position, as an integer."""
word_at: Any
"""`(data, at)`: the eight bytes from a position, which need not be aligned, the first as the least significant."""
lowest: Any
"""`(mask)`: number of the lowest byte of a uint64 that has a bit set; it is not 0."""
address_of, byte_at, word_at, lowest = _instructions() if COMPILED else (_address_of, _byte_at, _word_at, _lowest)


@inner
def mixed(state, word):  # type: ignore[no-untyped-def]  # compiled
    """A hash's next state (uint64) after one more word."""
    state = (state ^ word) * _GOLDEN
    return state ^ (state >> _HALF)


def view(data: bytes) -> Any:
    """Bytes as kernels take them: uint8[:], or the bytes themselves where nothing is compiled."""
    return np.frombuffer(data, np.uint8) if COMPILED else data


def padded(data: bytes, end: int) -> bytes:
    """The bytes, with at least `PADDING` more behind `end`."""
    return data if end + PADDING <= len(data) else data + bytes(PADDING)
