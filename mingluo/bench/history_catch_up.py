"""How fast a history catches up: a log full of readings, and a historian that begins at its beginning."""

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np

from community.clock import SECOND
from community.frame import Frame
from community.vitals import Vitals
from gateway.broker.config import BrokerOptions
from gateway.broker.connection import connect, disconnect
from gateway.broker.server import BrokerServer
from gateway.history.duck.store import DuckStore
from gateway.history.store import Retention
from gateway.log import Entry, LogLimits, ReadingsLog
from mingluo.bench.node import BenchError
from mingluo.roles.historian import Historian
from mingluo.system import wall_clock

SIGNALS = ("voltage", "current", "active_power", "residual_current", "terminal_temperature", "ambient_temperature")
ROWS = 2_000
"""Readings of a frame, as a gateway makes them at some ten thousand a second."""
PATIENCE_S = 300.0


async def bench_catch_up(directory: Path, frames: int, devices: int = 10_000) -> dict[str, Any]:
    """Fill a log, then let a historian of a new store read it; figures for the report.

    Raises:
        BenchError: it did not come to the end.
    """
    await asyncio.to_thread(directory.mkdir)
    vitals = Vitals()
    broker = BrokerServer(BrokerOptions(directory, client=("127.0.0.1", 0)), vitals, wall_clock)
    endpoints = await broker.start()
    store = DuckStore(directory / "history", Retention(), vitals)
    try:
        client = await connect(endpoints, "bench", vitals)
        try:
            log = ReadingsLog(client, LogLimits(), vitals, wall_clock)
            await log.open()
            for begin in range(0, frames, 50):
                await log.append_many(
                    [Entry(_frame(k, devices), k % 16) for k in range(begin, min(frames, begin + 50))]
                )
            last = await log.last_position()
            historian = Historian(log, store, vitals, wall_clock, list)
            started = time.perf_counter()
            running = asyncio.create_task(historian.run())
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while historian.position < last and not running.done():  # noqa: ASYNC110  # it tells nobody
                        await asyncio.sleep(0.01)
            except TimeoutError:
                raise BenchError(f"the historian is at {historian.position} of {last}") from None
            took = time.perf_counter() - started
            running.cancel()
            await asyncio.wait({running})
        finally:
            await disconnect(client)
    finally:
        store.close()
        await broker.stop()
    values = vitals.counter("historian_values")
    return {"catch_up_values": round(values), "catch_up_values_per_s": round(values / took)}


def _frame(number: int, devices: int) -> Frame:
    """Frame `number`: the next devices in turn, a reading every ten seconds of each."""
    rows = np.arange(ROWS) + number * ROWS
    ts = 1_795_000_000_000 + rows // devices * 10 * SECOND + rows % 997
    random = np.random.default_rng(number)
    values = np.round(random.random((ROWS, len(SIGNALS))) * 100, 2)
    names = [f"d{d:06}" for d in (rows % devices).tolist()]
    return Frame.from_columns(names, SIGNALS, np.arange(ROWS, dtype=np.int32), ts, ts + 300, values)
