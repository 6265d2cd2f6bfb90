"""Compiled kernels on disk, and when to throw them away.

numba renews a cached kernel when the file changes in which it stands, but not when a function changes that it calls
from another file. After an update such a kernel would go on judging by the old ladder. So the cache bears the hash
of all kernel sources, and is dropped when that differs.
"""

from contextlib import suppress
from functools import cache
from hashlib import blake2s
from pathlib import Path
from sys import version
from typing import Any

from community import compiler
from community.compiler import COMPILED
from rules.kinds import ladder, silence
from rules.kinds.registry import KINDS

_STAMP = "mingluo-kernels.stamp"

KERNELS: dict[str, Any] = {
    "listen": silence.listen,
    "hear": silence.hear,
    "fetch": silence.fetch,
    "climb": ladder.climb,
    "watch": silence.watch,
    **{name: kind.kernel for name, kind in KINDS.items()},
}
"""Everything that the engine calls compiled, by name."""


_READY = "mingluo-kernels.ready"


@cache
def drop_stale_kernels() -> int:
    """Delete cached kernels that were compiled from other sources; once in a process.

    Returns:
        Files deleted. A cache that may not be written is left alone: its owner renews it on installing.
    """
    return sum(drop_unless(d, stamp()) for d in _directories()) if COMPILED else 0


def drop_unless(directory: Path, stamp: str) -> int:
    """Delete the cached kernels in `directory` unless it bears this stamp; then stamp it."""
    file, dropped = directory / _STAMP, 0
    with suppress(OSError):
        if file.exists() and file.read_text() == stamp:
            return 0
        directory.mkdir(parents=True, exist_ok=True)
        for old in [*directory.glob("*.nbi"), *directory.glob("*.nbc"), *directory.glob(_READY)]:
            old.unlink(missing_ok=True)
            dropped += 1
        file.write_text(stamp)
    return dropped


@cache
def stamp() -> str:
    """Hash of the kernels' sources and of all that a compiled kernel depends on."""
    # Here, so that the module loads without a compiler.
    import llvmlite.binding  # type: ignore[import-untyped]  # it has no types
    import numba

    sources = [Path(str(compiler.__file__)), *sorted(Path(str(ladder.__file__)).parent.glob("*.py"))]
    made_by = f"{numba.__version__} {version} {llvmlite.binding.get_host_cpu_name()}"
    return blake2s(b"".join([made_by.encode(), *(p.read_bytes() for p in sources)])).hexdigest()


def ready() -> bool:
    """Whether all kernels are on disk, compiled from these sources by this compiler for this machine."""
    with suppress(OSError):
        return all((d / _READY).read_text() == stamp() for d in _directories())
    return False


def mark_ready() -> None:
    """Note that all kernels are on disk."""
    for directory in _directories():
        with suppress(OSError):
            (directory / _READY).write_text(stamp())


def _directories() -> list[Path]:
    return [Path(d) for d in sorted({str(k.stats.cache_path) for k in KERNELS.values()})]
