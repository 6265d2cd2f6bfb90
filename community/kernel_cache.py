"""Compiled kernels on disk, and when to throw them away.

numba renews a cached kernel when the file changes in which it stands, but not when a function or constant changes that
it has from another file. After an update such a kernel would go on with the old one. So the folder of a cache bears
the hash of all sources that its kernels are made of, and is emptied when that differs.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import blake2s
from pathlib import Path
from sys import version
from typing import Any

from community import compiler
from community.compiler import COMPILED

_STAMP = "mingluo-kernels.stamp"
_READY = "mingluo-kernels.ready"


class KernelCache:
    """The kernels of some folders."""

    def __init__(self, kernels: Collection[Any], sources: Sequence[Path]) -> None:
        """Kernels, and all files of our own that they are compiled from (the compiler's own is added)."""
        self._kernels = kernels
        self._sources = [Path(str(compiler.__file__)), *sources]
        self._looked = False

    def drop_stale(self) -> int:
        """Delete what was compiled from other sources; once in a process.

        Returns:
            Files deleted. A cache that may not be written is left alone: its owner renews it on installing.
        """
        if self._looked or not COMPILED:
            return 0
        self._looked = True
        return sum(drop_unless(d, self.stamp) for d in self._directories)

    @cached_property
    def stamp(self) -> str:
        """Hash of the sources and of all that a compiled kernel depends on."""
        # Here, so that the module loads without a compiler.
        import llvmlite.binding  # type: ignore[import-untyped]  # it has no types
        import numba

        made_by = f"{numba.__version__} {version} {llvmlite.binding.get_host_cpu_name()}"
        return blake2s(b"".join([made_by.encode(), *(p.read_bytes() for p in self._sources)])).hexdigest()

    def ready(self) -> bool:
        """Whether all kernels are on disk, compiled from these sources by this compiler for this machine."""
        with suppress(OSError):
            return all((d / _READY).read_text() == self.stamp for d in self._directories)
        return False

    def mark_ready(self) -> None:
        """Note that all kernels are on disk."""
        for directory in self._directories:
            with suppress(OSError):
                (directory / _READY).write_text(self.stamp)

    @property
    def _directories(self) -> list[Path]:
        return [Path(d) for d in sorted({str(k.stats.cache_path) for k in self._kernels})]


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
