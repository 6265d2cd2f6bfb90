"""Compiled kernels on disk, and when to throw them away.

numba renews a cached kernel when the file changes in which it stands, but not when a function changes that it calls
from another file. After an update such a kernel would go on judging by the old ladder. So the cache bears the hash
of all kernel sources, and is dropped when that differs.
"""

from contextlib import suppress
from functools import cache
from hashlib import blake2s
from pathlib import Path

from rules import intake
from rules.kinds import flag, ladder, rise, silence, thermal, threshold

_STAMP = "mingluo-kernels.stamp"
_SOURCES = (*sorted(Path(str(ladder.__file__)).parent.glob("*.py")), Path(str(intake.__file__)))
KERNELS = (
    intake.order_rows,
    intake.claim,
    ladder.standing,
    ladder.top_step,
    threshold.thresholds,
    flag.flags,
    rise.rises,
    thermal.overloads,
    silence.silences,
    silence.next_silence,
    silence.speech,
)


@cache
def drop_stale_kernels() -> int:
    """Delete cached kernels that were compiled from other sources; once in a process.

    Returns:
        Files deleted. A cache that may not be written is left alone: its owner renews it on installing.
    """
    stamp = blake2s(b"".join(p.read_bytes() for p in _SOURCES)).hexdigest()
    return sum(drop_unless(Path(d), stamp) for d in sorted({str(k.stats.cache_path) for k in KERNELS}))


def drop_unless(directory: Path, stamp: str) -> int:
    """Delete the cached kernels in `directory` unless it bears this stamp; then stamp it."""
    file, dropped = directory / _STAMP, 0
    with suppress(OSError):
        if file.exists() and file.read_text() == stamp:
            return 0
        directory.mkdir(parents=True, exist_ok=True)
        for old in [*directory.glob("*.nbi"), *directory.glob("*.nbc")]:
            old.unlink(missing_ok=True)
            dropped += 1
        file.write_text(stamp)
    return dropped
