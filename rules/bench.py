"""How fast the engine is on this machine: for `mingluo bench engine` and for people who change kernels."""

from time import perf_counter, thread_time
from typing import Any

import numpy as np

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, partition_of
from community.frame import Frame, Tick
from rules.engine import Engine
from rules.rulebook import standard_rulebook

SIGNALS = ("voltage", "current", "active_power", "residual_current", "terminal_temperature", "breaker_closed")


def village(devices: int) -> Estate:
    """A village of single-phase protectors, one in each household."""
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=tuple(Household(id=f"h{n}", place="village") for n in range(devices)),
        device=tuple(
            Device(id=f"d{n}", household=f"h{n}", kind=DeviceKind.ELECTRICAL_PROTECTOR) for n in range(devices)
        ),
    )


def village_frames(devices: int, rows: int, count: int, *, interval: int = 10_000) -> list[Frame]:
    """`count` frames of `rows` quiet readings, the devices in turn, each once in `interval` ms."""
    random = np.random.default_rng(1)
    names = [f"d{n}" for n in range(devices)]
    frames = []
    for k in range(count):
        number = np.arange(k * rows, (k + 1) * rows)
        device = number % devices
        ts = 1_795_000_000_000 + number // devices * interval + device * interval // devices
        present = np.unique(device)
        values = np.column_stack(
            [
                230 + 2 * random.standard_normal(rows),
                random.uniform(0, 20, rows),
                random.uniform(0, 4_000, rows),
                random.uniform(0, 8, rows),
                35 + random.standard_normal(rows),
                np.ones(rows),
            ]
        )
        ids = [names[d] for d in present]
        frames.append(
            Frame.from_columns(ids, SIGNALS, np.searchsorted(present, device).astype(np.int32), ts, ts + 50, values)
        )
    return frames


def bench_engine(devices: int = 10_000, rows: int = 1_000, seconds: float = 2.0) -> dict[str, Any]:
    """Push quiet frames through one engine for about `seconds`.

    Returns:
        `readings_per_s`, `readings_per_cpu_s` (time in which others had the core does not count), `frame_us_p50`,
        `frame_us_p99`, `tick_us`, `state_bytes_per_device`, with the sizes used.
    """
    frames = village_frames(devices, rows, max(50, 20 * devices // rows))
    engine = Engine(standard_rulebook(), village(devices), partition_of("village"))
    for frame in frames[: len(frames) // 2]:
        engine.apply(frame)
    measured: list[float] = []
    busy = 0.0
    begin = perf_counter()
    while perf_counter() - begin < seconds:
        fresh = Engine.restore(engine.snapshot(), standard_rulebook(), village(devices), partition_of("village"))
        for frame in frames[len(frames) // 2 :]:
            start, cpu = perf_counter(), thread_time()
            fresh.apply(frame)
            busy += thread_time() - cpu
            measured.append(perf_counter() - start)
    now = int(frames[-1].received_at.max())
    engine.tick(Tick(now))
    start = perf_counter()
    for k in range(20):
        engine.tick(Tick(now + k))
    tick = (perf_counter() - start) / 20
    p50, p99 = np.percentile(np.array(measured) * 1e6, [50, 99]).tolist()
    return {
        "devices": devices,
        "rows": rows,
        "readings_per_s": round(rows * len(measured) / sum(measured)),
        "readings_per_cpu_s": round(rows * len(measured) / busy),
        "frame_us_p50": round(p50, 1),
        "frame_us_p99": round(p99, 1),
        "tick_us": round(tick * 1e6, 1),
        "state_bytes_per_device": round(engine.state_bytes_per_device, 1),
    }
