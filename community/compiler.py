"""The compiler of kernels, or none: without numba the same kernels run as they are written, slower."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

try:
    import numba
except ImportError:  # a platform for which numba has no wheel
    numba = None  # type: ignore[assignment]  # a module, or none

_jit: Callable[[Any], Any] | None = None
_inner_jit: Callable[[Any], Any] | None = None
if numba is not None and not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # made by numba at run time
    _njit: Any = numba.njit  # numba knows more options than its types do
    _jit = _njit(cache=True, error_model="numpy", no_cfunc_wrapper=True)
    _inner_jit = _njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)

COMPILED = _jit is not None
"""Whether kernels are compiled."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a kernel at its first call, and keep the result on disk; without numba: the function itself.

    Division by zero follows IEEE 754 in both cases.
    """
    if _jit is None:
        return _as_ieee(function)
    return _jit(function)


def _as_ieee(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def kernel(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arguments)

    return kernel


def types_of(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The compiler's types of these arguments."""
    if numba is None:
        raise RuntimeError("there is no compiler here")
    return tuple(numba.typeof(a) for a in arguments)  # type: ignore[no-untyped-call]  # it has no types


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call: it is kept on disk with them, and cannot be called from Python."""
    if _inner_jit is None:
        return function
    return _inner_jit(function)


def warn_if_slow() -> None:
    """Say once that nothing is compiled here."""
    if not COMPILED:
        warnings.warn(
            "numba is not here: rules are evaluated by uncompiled kernels, some hundred times slower. "
            "The findings are the same.",
            RuntimeWarning,
            stacklevel=2,
        )
