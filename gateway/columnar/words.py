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


def _address_of(array: Any) -> Any:
    return array.reshape(-1) if isinstance(array, np.ndarray) else array


def _byte_at(data: Any, at: int) -> Any:
    return data[at]


def _word_at(data: Any, at: int) -> Any:
    return np.uint64(int.from_bytes(data[at : at + 8], "little"))


def _int_at(array: Any, number: int) -> int:
    return int(array[number])


def _real_at(array: Any, number: int) -> Any:
    return array[number]


def _lowest(mask: Any) -> int:
    bits = int(mask)
    return ((bits & -bits).bit_length() - 1) >> 3


def _instructions() -> tuple[Any, ...]:
    """All of them as single machine instructions.

    Numba's own indexing asks of every index whether it is negative, has no unaligned loads, and counts references
    wherever a function takes an array.
    """
    from llvmlite import ir  # type: ignore[import-untyped]  # it has no types
    from numba.core import types
    from numba.extending import intrinsic

    byte, half, word, real = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()

    def load(builder: Any, arguments: Any, kind: Any, size: int, align: int) -> Any:
        offset = builder.mul(arguments[1], ir.Constant(word, size))
        place = builder.inttoptr(builder.add(arguments[0], offset), kind.as_pointer())
        return builder.load(place, align=align, typ=kind)

    def address(typing: Any, data: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            return builder.ptrtoint(array.data, word)

        return types.int64(data), generate

    def load_byte(typing: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.zext(load(builder, arguments, byte, 1, 1), word)

        return types.int64(types.int64, types.int64), generate

    def load_word(typing: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = load(builder, arguments, word, 1, 1)
            return value if sys.byteorder == "little" else builder.bswap(value)

        return types.uint64(types.int64, types.int64), generate

    def load_int(typing: Any, array: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.sext(load(builder, arguments, half, 4, 4), word)

        return types.int64(types.int64, types.int64), generate

    def load_real(typing: Any, array: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return load(builder, arguments, real, 8, 8)

        return types.float64(types.int64, types.int64), generate

    def count(typing: Any, mask: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            zeros = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
            return builder.lshr(zeros, ir.Constant(word, 3))

        return types.int64(types.uint64), generate

    return tuple(intrinsic(f) for f in (address, load_byte, load_word, load_int, load_real, count))


address_of: Any
"""Where an array lies, of any shape but C-contiguous; for those below. It must outlive its address."""
byte_at: Any
"""`(data, at)`: the byte at a position, as an integer."""
word_at: Any
"""`(data, at)`: the eight bytes from a position, which need not be aligned, the first as the least significant."""
int_at: Any
"""`(array, number)`: an element of an int32 array, counted over all its dimensions."""
real_at: Any
"""`(array, number)`: an element of a float64 array."""
lowest: Any
"""`(mask)`: number of the lowest byte of a uint64 that has a bit set; it is not 0."""
address_of, byte_at, word_at, int_at, real_at, lowest = (
    _instructions() if COMPILED else (_address_of, _byte_at, _word_at, _int_at, _real_at, _lowest)
)


def inlined(function: Any) -> Any:
    """As `inner`, for what is called once for every key or value: it becomes part of its caller."""
    if not COMPILED:
        return function
    import numba

    decorate: Any = numba.njit  # it knows more options than its types do
    return decorate(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)(function)


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
