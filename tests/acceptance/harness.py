"""A real `mingluo up` in a process of its own, to be looked at from outside and killed."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no stubs

READY_S = 30
"""Patience for a start on a loaded machine; a normal one takes about 2 s."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


async def eventually(question: Callable[[], Any], *, within: float = 30, every: float = 0.05) -> Any:
    """Ask until the answer is true; the answer. A bounded look at another process, which cannot be awaited."""
    async with asyncio.timeout(within):
        while True:
            answer = question()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(every)


class Node:
    """One `mingluo up` with its data directory; may be started again and again.

    Attributes:
        mqtt_port, http_port: the same at every start.
        password: admin's, from the first start's output.
        died: fails when the present process ends without being told to.
    """

    def __init__(self, data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.environment = dict(environment or {})
        self.mqtt_port = free_port()
        self.http_port = free_port()
        self.password = ""
        self.arguments = arguments
        self.output: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, *, wait: bool = True) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mingluo", "up",
            "--data-dir", str(self.data_dir),
            "--http", f"127.0.0.1:{self.http_port}",
            "--mqtt", f"127.0.0.1:{self.mqtt_port}",
            *self.arguments,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200", **self.environment},
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        self._expected = False
        self.died = asyncio.create_task(self._watch(self._process))
        if wait:
            await eventually(self._healthy, within=READY_S)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        if not self._expected:
            raise AssertionError(f"mingluo ended by itself with {code}:\n" + "\n".join(self.output[-40:]))

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self.output.append(line)
            if found := re.search(r"password (\S+)", line):
                self.password = found[1]

    async def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, "\n".join(self.output[-40:])
        try:
            return bool((await self.health())["status"] == "ok")
        except httpx.HTTPError:
            return False

    async def health(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer: dict[str, Any] = (await client.get("/api/v1/health")).json()
            return answer

    async def reasons(self) -> dict[str, tuple[str, str]]:
        """State and reason of each component that is not ok, as somebody sees who is signed in."""
        async with self.client() as client:
            components = (await client.get("/api/v1/health")).json()["components"]
        return {c["name"]: (c["state"], c["detail"] or "") for c in components if c["state"] != "ok"}

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that is signed in as admin."""
        async with httpx.AsyncClient(base_url=self.url, timeout=10) as client:
            if not self._token:
                answer = await client.post("/api/v1/session", json={"name": "admin", "password": self.password})
                answer.raise_for_status()
                self._token = answer.json()["token"]
            client.headers["Authorization"] = f"Bearer {self._token}"
            yield client

    async def events(self) -> list[dict[str, Any]]:
        """Every alert event of the journal, in order."""
        found: list[dict[str, Any]] = []
        async with self.client() as client:
            while True:
                after = found[-1]["number"] if found else 0
                answer = await client.get("/api/v1/events", params={"after": after, "limit": 1000})
                answer.raise_for_status()
                page = answer.json()["events"]
                if not page:
                    return found
                found.extend(page)

    def broker_pid(self) -> int | None:
        """The nats-server of this node."""
        for child in psutil.Process(self.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # gone while we look
                if "nats-server" in child.name() and "-c" in child.cmdline():  # and not the look at its version
                    return int(child.pid)
        return None

    async def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer would."""
        assert self._process is not None
        self._expected = True
        os.kill(self.pid, signal.SIGKILL)
        await self._ended()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """End it in order; its exit code."""
        assert self._process is not None
        self._expected = True
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._ended()

    async def _ended(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        code = await self._process.wait()
        await self._reader
        return code


@asynccontextmanager
async def node(data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Node]:
    """A node that is ended when the block ends."""
    it = Node(data_dir, *arguments, environment=environment)
    try:
        yield it
    finally:
        if it._process is not None and it._process.returncode is None:
            await it.stop()
