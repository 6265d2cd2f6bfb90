"""Which values a working sensor can report, and what is said of the others."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from community.quantities import EVENTS, QUANTITIES, SIGNALS, nearest_signal
from community.refusal import Reason
from gateway.fault import Fault

FLAGS = frozenset((*EVENTS, "breaker_closed", "contact_open"))
"""Signals that are 1 or 0, and may be sent as true or false."""

LOW: NDArray[np.float64] = np.array([QUANTITIES[s].low if s in QUANTITIES else 0.0 for s in SIGNALS])
"""float64[signals]: least plausible value of each signal, in the order of `SIGNALS`."""

HIGH: NDArray[np.float64] = np.array([QUANTITIES[s].high if s in QUANTITIES else 1.0 for s in SIGNALS])
"""float64[signals]: greatest plausible value."""

IS_FLAG: NDArray[np.bool_] = np.array([s in FLAGS for s in SIGNALS])
"""bool[signals]: whether only 0 and 1 are plausible."""


def implausible(values: NDArray[np.float64], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which values no working sensor reports.

    Args:
        values: float64[n, k]; NaN is missing and passes.
        columns: intp[k], index of each column's signal in `SIGNALS`.

    Returns:
        bool[n, k].
    """
    # A NaN compares false throughout, which is what we want of a missing value.
    bad = (values < LOW[columns]) | (values > HIGH[columns])
    flags = np.flatnonzero(IS_FLAG[columns])
    if len(flags):
        bad[:, flags] |= (values[:, flags] > 0) & (values[:, flags] < 1)
    return bad


def value_fault(signal: str, value: float, place: str) -> Fault | None:
    """What is wrong with one value of a known signal, if anything. The scalar twin of `implausible`."""
    quantity = QUANTITIES.get(signal)
    low, high = (quantity.low, quantity.high) if quantity is not None else (0, 1)
    if signal in FLAGS:
        return None if value in (0, 1) else Fault(Reason.OUT_OF_RANGE, place, f"{value:g} is neither 0 nor 1")
    if low <= value <= high:
        return None
    unit = f" {quantity.unit}" if quantity is not None and quantity.unit else ""
    return Fault(Reason.OUT_OF_RANGE, place, f"{value:g} is outside {low:g}..{high:g}{unit}")


@lru_cache(maxsize=1_024)
def did_you_mean(name: str) -> str:
    """A hint at the signal that was probably meant, or nothing. Slow (about 0.5 ms) for a name not seen before."""
    near = nearest_signal(name) if len(name) <= 64 else None
    return f"; did you mean {near}?" if near else ""


def unknown_signal(name: str, place: str) -> Fault:
    """The fault of a name that is no signal, still without a hint."""
    shown = name if len(name) <= 64 else f"{name[:63]}…"
    return Fault(Reason.UNKNOWN_SIGNAL, f"{place}.{shown}" if place else shown, "no such signal")
