"""A real nats-server on free ports, and connections to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client

from community.vitals import State, Vitals
from gateway.broker.connection import connect, disconnect
from gateway.broker.server import BrokerOptions, BrokerServer

PATIENCE_S = 20


class WatchedVitals(Vitals):
    """Vitals whose reports and counts can be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[tuple[str, State, str]] = []
        self._changed = asyncio.Event()

    def report(self, component: str, state: State, detail: str, now: int) -> None:
        super().report(component, state, detail, now)
        self.reports.append((component, state, detail))
        self._changed.set()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        super().count(name, amount, **labels)
        self._changed.set()

    async def until(self, question: Callable[[], bool]) -> None:
        """Wait for a report or count after which `question` is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not question():
                self._changed.clear()
                await self._changed.wait()


def clock() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def vitals() -> WatchedVitals:
    return WatchedVitals()


@pytest.fixture
def options(tmp_path: Path) -> BrokerOptions:
    return BrokerOptions(tmp_path, mqtt=("127.0.0.1", 0), client=("127.0.0.1", 0), store_max_bytes=2**30)


@pytest.fixture
async def broker(options: BrokerOptions, vitals: WatchedVitals) -> AsyncIterator[BrokerServer]:
    async with BrokerServer(options, vitals, clock) as server:
        yield server


@pytest.fixture
async def client(broker: BrokerServer, vitals: WatchedVitals) -> AsyncIterator[Client]:
    connection = await connect(broker.endpoints, "test", vitals)
    yield connection
    await disconnect(connection)
