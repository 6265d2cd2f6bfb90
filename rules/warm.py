"""Compile the kernels once, on installing, so that no start has to: `python -m rules.warm`."""

from community.estate import partition_of
from community.frame import Frame, Reading, Tick
from rules.bench import village, village_frames
from rules.cached import KERNELS, drop_stale_kernels
from rules.engine import Engine
from rules.rulebook import standard_rulebook


def compile_kernels() -> int:
    """Run every kernel on a few quiet readings, which compiles it or loads it from the cache.

    Returns:
        Kernels that had to be compiled.
    """
    drop_stale_kernels()
    engine = Engine(standard_rulebook(), village(2), partition_of("village"))
    for frame in village_frames(2, 4, 2):
        engine.apply(frame)
    engine.apply(Frame.from_readings([Reading("d0", 1_795_000_000_000, 1_795_000_000_000, {"smoke_alarm": 1.0})]))
    for later in range(3):
        engine.tick(Tick(1_795_001_000_000 + later))  # from the second tick without a reading on, it looks ahead
    engine.levels()
    return sum(sum(k.stats.cache_misses.values()) for k in KERNELS)


if __name__ == "__main__":
    print(f"{compile_kernels()} kernels compiled")  # noqa: T201  # a command line
