"""Real MQTT clients behind one interface: a process each, that is told what to do and says what it heard.

`publish` sends messages and ends; `listen` subscribes at QoS 1, says when it is ready, and ends after so many messages;
`live` connects with a last will, publishes, and then stays until it is killed.
"""

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

HERE = Path(__file__).parent
PATIENCE_S = 20
MQTTJS = "mqtt@5.16.0"


@dataclass(frozen=True, kw_only=True)
class Account:
    """How a device reaches a broker."""

    port: int
    user: str
    password: str
    tls: dict[str, str] | None = None
    host: str = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message to publish; with `size`, that many bytes of x."""

    topic: str
    payload: str = ""
    qos: int = 1
    retain: bool = False
    size: int | None = None

    def order(self) -> dict[str, Any]:
        text = {"payload": self.payload} if self.size is None else {"size": self.size}
        return {"topic": self.topic, "qos": self.qos, "retain": self.retain, **text}


@dataclass
class Running:
    """A client at work."""

    process: asyncio.subprocess.Process
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def line(self) -> bytes:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self.process.stdout.readline()).rstrip()

    async def until(self, word: bytes) -> None:
        """Read until this line; what was heard before it is kept."""
        while (line := await self.line()) != word:
            assert line, (await self.complaint(), word)
            if line.startswith(b"{"):
                self.heard.append(json.loads(line))

    async def end(self) -> int:
        """Wait for the end."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def complaint(self) -> str:
        """What it said on stderr, once it has ended."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


class Client(Protocol):
    """One client library or tool."""

    name: str

    def publishing(self, account: Account, messages: Sequence[Sent]) -> list[list[str]]:
        """Commands that publish, one after the other."""
        ...

    def listening(self, account: Account, topics: Sequence[str], count: int, session: bool) -> list[str]:
        """Command that listens for so many messages; prints `ready`, then a JSON object each, then `done`."""
        ...

    def living(self, account: Account, birth: Sent, will: Sent) -> list[str]:
        """Command that publishes `birth` (also read from stdin) and stays; the broker is to publish `will`."""
        ...


class Scripted:
    """A client that one of the scripts beside this file drives."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = [*command]

    def _order(self, account: Account, do: str, **more: Any) -> list[str]:
        login = {"host": account.host, "port": account.port, "user": account.user, "password": account.password}
        tls = {} if account.tls is None else {"tls": account.tls}
        return [*self._command, json.dumps({"do": do, "id": account.user, **login, **tls, **more})]

    def publishing(self, account: Account, messages: Sequence[Sent]) -> list[list[str]]:
        return [self._order(account, "publish", messages=[m.order() for m in messages])]

    def listening(self, account: Account, topics: Sequence[str], count: int, session: bool) -> list[str]:
        return self._order(account, "listen", topics=[*topics], count=count, session=session)

    def living(self, account: Account, birth: Sent, will: Sent) -> list[str]:
        return self._order(account, "live", messages=[birth.order()], will=will.order())


class Mosquitto:
    """`mosquitto_pub` and `mosquitto_sub`."""

    name = "mosquitto"

    def __init__(self, directory: Path) -> None:
        """`directory` takes payloads that are too long for a command line."""
        self._directory = directory

    def _file_of(self, size: int) -> Path:
        path = self._directory / f"{size}.txt"
        path.write_bytes(b"x" * size)
        return path

    def _login(self, account: Account) -> list[str]:
        told = [
            "-h",
            account.host,
            "-p",
            str(account.port),
            "-i",
            account.user,
            "-u",
            account.user,
            "-P",
            account.password,
        ]
        tls = account.tls or {}
        named = (("ca", "--cafile"), ("certificate", "--cert"), ("key", "--key"))
        return [*told, *(word for key, option in named if key in tls for word in (option, tls[key]))]

    def publishing(self, account: Account, messages: Sequence[Sent]) -> list[list[str]]:
        return [
            ["mosquitto_pub", *self._login(account), "-t", m.topic, "-q", str(m.qos), *(["-r"] if m.retain else [])]
            + (["-m", m.payload] if m.size is None else ["-f", str(self._file_of(m.size))])
            for m in messages
        ]

    def listening(self, account: Account, topics: Sequence[str], count: int, session: bool) -> list[str]:
        told = ["mosquitto_sub", *self._login(account), "-q", "1", "-C", str(count), *(["-c"] if session else [])]
        told += [word for topic in topics for word in ("-t", topic)]
        # Of its debugging lines one says that it is subscribed; payloads as hex digits keep lines apart.
        return ["sh", "-c", f'stdbuf -oL "$@" -d -F "heard %r %t %x" 2>&1 | {_READER}', "sh", *told]

    def living(self, account: Account, birth: Sent, will: Sent) -> list[str]:
        last = ["--will-topic", will.topic, "--will-payload", will.payload, "--will-qos", "1"]
        return ["mosquitto_pub", *self._login(account), "-t", birth.topic, "-q", str(birth.qos), "-l", *last]


_READER = f"exec {sys.executable} {HERE / 'read_mosquitto.py'}"


@asynccontextmanager
async def started(command: Sequence[str], *, told: bytes = b"") -> AsyncIterator[Running]:
    """The process while the block lasts; killed then, with all it has started."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        assert process.stdin is not None
        if told:  # else it may have ended already, and nobody reads
            process.stdin.write(told)
            await process.stdin.drain()
        yield Running(process)
    finally:
        kill(process)
        await process.wait()


def kill(process: asyncio.subprocess.Process) -> None:
    """End the process as a power cut would."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)


async def publish(client: Client, account: Account, *messages: Sent) -> int:
    """Publish; the exit code, 0 if all went well."""
    for command in client.publishing(account, messages):
        async with started(command) as running:
            if code := await running.end():
                return code
    return 0


def needs(program: str, package: str) -> str:
    """The path of a program; skips with the Debian package's name where it is absent."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs the Debian package {package}")
    return path
