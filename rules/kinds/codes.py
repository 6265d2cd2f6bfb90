"""Numbers in 16 bits, for rings of means and medians: the upper half of a float32, rounded (bfloat16).

The error is at most 0.4 % of the number, over the whole range of a float32. A code is kept inverted, so that a fresh
word, zero, reads as NaN: nothing there.
"""

import struct

import numpy as np

from community.compiler import inner

ABSENT = 0
"""Code of a slot that holds nothing."""


@inner
def encode(value, single, bits):  # type: ignore[no-untyped-def]  # compiled
    """Code of a number.

    Args:
        single: float32[1], scratch; bits: the same memory as uint32.
    """
    single[0] = value
    whole = np.int64(bits[0])
    return ((whole + 0x7FFF + ((whole >> 16) & 1)) >> 16) ^ 0xFFFF


@inner
def decode(code, single, bits):  # type: ignore[no-untyped-def]  # compiled
    """The number of a code; NaN for `ABSENT`."""
    bits[0] = (np.int64(code) ^ 0xFFFF) << 16
    return np.float64(single[0])


@inner
def sorted_median(numbers, count):  # type: ignore[no-untyped-def]  # compiled
    """Median of the first `count` (at least one) numbers of a small array, which are sorted in place, by insertion."""
    for j in range(1, count):
        number = numbers[j]
        k = j
        while k > 0 and numbers[k - 1] > number:
            numbers[k] = numbers[k - 1]
            k -= 1
        numbers[k] = number
    return (numbers[(count - 1) // 2] + numbers[count // 2]) / 2.0


def rounded(value: float) -> float:
    """What is left of a number after `encode` and `decode`, for twins."""
    (whole,) = struct.unpack("<I", struct.pack("<f", value))
    whole = (whole + 0x7FFF + ((whole >> 16) & 1)) & 0xFFFF0000
    (number,) = struct.unpack("<f", struct.pack("<I", whole))
    return float(number)
