"""From an MQTT publish to an alert on the feed: how many readings a second, and how late the alert is."""

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from community.estate_file import dump_estate
from mingluo.bench.estate import bench_estate
from mingluo.bench.load import Order, send_load
from mingluo.bench.node import BenchError, Cpu, Node, running_node
from mingluo.bench.null import PREFIX, NullRun, null_subscriber
from mingluo.bench.watcher import watching
from simulators.load import Marker, Totals

STEP_SHARE, NULL_SHARE = 0.6, 0.3
STEP_UP, STEP_DOWN = 1.3, 0.7
DRAINED_S = 1.0
"""A rate is sustained if the last reading is evaluated at most this long after it was published."""
GIVE_UP_S = 15.0
"""Readings that are not evaluated after so long are lost."""
ON_TIME = 0.98
"""Share of the wanted rate that the load generator must achieve for the next step to be worth trying."""
LOOK_S = 0.02
MARKERS = 100
"""Devices that are in turn dangerous and harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        devices: protectors in the estate.
        seconds: duration of the latency measurement; each step of the ladder lasts 0.6 of it, the null subscriber 0.3.
        qos: of every published message.
        rate: first step of the ladder of rates, readings/s.
        latency_rate: readings/s while latency is measured.
        most_steps: rates that are tried.
        null_rate: messages/s offered to the null subscriber; more than it can read.
        marker_every_s: s between two markers.
    """

    devices: int = 10_000
    seconds: float = 10
    qos: int = 0
    rate: float = 50_000
    latency_rate: float = 10_000
    null_rate: float = 500_000
    most_steps: int = 6
    marker_every_s: float = 0.019

    @property
    def markers(self) -> int:
        """Marker devices."""
        return min(MARKERS, self.devices // 2)


@dataclass(frozen=True, slots=True)
class Step:
    """One rate of the ladder.

    Attributes:
        wanted, achieved: readings/s asked of the load generator, and sent by it.
        sent, evaluated: readings.
        per_s: evaluated readings/s, from the first publish to the last evaluation.
        behind_s: from the last publish to the last evaluation.
        sustained: none is missing, and the last was evaluated within `DRAINED_S`.
        cpu: of broker and Mingluo; `load_cpu_s` of the load generator.
    """

    wanted: float
    achieved: float
    sent: int
    evaluated: int
    per_s: float
    behind_s: float
    sustained: bool
    cpu: Cpu
    load_cpu_s: float

    def told(self) -> dict[str, Any]:
        """For the report."""
        return {
            "wanted_per_s": round(self.wanted),
            "readings_per_s": round(self.per_s),
            "sent": self.sent,
            "evaluated": self.evaluated,
            "behind_s": round(self.behind_s, 3),
            "sustained": self.sustained,
            "cpu_s": {"broker": self.cpu.broker, "mingluo": self.cpu.mingluo, "load": self.load_cpu_s},
        }


def bench_pipeline(plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the whole measurement in a temporary directory; the report.

    Args:
        plan: what is measured.
        say: is told about the progress.

    Raises:
        BenchError: something did not start, or no alert arrived.
    """
    with tempfile.TemporaryDirectory(prefix="mingluo-bench-") as directory:
        return asyncio.run(_ended_in_order(_bench(plan, say, Path(directory))))


async def _ended_in_order(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """SIGTERM ends us as Ctrl-C does: with the system that we have started."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise BenchError("stopped") from None
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def _bench(plan: Plan, say: Callable[[str], None], directory: Path) -> dict[str, Any]:
    data_dir, estate_file = directory / "data", directory / "estate.toml"
    data_dir.mkdir()
    estate = bench_estate(plan.devices)
    estate_file.write_text(dump_estate(estate), "utf-8")
    say(f"starting mingluo up with {plan.devices} devices")
    async with running_node(data_dir, estate) as node:
        say("warming up")
        await _latency(node, estate_file, replace(plan, latency_rate=min(plan.latency_rate, 5_000), seconds=1.5))
        say(f"null subscriber: {plan.null_rate:,.0f} messages/s offered")
        null = await null_subscriber(
            node,
            estate_file,
            Order(rate=plan.null_rate, seconds=NULL_SHARE * plan.seconds, qos=plan.qos, topic_prefix=PREFIX),
        )
        say(f"null subscriber: {null.per_s:,.0f} messages/s read ({null.read} of {null.offered})")
        steps = await _ladder(node, estate_file, plan, say)
        say(f"latency at {plan.latency_rate:,.0f} readings/s")
        markers, latencies, late = await _latency(node, estate_file, plan)
        vitals = await node.vitals()
        memory = node.resident_bytes()
    return _report(plan, null, steps, markers, latencies, late, vitals, memory)


async def _ladder(node: Node, estate: Path, plan: Plan, say: Callable[[str], None]) -> list[Step]:
    """Rates upwards until one is not sustained; downwards if the first one is not."""
    steps: list[Step] = []
    rate = plan.rate
    while len(steps) < plan.most_steps:
        step = await _step(node, estate, plan, rate, STEP_SHARE * plan.seconds)
        steps.append(step)
        say(
            f"{rate:,.0f} wanted: {step.per_s:,.0f} readings/s, {step.sent - step.evaluated} missing, "
            f"{step.behind_s:.2f} s behind; CPU s: broker {step.cpu.broker}, mingluo {step.cpu.mingluo}, "
            f"load {step.load_cpu_s}"
        )
        any_sustained = any(s.sustained for s in steps)
        if not step.sustained and any_sustained:
            break  # the step before was the highest
        if step.sustained and (step.achieved < ON_TIME * rate or rate < plan.rate):
            break  # the load generator cannot send more beside the others, or we came from above
        rate *= STEP_UP if step.sustained else STEP_DOWN
    return steps


async def _step(node: Node, estate: Path, plan: Plan, rate: float, seconds: float) -> Step:
    """One rate; waits until everything that was sent is evaluated, or lost."""
    before = (await node.vitals()).get("monitor_readings", 0)
    cpu = node.cpu()
    totals, _ = await send_load(node.run, estate, Order(rate=rate, seconds=seconds, qos=plan.qos))
    evaluated, at = await _drain(node, before, totals)
    first, last = totals.began_at / 1000, totals.began_at / 1000 + totals.seconds
    behind = max(at - last, 0.0)
    return Step(
        wanted=rate,
        achieved=totals.achieved_rate,
        sent=totals.sent,
        evaluated=evaluated,
        per_s=evaluated / (max(at, last) - first),
        behind_s=behind,
        sustained=evaluated == totals.sent and behind <= DRAINED_S,
        cpu=node.cpu().since(cpu),
        load_cpu_s=totals.cpu_s,
    )


async def _drain(node: Node, before: float, totals: Totals) -> tuple[int, float]:
    """How many of the readings were evaluated, and the moment (UTC s) when the last one was known to be."""
    evaluated, at = 0, time.time()
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        now = int((await node.vitals()).get("monitor_readings", 0) - before)
        if now > evaluated:
            evaluated, at = now, time.time()
        if evaluated >= totals.sent + totals.markers:
            break
        await asyncio.sleep(LOOK_S)
    return evaluated, at


async def _latency(node: Node, estate: Path, plan: Plan) -> tuple[list[Marker], list[float], int]:
    """The markers sent, ms from publish to feed for each that raised an event, and readings sent late."""
    async with watching(node) as watcher:
        before = (await node.vitals()).get("monitor_readings", 0)
        order = Order(
            rate=plan.latency_rate,
            seconds=plan.seconds,
            qos=plan.qos,
            markers=plan.markers,
            marker_every_s=plan.marker_every_s,
        )
        totals, markers = await send_load(node.run, estate, order)
        await _drain(node, before, totals)
        await asyncio.sleep(DRAINED_S)  # an event that arrives later would be no alarm any more
    latencies = watcher.latencies(markers)
    if not latencies:
        raise BenchError(f"none of {len(markers)} markers raised an alert")
    return markers, latencies, totals.late


def _report(
    plan: Plan,
    null: NullRun,
    steps: list[Step],
    markers: list[Marker],
    latencies: list[float],
    late: int,
    vitals: dict[str, float],
    memory: tuple[int, int],
) -> dict[str, Any]:
    sustained = [s for s in steps if s.sustained]
    best = max(sustained, key=lambda s: s.per_s, default=None)
    p50, p99, worst = np.percentile(latencies, [50, 99, 100]).tolist()
    per_s = best.per_s if best is not None else 0.0
    engine, window = vitals.get("monitor_state_bytes", 0), vitals.get("gateway_window_bytes", 0)
    return {
        "readings_per_s": round(per_s),
        "null_subscriber_per_s": round(null.per_s),
        "ratio": round(per_s / null.per_s, 3),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "max_ms": round(worst, 1),
        "state_bytes_per_device": round(engine / plan.devices, 1),
        "window_bytes_per_device": round(window / plan.devices, 1),
        "resident_bytes": {"broker": memory[0], "mingluo": memory[1]},
        "devices": plan.devices,
        "seconds": plan.seconds,
        "qos": plan.qos,
        "missing": sum(s.sent - s.evaluated for s in sustained),
        "refused": round(vitals.get("gateway_refused_messages", 0)),
        "null_subscriber": {"offered": null.offered, "read": null.read},
        "steps": [s.told() for s in steps],
        "latency": {"rate": plan.latency_rate, "markers": len(markers), "events": len(latencies), "late": late},
    }
