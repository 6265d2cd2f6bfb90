"""A `mingluo up` in a process of its own, as the benchmark sees it: its counters, its CPU, its memory."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # ships no types
from prometheus_client.parser import text_string_to_metric_families

from api.accounts import Accounts
from community.clock import HOUR
from community.database import open_database
from community.estate import Estate
from community.estate_store import EstateStore
from gateway.broker.child import end
from gateway.broker.connection import Endpoints
from mingluo import migrations
from mingluo.run_file import RunFile, read_run_file
from mingluo.system import wall_clock

READY_S = 60
STOP_S = 20
LOOK_S = 0.05


class BenchError(Exception):
    """The benchmark could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds used so far: by nats-server and by Mingluo itself."""

    broker: float
    mingluo: float

    def since(self, before: "Cpu") -> "Cpu":
        """What was used between two looks."""
        return Cpu(round(self.broker - before.broker, 2), round(self.mingluo - before.mingluo, 2))


class Node:
    """A running system."""

    def __init__(self, run: RunFile, client: httpx.AsyncClient) -> None:
        self._process = psutil.Process(run.pid)
        self._broker = next(c for c in self._process.children(recursive=True) if "nats-server" in c.name())
        self._client = client
        self.run = run

    @property
    def endpoints(self) -> Endpoints:
        """How to reach its broker."""
        return self.run.endpoints

    @property
    def client(self) -> httpx.AsyncClient:
        """Signed in."""
        return self._client

    async def vitals(self) -> dict[str, float]:
        """Counters and gauges by name, without `mingluo_`; labels summed up."""
        answer = await self._client.get("/metrics")
        answer.raise_for_status()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                name = sample.name.removeprefix("mingluo_").removesuffix("_total")
                found[name] = found.get(name, 0) + sample.value
        return found

    def cpu(self) -> Cpu:
        """CPU seconds used so far."""
        broker, own = self._broker.cpu_times(), self._process.cpu_times()
        return Cpu(broker.user + broker.system, own.user + own.system)

    def resident_bytes(self) -> tuple[int, int]:
        """Resident memory of nats-server and of Mingluo."""
        return int(self._broker.memory_info().rss), int(self._process.memory_info().rss)


@asynccontextmanager
async def running_node(data_dir: Path, estate: Estate, *, history: str = "duckdb") -> AsyncIterator[Node]:
    """Start `mingluo up` over a new data directory that knows `estate`; stop it when the block ends.

    `history`: the setting of that name.

    Raises:
        BenchError: it did not start.
    """
    password = await asyncio.to_thread(_prepare, data_dir, estate)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mingluo", "up", "--data-dir", str(data_dir)),
        *("--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"),
        env=os.environ | {"MINGLUO_HISTORY": history},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us, who then stop it in order
    )
    said: list[str] = []
    listening = asyncio.create_task(_listen(process, said))
    try:
        run = await _ready(data_dir, process, said)
        async with httpx.AsyncClient(base_url=run.http, timeout=30) as client:
            answer = await client.post("/api/v1/session", json={"name": "admin", "password": password})
            answer.raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            yield Node(run, client)
    finally:
        await end(process, STOP_S)
        await listening


def _prepare(data_dir: Path, estate: Estate) -> str:
    """A database with the estate and an account; its password."""
    database = open_database(f"sqlite:///{data_dir.absolute() / 'mingluo.db'}")
    migrations.upgrade(database)
    now = wall_clock()
    EstateStore(database).replace(estate, "bench", now)
    password = Accounts(database, idle_ms=HOUR).ensure_admin(now)
    database.dispose()
    assert password is not None, "a new database has no account"
    return password


async def _listen(process: asyncio.subprocess.Process, said: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        said.append(line.decode(errors="replace").rstrip())


async def _ready(data_dir: Path, process: asyncio.subprocess.Process, said: list[str]) -> RunFile:
    """Its addresses, once every part of it is well."""
    try:
        async with asyncio.timeout(READY_S), httpx.AsyncClient() as client:
            while process.returncode is None:
                run = read_run_file(data_dir)
                if run is not None:
                    with contextlib.suppress(httpx.HTTPError):
                        health = (await client.get(f"{run.http}/api/v1/health")).json()
                        if health["status"] == "ok" and "link" in [c["name"] for c in health["components"]]:
                            return run
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        pass
    raise BenchError("mingluo up did not start:\n" + "\n".join(said[-20:]))
