"""A day of many devices rolled up, and what that takes from the writing that goes on beside it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from community.clock import DAY, HOUR, MINUTE, SECOND
from community.vitals import Vitals
from gateway.history.batch import Batch
from gateway.history.duck.store import DuckStore
from gateway.history.store import Retention
from mingluo.bench.history_store import END, SIGNALS, device_name

TOGETHER = 50_000
"""Readings in a batch while the day is filled, about."""
EVERY_S = 0.2
"""Beside the roll-up a second of readings is written so often: five times as fast as they would come."""
QUIET = 50
"""Such batches that are written before it begins, for comparison."""
_PER_DAY = DAY // MINUTE


def bench_rollup(folder: Path, devices: int, retention: Retention) -> dict[str, Any]:
    """Fill a store with a day's readings of all devices, then have it tended while live readings are written.

    Raises:
        HistoryUnavailable
    """
    names = tuple(map(device_name, range(devices)))
    store = DuckStore(folder, retention, Vitals())
    try:
        values, filled_s = 0, 0.0
        for batch in _day(names):
            values += batch.value_count
            filled_s += _seconds(store, batch)
        live = _live(names, store.position())
        quiet = [_seconds(store, next(live)) for _ in range(QUIET)]
        beside = []
        begun = time.perf_counter()
        with ThreadPoolExecutor(1) as tender:
            # The first round seals what is full, the one an hour later what is still open.
            tended = tender.submit(lambda: [store.tend(now).rolled_up for now in (END, END + HOUR)])
            while not tended.done():
                beside.append(_seconds(store, next(live)))
                wait([tended], EVERY_S)
        rollup_s = time.perf_counter() - begun
        return {
            "rollup_devices": devices,
            "rollup_readings": sum(tended.result()),
            "rollup_s": round(rollup_s, 2),
            "fill_values_per_s": round(values / filled_s),
            "write_p50_ms": round(1000 * float(np.median(beside)), 1),
            "write_max_ms": round(1000 * max(beside), 1),
            "write_quiet_p50_ms": round(1000 * float(np.median(quiet)), 1),
            "write_quiet_max_ms": round(1000 * max(quiet), 1),
        }
    finally:
        store.close()


def _seconds(store: DuckStore, batch: Batch) -> float:
    begun = time.perf_counter()
    store.write(batch)
    return time.perf_counter() - begun


def _day(names: tuple[str, ...]) -> Iterator[Batch]:
    """A day's readings of all devices, one a minute each, in the order in which they come."""
    minutes = max(1, TOGETHER // len(names))
    for position, begin in enumerate(range(0, _PER_DAY, minutes), 1):
        number = min(minutes, _PER_DAY - begin)
        yield _batch(position, names, END - DAY + begin * MINUTE, number * MINUTE)


def _live(names: tuple[str, ...], position: int) -> Iterator[Batch]:
    """The seconds after that day, one after the other."""
    for k in count():
        yield _batch(position + 1 + k, names, END + k * SECOND, SECOND)


def _batch(position: int, names: tuple[str, ...], begin: int, span: int) -> Batch:
    """What the devices report in `span` ms from `begin` (UTC ms): each in its turn, each once a minute."""
    ts = np.arange(-(-begin * len(names) // MINUTE), -(-(begin + span) * len(names) // MINUTE), dtype=np.int64)
    device = (ts % len(names)).astype(np.int32)
    ts = ts * MINUTE // len(names)
    random = np.random.default_rng(position)
    values = np.round(random.random((len(ts), len(SIGNALS))) * (10, 10, 30, 30) + (225, 0, 0, 20), 1)
    values[random.random(len(ts)) < 0.2, 2] = np.nan
    values[device % 2 == 1, 3] = np.nan
    none = np.array([], np.int64)
    return Batch(position, names, SIGNALS, device, ts, ts + 300, values, np.zeros(len(ts), np.uint8), none)
