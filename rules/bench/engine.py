"""What `mingluo bench engine` measures: readings/s of the engine, beside its scalar twin and a plain Python loop."""

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from community.estate import Estate, partition_of
from community.frame import Frame, Tick
from rules.bench.naive import Row, naive
from rules.bench.village import ALL_SIGNALS, INTERVAL_MS, TEN_SIGNALS, Readings, ten_rules, village
from rules.engine import Engine
from rules.rulebook import Rulebook, standard_rulebook
from rules.twin import TwinEngine

PARTITION = partition_of("village")

WARM_ROUNDS = 14
"""Rounds before measuring: rings and means are then filled as they are in running."""

_BARE = "import numpy, pydantic, msgspec, community.frame, community.estate_file, community.finding"
_WITH_ENGINE = _BARE + "\nfrom rules.bench.start import first_batch\nfirst_batch()"

Say = Callable[[str], None]


def bench_engine(
    devices: int = 10_000, rows: int = 1_000, *, quick: bool = False, say: Say = lambda _: None
) -> dict[str, Any]:
    """Measure the engine on one core.

    Args:
        devices: devices of one community.
        rows: readings in a batch.
        quick: leave out the million devices and the starts.
        say: is told what is measured next.

    Returns:
        Rates in readings/s, times in the unit that the name ends with. Engine and loop take turns in one run, so
        that what disturbs the machine disturbs both; rates are medians over the turns.
    """
    say("ten rules, beside a plain loop")
    report: dict[str, Any] = {"batch_rows": rows, "devices": devices}
    report |= _ten(devices, rows, turns=3 if quick else 9)
    say("scalar twin")
    report["scalar_rows_per_s"] = _scalar()
    say("random order of devices")
    report["random_order_rows_per_s"] = _rate(ten_rules(), Readings(devices, rows, shuffled=True), village(devices))
    say("the standard pack")
    standard = Readings(devices, rows, ALL_SIGNALS)
    engine = Engine(standard_rulebook(), village(devices), PARTITION)
    report["standard_rules"] = len(standard_rulebook().rules)
    report["standard_rows_per_s"] = round(median(_turns(engine, standard, 3 if quick else 5)))
    report["state_bytes_per_device"] = round(engine.state_bytes_per_device, 1)
    if not quick:
        say("a million devices")
        report |= _million(rows)
        say("starting, with compiled kernels at hand and without")
        report |= _starts()
    return report


def _ten(devices: int, rows: int, turns: int) -> dict[str, Any]:
    readings, engine = Readings(devices, rows), Engine(ten_rules(), village(devices), PARTITION)
    _feed(engine, readings.frames(WARM_ROUNDS))
    naive_devices: dict[str, dict[str, object]] = {}
    for frame in readings.frames(1):
        naive(_rows(frame), naive_devices)
    rates, naive_rates, batches = [], [], []
    for _ in range(turns):
        taken = _feed(engine, readings.frames(10))
        batches += taken
        rates.append(len(taken) * readings.rows / sum(taken))
        for part in _few(readings.frames(1), 20):
            begin = perf_counter()
            naive(part, naive_devices)
            naive_rates.append(len(part) / (perf_counter() - begin))
    p50, p99 = np.percentile(np.array(batches) * 1e6, [50, 99]).tolist()
    return {
        "engine_rows_per_s": round(median(rates)),
        "naive_rows_per_s": round(median(naive_rates)),
        "times_naive": round(median(rates) / median(naive_rates), 1),
        "p50_batch_us": round(p50, 1),
        "p99_batch_us": round(p99, 1),
        "ten_rules_state_bytes_per_device": round(engine.state_bytes_per_device, 1),
    }


def _few(frames: Iterable[Frame], most: int) -> list[list[Row]]:
    """The rows of the first `most` frames."""
    return [_rows(frame) for _, frame in zip(range(most), frames, strict=False)]


def _rows(frame: Frame) -> list[Row]:
    names = [frame.devices[d] for d in frame.device.tolist()]
    return [(name, ts, *v) for name, ts, v in zip(names, frame.ts.tolist(), frame.values.tolist(), strict=True)]


