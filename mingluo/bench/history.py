"""The history alone: what the console asks of a large store, and a day rolled up while writing goes on."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from community.clock import DAY, HOUR
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import HistoryReader, HistoryUnavailable, Query, Resolution, Retention
from mingluo.bench.history_rollup import bench_rollup
from mingluo.bench.history_store import END, SIGNALS, Shape, device_name, make_store, scan_seconds, shape_of
from mingluo.bench.node import BenchError

KEEP = Retention(raw_ms=10_000 * DAY, minute_ms=10_000 * DAY, max_bytes=2**50, min_free_bytes=0)
LEAST_DAYS = 30
"""A made store has a month, for questions about one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPlan:
    """What is measured.

    Attributes:
        values: in the store that is asked, about; its devices follow from that.
        questions: of each kind.
        rollup_devices: whose day is rolled up.
        keep: folder of the store that is asked; if there is one in it already, that is asked. None: a temporary one.
    """

    values: int = 20_000_000
    questions: int = 100
    rollup_devices: int = 1_000
    keep: Path | None = None


def bench_history(plan: HistoryPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the whole measurement; the report, times in ms unless their names say otherwise.

    Raises:
        BenchError: the store cannot be made or does not answer.
    """
    try:
        with _folder(plan.keep) as folder:
            report = _asked(plan, folder, say)
        with tempfile.TemporaryDirectory(prefix="mingluo-bench-") as directory:
            say(f"a day of {plan.rollup_devices:,} devices is written, then rolled up")
            return report | bench_rollup(Path(directory), plan.rollup_devices, KEEP)
    except HistoryUnavailable as error:
        raise BenchError(f"history: {error}") from error


def _asked(plan: HistoryPlan, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    made_s = 0.0
    if not (folder / "catalogue.duckdb").exists():
        begun = time.perf_counter()
        make_store(folder, Shape.of_values(plan.values, LEAST_DAYS), say)
        made_s = time.perf_counter() - begun
    shape, values = shape_of(folder)
    scan_s = scan_seconds(folder)
    begun = time.perf_counter()
    store = DuckStore(folder, KEEP, Vitals())
    open_s = time.perf_counter() - begun
    try:
        say(f"{values:,} values of {shape.devices:,} devices; questions")
        times = {
            name: _times(store, asked, plan.questions) for name, asked in _questions(shape, plan.questions).items()
        }
        size = store.usage().bytes
    finally:
        store.close()
    console = np.concatenate([found for name, found in times.items() if name != "month_raw"])
    return {
        "store_values": values,
        "store_devices": shape.devices,
        "store_bytes": size,
        "store_made_s": round(made_s, 1),
        "open_ms": round(1000 * open_s, 1),
        "scan_ms": round(1000 * scan_s, 1),
        "month_p50_ms": _percentile(times["month"], 50),
        "month_p99_ms": _percentile(times["month"], 99),
        "month_raw_p50_ms": _percentile(times["month_raw"], 50),
        "month_raw_p99_ms": _percentile(times["month_raw"], 99),
        "query_p50_ms": _percentile(console, 50),
        "query_p99_ms": _percentile(console, 99),
        "queries": {name: [_percentile(found, 50), _percentile(found, 99)] for name, found in times.items()},
    }


Asked = Callable[[HistoryReader], object]


def _questions(shape: Shape, number: int) -> dict[str, list[Asked]]:
    """What the console asks, by kind, each about devices of its own: cold as a person finds them."""
    random = Random(shape.devices)
    names = [device_name(k) for k in range(shape.devices)]

    def about(devices: int, signals: int, span: int) -> list[Query]:
        queries = []
        for _ in range(number):
            some = tuple(random.sample(names, min(devices, len(names))))
            end = END - random.randrange(max(1, (shape.days * DAY - span) // HOUR)) * HOUR
            queries.append(Query(some, SIGNALS[:signals], end - span, end, 1_000))
        return queries

    month = about(1, 1, min(shape.days, LEAST_DAYS) * DAY)
    kinds = {
        "hour": about(1, 3, HOUR),
        "day": about(1, 3, DAY),
        "week": about(1, 3, 7 * DAY),
        "month": month,
        "month_raw": [replace(q, resolution=Resolution.RAW) for q in month],
        "many": about(20, 3, DAY),
    }
    asked: dict[str, list[Asked]] = {name: [_reading(q) for q in queries] for name, queries in kinds.items()}
    asked["last"] = [_last(random.sample(names, min(1_000, len(names)))) for _ in range(number)]
    return asked


def _reading(query: Query) -> Asked:
    def ask(store: HistoryReader) -> object:
        found = store.read(query)
        if len(found) < len(query.devices):  # every device has a voltage at any time
            raise BenchError(f"history: {len(found)} series instead of at least {len(query.devices)}")
        return found

    return ask


def _last(devices: list[str]) -> Asked:
    return lambda store: store.last(devices)


def _times(store: HistoryReader, questions: list[Asked], number: int) -> "np.ndarray[Any, np.dtype[np.float64]]":
    times = np.empty(number)
    for i, ask in enumerate(questions):
        begun = time.perf_counter()
        ask(store)
        times[i] = time.perf_counter() - begun
    return 1000 * times


def _percentile(times: "np.ndarray[Any, np.dtype[np.float64]]", q: float) -> float:
    return round(float(np.percentile(times, q)), 1)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="mingluo-bench-") as directory:
        yield Path(directory) / "history"
