"""First passes over a frame: how each row stands to its device's newest reading, and memory for what it brings."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rules.kinds.batch import IN_ORDER, LATE, NONE, STATUS


@njit(cache=True)
def order_rows(numbers, of_device, ts, values, online, newest, device, order):  # type: ignore[no-untyped-def]  # compiled
    """Resolve each row's device and its order; advance `newest`.

    A row that carries nothing but `online` is the broker's statement at the broker's time: it neither is late nor
    makes a device's own readings late.

    Args:
        numbers: int32[devices of the frame], rows of the state; -1 unknown.
        of_device: int32[n], the frame's device column.
        device, order: int32[n] and uint8[n], written.

    Returns:
        Rows of unknown devices.
    """
    unknown = 0
    columns = values.shape[1]
    for i in range(len(of_device)):
        d = numbers[of_device[i]]
        device[i] = d
        order[i] = IN_ORDER
        if d < 0:
            unknown += 1
            continue
        if online >= 0 and not np.isnan(values[i, online]):
            alone = True
            for j in range(columns):
                if j != online and not np.isnan(values[i, j]):
                    alone = False
                    break
            if alone:
                order[i] = STATUS
                continue
        if ts[i] < newest[d]:
            order[i] = LATE
        else:
            newest[d] = ts[i]
    return unknown


@njit(cache=True)
def claim(device, values, watch_column, watch_slot, watch_least, words, enabled, duty, slot, used):  # type: ignore[no-untyped-def]  # compiled
    """Give every slot that a row needs for the first time its place behind the `used` words.

    Args:
        watch_column, watch_slot, watch_least: pairs of frame column and slot column, and the least value that counts.

    Returns:
        Words used afterwards; the caller makes room.
    """
    for i in range(len(device)):
        d = device[i]
        if d < 0:
            continue
        for w in range(len(watch_column)):
            c = watch_slot[w]
            if slot[d, c] < 0 and values[i, watch_column[w]] >= watch_least[w] and enabled[duty[d], c]:
                slot[d, c] = used
                used += words[c]
    return used


def empty_words(count: int) -> NDArray[np.int64]:
    """Fresh state words: NONE as a time, -0.0 as a value."""
    return np.full(count, NONE, np.int64)


def grown(array: NDArray[Any], size: int, fill: int) -> NDArray[Any]:
    """A copy with `size` rows, the new ones filled."""
    bigger = np.full((size, *array.shape[1:]), fill, array.dtype)
    bigger[: len(array)] = array
    return bigger
