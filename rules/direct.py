"""Kernels called without a look at the types of their arguments, which are the same at every call of the engine.

numba's dispatcher finds out the types of some twenty arrays at each call, which for a batch of 1,000 readings takes as
long as a third of the rules. The engine's arrays have the types of `arguments` by construction (a frame's columns are
read-only views of bytes, all else is made by the engine itself); a test holds that.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from community.compiler import COMPILED, types_of
from community.frame import Frame
from rules.cached import CACHE, KERNELS
from rules.kinds.kernel import EXTRAS, Rows, Table
from rules.kinds.ladder import EPISODE_WORDS, HEADER_WORDS, T_FLOATS, T_INTS, Devices, Ladders, Out
from rules.kinds.silence import Silences


@cache
def direct(name: str) -> Callable[..., Any]:
    """The machine code of a kernel; where nothing is compiled, the kernel."""
    kernel: Any = KERNELS[name]
    if not COMPILED:
        return kernel  # type: ignore[no-any-return]  # kernels have no types
    CACHE.drop_stale()
    types = types_of(arguments(name))
    kernel.compile(types)
    entry: Callable[..., Any] = kernel.overloads[types].entry_point
    return entry


def arguments(name: str) -> tuple[Any, ...]:
    """Arguments of the types that the engine calls a kernel with, empty. A frame's columns are read-only."""
    frame = Frame.from_columns(
        (), ("voltage",), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 1))
    )
    rows = Rows(frame.ts, np.zeros(0, np.uint8), frame.values, _i8(0), _i4(0), _i4(0), np.zeros(0, np.uint8))
    devices = Devices(_i8(0, HEADER_WORDS), _i8(0), _i8(1, EPISODE_WORDS), _i8(1))
    out = Out(_i8(1, T_INTS), _f8(1, T_FLOATS))
    ladders = Ladders(
        _i8(1), _f8(0, 0), _f8(0, 0), _i8(0, 0), _i8(0, 0), np.zeros((0, 0), np.uint8), _f8(0, 0),
        _f8(0), np.zeros(0, np.uint8), _i8(0), _i8(0),
    )  # fmt: skip
    match name:
        case "listen":
            return _i4(0), frame.device, rows, _i8(0), frame.received_at, -1, np.zeros(0, np.uint8), devices
        case "hear":
            return 0, rows, _i8(0), frame.received_at, -1, devices, 0, out
        case "fetch":
            return _i8(0), _i8(0), 0
        case "climb":
            return (0, 0, False, rows, _i8(0), frame.received_at, devices, ladders, _i8(0), _f8(0, 0),
                    _f8(0, 0, EXTRAS), out)  # fmt: skip
        case "watch":
            silences = Silences(_i8(0), _i8(1), _i8(0, 0), _i8(0, 0))
            return (0, 0, 0, True, devices, ladders, silences, out)
    table = Table(_i8(0), _i8(0, 2), _i4(0, 0), _i8(0, 0, 0), _f8(0, 0, 0), _f8(0, 0), _i8(0), _i8(0), _i8(0),
                  _i8(1, 1, 2))  # fmt: skip
    return rows, _i8(0), table, _f8(0, 0), _f8(0, 0, EXTRAS)


def _i8(*shape: int) -> Any:
    return np.zeros(shape, np.int64)


def _i4(*shape: int) -> Any:
    return np.zeros(shape, np.int32)


def _f8(*shape: int) -> Any:
    return np.zeros(shape)
