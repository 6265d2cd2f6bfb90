"""What a subscriber that does nothing reads: the ceiling that broker, load and machine leave to any gateway."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from community.vitals import Vitals
from gateway.link.link import Link
from gateway.link.options import LinkOptions
from mingluo.bench.load import Order, send_load
from mingluo.bench.node import BenchError, Node
from mingluo.system import wall_clock

PREFIX = "$null/"
"""Begins with a dollar sign, so that the gateway, which listens to all other topics, does not hear it."""
QUIET_S = 1.0
"""After so long without a message, nothing more is coming."""
CONNECT_S = 30


@dataclass(frozen=True, slots=True)
class NullRun:
    """What was read: messages a second, from the first one due to the last one read, and at what CPU cost."""

    offered: int
    read: int
    per_s: float
    broker_cpu_s: float
    load_cpu_s: float


async def null_subscriber(node: Node, estate: Path, order: Order) -> NullRun:
    """Read a load over the gateway's own link, without decoding, acknowledging at once; the gateway does not listen.

    Raises:
        BenchError: no connection could be made, or the load generator failed.
    """
    assert node.endpoints.mqtt is not None, "the benchmark's system has the embedded broker"
    host, port = node.endpoints.mqtt
    vitals = Vitals()
    options = LinkOptions(
        host=host,
        port=port,
        client_id="null-subscriber",
        topic_filters=(f"{PREFIX}#",),
        username=node.endpoints.mqtt_user,
        password=node.endpoints.password,
    )
    reader = Null(Link(options, wall_clock, vitals))
    tasks = [asyncio.create_task(reader.link.run()), asyncio.create_task(reader.run())]
    try:
        deadline = time.monotonic() + CONNECT_S
        while reader.link.connected_since is None:
            if time.monotonic() > deadline:
                raise BenchError("the null subscriber was not let in")
            await asyncio.sleep(0.01)
        before = node.cpu()
        totals, _ = await send_load(node.run, estate, order)
        # Nothing tells that no more is coming, so there is no event to wait for.
        while reader.read < totals.sent and time.time() - reader.last < QUIET_S:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        cpu = node.cpu().since(before)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    seconds = reader.last - totals.began_at / 1000
    return NullRun(totals.sent, reader.read, round(reader.read / seconds), cpu.broker, totals.cpu_s)


class Null:
    """A subscriber that acknowledges and does nothing else."""

    def __init__(self, link: Link) -> None:
        """Read over `link`, which somebody else runs."""
        self.link = link
        self.read = 0
        self.last = time.time()

    async def run(self) -> None:
        """Read for ever."""
        async for batch in self.link.batches():
            self.read += batch.count
            self.last = time.time()
            self.link.acknowledge(batch)
