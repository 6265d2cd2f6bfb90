"""Compile the kernels once, on installing, so that no start has to: `python -m rules.warm`.

Kernels are compiled by as many processes as there are cores, since a process compiles one at a time; each keeps its
results on disk for all.
"""

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

import numpy as np

from community.frame import Frame
from rules.cached import KERNELS, drop_stale_kernels, mark_ready, ready
from rules.kinds.compiler import COMPILED
from rules.kinds.kernel import EXTRAS, Rows, Table
from rules.kinds.ladder import EPISODE_WORDS, HEADER_WORDS, T_FLOATS, T_INTS, Devices, Ladders, Out
from rules.kinds.silence import Silences

Say = Callable[[str], None]

_FIRST = ("climb", "watch", "listen", "hear")
"""These take longest, so they begin."""


def compile_kernels(say: Say = lambda _: None, only: Collection[str] | None = None) -> int:
    """See to it that every kernel is compiled and on disk.

    Args:
        say: is told the progress.
        only: names of the kernels wanted; None: all.

    Returns:
        Kernels that had to be compiled; 0 where nothing compiles.
    """
    if not COMPILED:
        return 0
    drop_stale_kernels()
    if ready():
        return 0
    names = sorted(only or KERNELS, key=lambda n: n not in _FIRST)
    # A fork of a process with threads may inherit a lock that nobody releases.
    way = "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"
    compiled = 0
    # A compiler makes many objects and little garbage: collecting it would take a sixth of the time.
    workers = min(len(names), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, multiprocessing.get_context(way), initializer=gc.disable) as pool:
        for done, future in enumerate(as_completed([pool.submit(compile_kernel, n) for n in names]), 1):
            compiled += future.result()
            say(f"compiling the rule engine, once: {done} of {len(names)}")
    if only is None:
        mark_ready()
    return compiled


def compile_kernel(name: str) -> int:
    """Compile one kernel, or load it from disk, by calling it with nothing to do.

    Returns:
        1 if it had to be compiled.
    """
    kernel = KERNELS[name]
    before = sum(kernel.stats.cache_misses.values())
    kernel(*arguments(name))
    return int(sum(kernel.stats.cache_misses.values()) - before)


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


if __name__ == "__main__":
    progress: Say = lambda text: print(text, end="\r", file=sys.stderr, flush=True)  # noqa: E731, T201  # a command line
    print(f"\n{compile_kernels(progress)} kernels compiled")  # noqa: T201  # a command line
