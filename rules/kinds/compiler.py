"""The compiler of kernels, or none: without numba the same kernels run as they are written, slower."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba
except ImportError:  # a platform for which numba has no wheel
    _jit: Callable[[Any], Any] | None = None
else:
    _jit = numba.njit(cache=True, error_model="numpy")

COMPILED = _jit is not None
"""Whether kernels are compiled."""


def compiled(function: F) -> F:
    """Compile a kernel at its first call, and keep the result on disk; without numba: the function itself.

    Division by zero follows IEEE 754 in both cases (the engine silences numpy's warnings where nothing compiles).
    """
    if _jit is None:
        return function
    kernel: F = _jit(function)
    return kernel


def warn_if_slow() -> None:
    """Say once that nothing is compiled here."""
    if not COMPILED:
        warnings.warn(
            "numba is not installed: rules are evaluated by uncompiled kernels, some hundred times slower. "
            "The findings are the same.",
            RuntimeWarning,
            stacklevel=2,
        )
