"""The rule engine's kernels by name, and their cache on disk."""

from pathlib import Path
from typing import Any

from community.kernel_cache import KernelCache
from rules.kinds import ladder, silence
from rules.kinds.registry import KINDS

KERNELS: dict[str, Any] = {
    "listen": silence.listen,
    "hear": silence.hear,
    "fetch": silence.fetch,
    "climb": ladder.climb,
    "watch": silence.watch,
    **{name: kind.kernel for name, kind in KINDS.items()},
}
"""Everything that the engine calls compiled, by name."""

CACHE = KernelCache(list(KERNELS.values()), sorted(Path(str(ladder.__file__)).parent.glob("*.py")))
"""Where they are kept."""
