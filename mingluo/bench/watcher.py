"""A viewer of the live feed that notes when each event arrives."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from mingluo.bench.node import Node
from simulators.load import Marker


class _Event(msgspec.Struct):
    device: str
    ts: int


class _Data(msgspec.Struct):
    event: _Event


_decode = msgspec.json.Decoder(_Data).decode


class Watcher:
    """Arrivals by (device, event time): UTC ms at which the first event of that reading was there."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[str, int], float] = {}
        self.ready = asyncio.Event()

    async def run(self, node: Node) -> None:
        """Watch for ever."""
        async with node.client.stream("GET", "/api/v1/alerts/stream", timeout=None) as answer:
            answer.raise_for_status()
            kind = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                    if kind == "hello":
                        self.ready.set()
                elif line.startswith("data: ") and kind == "alert":
                    now = time.time_ns() / 1e6
                    event = _decode(line[6:]).event
                    self.arrived.setdefault((event.device, event.ts), now)

    def latencies(self, markers: Sequence[Marker]) -> list[float]:
        """ms from the write of each marker to the arrival of its event, where one has arrived."""
        return [self.arrived[m.marker, m.ts] - m.written_at for m in markers if (m.marker, m.ts) in self.arrived]


@asynccontextmanager
async def watching(node: Node) -> AsyncIterator[Watcher]:
    """A viewer who watches while the block lasts, from the beginning of the block on."""
    watcher = Watcher()
    task = asyncio.create_task(watcher.run(node))
    ready = asyncio.create_task(watcher.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()  # raises why it could not watch
        yield watcher
    finally:
        for each in (task, ready):
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
