"""A centre of GB/T 26875.3 that listens, and units that connect to it, for the tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from community.clock import SECOND
from community.refusal import Reason
from gateway.gb26875.frame import Frame, Splitter
from gateway.gb26875.server import Gb26875Options, Gb26875Server
from gateway.inlet import Taken
from tests.gateway.conftest import WatchedVitals
from tests.gateway.gb26875.frames import NOW, TRANSMITTER

UNKNOWN = Taken(0, ((Reason.UNKNOWN_DEVICE, "no such device"),))
TOPIC = f"gb26875/{TRANSMITTER}"


@dataclass
class Pipe:
    """Stands for the inlet."""

    put_in: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[str, Taken] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def put(self, topic: str, payload: bytes) -> Taken:
        """As `Inlet.put`."""
        self.put_in.append((topic, payload))
        self.changed.set()
        await self.open.wait()
        return self.answers.get(topic, Taken(1))


class Unit:
    """A transmission unit: what it sends, and the frames it gets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = Splitter()
        self._frames: list[Frame] = []

    async def send(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def next(self) -> Frame:
        """The next frame that comes."""
        async with asyncio.timeout(10):
            while not self._frames:
                data = await self._reader.read(4_096)
                assert data, "the server closed the connection"
                self._frames += self._splitter.feed(data)
        return self._frames.pop(0)

    async def answers(self, count: int) -> list[tuple[int, int]]:
        """Serial number and command of the next frames."""
        frames = [await self.next() for _ in range(count)]
        return [(f.serial, f.command) for f in frames]

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        async with asyncio.timeout(10):
            try:
                while await self._reader.read(4_096):
                    pass
            except ConnectionError:
                pass

    def leave(self) -> None:
        """Break the connection."""
        self._writer.transport.abort()


class Centre:
    """A server, a pipe behind it, a clock that goes when it is told to, and units."""

    def __init__(self, options: Gb26875Options) -> None:
        self.now = NOW
        self.pipe = Pipe()
        self.vitals = WatchedVitals()
        self.pauses: list[float] = []
        self.server = Gb26875Server(self.pipe.put, lambda: self.now, self.vitals, options, sleep=self._sleep)
        self._units: list[Unit] = []

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += round(seconds * SECOND)

    async def unit(self) -> Unit:
        """A new connection."""
        one = Unit(*await asyncio.open_connection("127.0.0.1", self.server.port))
        self._units.append(one)
        return one

    async def until_put(self, count: int) -> None:
        """Wait until so many messages have come to the inlet."""
        async with asyncio.timeout(10):
            while len(self.pipe.put_in) < count:
                self.pipe.changed.clear()
                await self.pipe.changed.wait()

    def leave(self) -> None:
        """Break all connections."""
        for one in self._units:
            one.leave()


@asynccontextmanager
async def centre(options: Gb26875Options | None = None) -> AsyncIterator[Centre]:
    """A running one."""
    it = Centre(options or Gb26875Options())
    async with it.server:
        yield it
        it.leave()
