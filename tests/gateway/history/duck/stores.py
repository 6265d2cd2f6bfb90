"""Stores for tests, and readings to fill them with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from community.clock import HOUR
from community.vitals import Vitals
from gateway.history.batch import Batch
from gateway.history.duck.store import DuckStore
from gateway.history.store import Retention, Tended

ANY_DISK = Retention(min_free_bytes=0)


def open_store(folder: Path, retention: Retention = ANY_DISK, vitals: Vitals | None = None) -> DuckStore:
    """The store in `folder`."""
    return DuckStore(folder, retention, vitals or Vitals())


def many(position: int, start: int, n: int, every_ms: int = 1_000, devices: int = 5) -> Batch:
    """`n` readings of two signals from `start` on, device by turns, with a tick at their beginning."""
    ts = start + np.arange(n, dtype=np.int64) * every_ms
    random = np.random.default_rng(position)
    return Batch(
        position,
        tuple(f"d{k}" for k in range(devices)),
        ("temperature", "smoke"),
        (np.arange(n) % devices).astype(np.int32),
        ts,
        ts + 5,
        random.integers(0, 800, (n, 2)) / 8,
        np.zeros(n, np.uint8),
        np.array([start], np.int64),
    )


def seal(store: DuckStore, now: int) -> Sequence[Tended]:
    """Tend until what is in the head is in files: it is seen there first, and old an hour later."""
    return [store.tend(now), store.tend(now + HOUR)]