def _feed(engine: Engine, frames: Iterable[Frame]) -> list[float]:
    """Seconds that each frame took; making it does not count, nor does collecting what making it left."""
    taken = []
    gc.collect()
    gc.disable()
    try:
        for frame in frames:
            begin = perf_counter()
            engine.apply(frame)
            taken.append(perf_counter() - begin)
    finally:
        gc.enable()
    return taken


def _turns(engine: Engine, readings: Readings, turns: int, rounds: int = 5) -> list[float]:
    _feed(engine, readings.frames(WARM_ROUNDS))
    rates = []
    for _ in range(turns):
        taken = _feed(engine, readings.frames(rounds))
        rates.append(rounds * readings.devices / sum(taken))
    return rates


def _rate(rulebook: Rulebook, readings: Readings, estate: Estate, turns: int = 5) -> int:
    return round(median(_turns(Engine(rulebook, estate, PARTITION), readings, turns)))


def _scalar(devices: int = 100, rounds: int = 30) -> int:
    estate = village(devices)
    twin = TwinEngine(ten_rules(), estate, estate.device)
    readings = [r for frame in Readings(devices, devices).frames(rounds) for r in frame.readings()]
    half = len(readings) // 2
    for reading in readings[:half]:
        twin.reading(reading)
    begin = perf_counter()
    for reading in readings[half:]:
        twin.reading(reading)
    return round(half / (perf_counter() - begin))


def _million(rows: int, devices: int = 1_000_000) -> dict[str, Any]:
    estate = village(devices)
    engine = Engine(ten_rules(), estate, PARTITION)
    report: dict[str, Any] = {}
    for name, shuffled in (("million_rows_per_s", False), ("million_random_rows_per_s", True)):
        readings = Readings(devices, rows, TEN_SIGNALS, shuffled=shuffled)
        fresh = Engine(ten_rules(), estate, PARTITION) if shuffled else engine
        _feed(fresh, readings.frames(WARM_ROUNDS if not shuffled else 3))
        taken = [_feed(fresh, readings.frames(1)) for _ in range(3)]
        report[name] = round(median(devices / sum(t) for t in taken))
        if not shuffled:
            report |= _ticks(engine, readings)
        del fresh
    return report


def _ticks(engine: Engine, readings: Readings, seconds: int = 120) -> dict[str, float]:
    """ms of the ticks of two minutes of running: a tick each second, behind the readings of that second."""
    taken = []
    rounds = seconds * 1_000 // INTERVAL_MS
    in_a_second = -(-readings.devices // readings.rows) * 1_000 // INTERVAL_MS
    now = readings.now
    gc.collect()
    gc.disable()
    for number, frame in enumerate(readings.frames(rounds), 1):
        engine.apply(frame)
        if number % in_a_second == 0:
            now += 1_000
            begin = perf_counter()
            engine.tick(Tick(now))
            taken.append(perf_counter() - begin)
    gc.enable()
    return {
        "million_tick_ms": round(1_000 * median(taken[1:]), 2),
        "million_worst_tick_ms": round(1_000 * max(taken[1:]), 2),
    }


def _starts() -> dict[str, Any]:
    """Seconds of a process's start without the engine, with it, and with nothing compiled yet."""
    bare, warm = (median(_seconds(code) for _ in range(5)) for code in (_BARE, _WITH_ENGINE))
    ten = sorted({"listen", "hear", "climb", "watch", *(r.kind for r in ten_rules().rules)} - {"silence"})
    with tempfile.TemporaryDirectory() as empty:
        few = _seconds(f"import rules.warm; rules.warm.compile_kernels(only={ten})", NUMBA_CACHE_DIR=empty)
    with tempfile.TemporaryDirectory() as empty:
        every = _seconds("import rules.warm; rules.warm.compile_kernels()", NUMBA_CACHE_DIR=empty)
    return {
        "start_without_engine_s": round(bare, 2),
        "start_with_engine_s": round(warm, 2),
        "start_costs_s": round(warm - bare, 2),
        "first_compile_ten_rules_s": round(few - bare, 2),
        "first_compile_s": round(every - bare, 2),
    }


def _seconds(code: str, **environment: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environment})
    return perf_counter() - begin
