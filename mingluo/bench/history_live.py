"""History beside live evaluation: a whole system under load, once with a history and once without."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from community.estate import Estate
from community.estate_file import dump_estate
from mingluo.bench.estate import bench_estate
from mingluo.bench.history_catch_up import bench_catch_up
from mingluo.bench.load import Order, send_load
from mingluo.bench.node import Node, running_node
from mingluo.bench.watcher import watching

DRAINED_S = 3.0
"""History may be this far behind at the end of a load that it keeps up with: it gathers for a second."""
GIVE_UP_S = 60.0
LOOK_S = 0.1
STEP_UP = 1.3
MARKERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """What is measured.

    Attributes:
        devices: of the estate.
        values_per_s: offered for `seconds`; steps of more follow until one is not kept up with.
        seconds: of the first step; the others take a quarter.
        steps: at most so many.
        frames: that wait in the log for a historian that catches up.
    """

    devices: int = 10_000
    values_per_s: float = 200_000
    seconds: float = 60
    steps: int = 5
    frames: int = 2_500


@dataclass(frozen=True, slots=True)
class Run:
    """One load.

    Attributes:
        sent: readings that left the generator.
        evaluated: readings that the engine had by then.
        kept: readings that the history had.
        values_per_s: from the first publish until all was evaluated and (with a history) kept.
        behind_s: from the last publish until then.
        latencies: ms from the publish of a dangerous reading to its alert on the feed.
        cpu_s: of Mingluo's process.
    """

    sent: int
    evaluated: int
    kept: int
    values_per_s: float
    behind_s: float
    latencies: list[float]
    cpu_s: float


async def bench_live(plan: LivePlan, directory: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the measurement; figures for the report.

    Raises:
        BenchError: something did not start.
    """
    estate = bench_estate(plan.devices)
    file = directory / "estate.toml"
    file.write_text(dump_estate(estate), "utf-8")
    runs: list[Run] = []
    say("catching up")
    caught_up = await bench_catch_up(directory / "log", plan.frames)
    say(f"{caught_up['catch_up_values_per_s']:,} values/s out of the log; a whole system, live")
    async with _node(directory / "with", estate, "duckdb") as node:
        per_reading = await _warm(node, file)
        rate, seconds = plan.values_per_s / per_reading, plan.seconds
        while len(runs) < plan.steps:
            run = await _run(node, file, rate, seconds, per_reading, history=True)
            runs.append(run)
            say(
                f"{rate * per_reading:,.0f} values/s offered: {run.values_per_s:,.0f} evaluated and kept, "
                f"{run.behind_s:.1f} s behind, {run.sent - run.kept} not kept"
            )
            if not _held(run):
                break
            rate, seconds = rate * STEP_UP, plan.seconds / 4
        status = (await node.client.get("/api/v1/history/status")).json()
    say("the first load again, without a history")
    async with _node(directory / "without", estate, "none") as node:
        await _warm(node, file)
        null = await _run(node, file, plan.values_per_s / per_reading, plan.seconds, per_reading, history=False)
    held = [r for r in runs if _held(r)]
    return caught_up | {
        "values_per_s": round(max((r.values_per_s for r in held), default=0)),
        "null_values_per_s": round(null.values_per_s),
        "sustained_s": plan.seconds,
        "sustained_values_per_s": round(runs[0].values_per_s) if _held(runs[0]) else 0,
        "behind_s": round(runs[0].behind_s, 2),
        "not_kept": runs[0].sent - runs[0].kept,
        "alert_p50_ms": _percentile(runs[0], 50),
        "alert_p99_ms": _percentile(runs[0], 99),
        "null_alert_p50_ms": _percentile(null, 50),
        "null_alert_p99_ms": _percentile(null, 99),
        "cpu_s": round(runs[0].cpu_s, 1),
        "null_cpu_s": round(null.cpu_s, 1),
        "live_bytes": status["bytes"],
        "live_rows": status["rows"],
    }


def _node(data_dir: Path, estate: Estate, history: str) -> Any:
    data_dir.mkdir()
    return running_node(data_dir, estate, history=history)


async def _warm(node: Node, file: Path) -> float:
    """Let everything be used once; how many values a reading has."""
    before = await node.vitals()
    await send_load(node.run, file, Order(rate=5_000, seconds=3))
    await asyncio.sleep(DRAINED_S)
    after = await node.vitals()
    readings = after.get("historian_readings", 0) - before.get("historian_readings", 0)
    return (after.get("historian_values", 0) - before.get("historian_values", 0)) / readings if readings else 0.0


async def _run(node: Node, file: Path, rate: float, seconds: float, per_reading: float, *, history: bool) -> Run:
    before, cpu = await node.vitals(), node.cpu()
    async with watching(node) as watcher:
        order = Order(rate=rate, seconds=seconds, markers=MARKERS, marker_every_s=min(0.25, seconds / MARKERS))
        totals, markers = await send_load(node.run, file, order)
        wanted = totals.sent + totals.markers
        evaluated, kept, at = await _drained(node, before, wanted, history=history)
        latencies = watcher.latencies(markers)
    began, ended = totals.began_at / 1000, totals.began_at / 1000 + totals.seconds
    return Run(
        wanted,
        evaluated,
        kept if history else wanted,
        evaluated * per_reading / (max(at, ended) - began),
        max(at - ended, 0.0),
        latencies,
        node.cpu().since(cpu).mingluo,
    )


async def _drained(node: Node, before: dict[str, float], wanted: int, *, history: bool) -> tuple[int, int, float]:
    """Readings evaluated and kept, and the moment (UTC s) when the last of them was known to be."""
    names = ("monitor_readings", "historian_readings")
    found, at = (0, 0), time.time()
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        now = await node.vitals()
        seen = tuple(int(now.get(name, 0) - before.get(name, 0)) for name in names)
        if seen != found:
            found, at = (seen[0], seen[1]), time.time()
        if found[0] >= wanted and (found[1] >= wanted or not history):
            break
        await asyncio.sleep(LOOK_S)
    return *found, at


def _held(run: Run) -> bool:
    return run.kept == run.evaluated == run.sent and run.behind_s <= DRAINED_S


def _percentile(run: Run, q: float) -> float | None:
    return round(float(np.percentile(run.latencies, q)), 1) if run.latencies else None
