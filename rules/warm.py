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

from community.compiler import COMPILED
from rules.cached import CACHE, KERNELS
from rules.direct import arguments

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
    CACHE.drop_stale()
    if CACHE.ready():
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
        CACHE.mark_ready()
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


if __name__ == "__main__":
    progress: Say = lambda text: print(text, end="\r", file=sys.stderr, flush=True)  # noqa: E731, T201  # a command line
    print(f"\n{compile_kernels(progress)} kernels compiled")  # noqa: T201  # a command line
