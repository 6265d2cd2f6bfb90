"""A broker of a few lines under the test's control: it says what the test wants, and keeps what it was told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

CONNACK = b"\x20\x02\x00\x00"
CONNACK_SESSION = b"\x20\x02\x01\x00"
SUBACK = b"\x90\x03\x00\x01\x01"


class Caller:
    """One accepted connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def packet(self) -> bytes:
        """The next packet, whole (of less than 128 bytes)."""
        async with asyncio.timeout(5):
            head = await self._reader.readexactly(2)
            return head + await self._reader.readexactly(head[1])

    async def next(self, kind: int) -> bytes:
        """The next packet of this type; others (pings) are passed over."""
        while True:
            packet = await self.packet()
            if packet[0] >> 4 == kind:
                return packet

    async def accept(self, connack: bytes = CONNACK) -> None:
        """Answer CONNECT and SUBSCRIBE."""
        await self.next(1)
        self.writer.write(connack)
        await self.next(8)
        self.writer.write(SUBACK)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def ended(self) -> bytes:
        """Read until the link closes; what came meanwhile."""
        async with asyncio.timeout(5):
            return await self._reader.read()

    def drop(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()


class FakeBroker:
    """Listens on `port`; `caller()` gives the next connection."""

    def __init__(self) -> None:
        self.port = 0
        self._callers: asyncio.Queue[Caller] = asyncio.Queue()

    async def caller(self) -> Caller:
        """The next connection that comes in."""
        async with asyncio.timeout(5):
            return await self._callers.get()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.put_nowait(Caller(reader, writer))


@asynccontextmanager
async def fake_broker() -> AsyncIterator[FakeBroker]:
    """A broker on a free port of localhost."""
    broker = FakeBroker()
    connections: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await broker._accept(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        for writer in connections:
            writer.transport.abort()
        server.close()
        await server.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    """Give the loop turns until the condition holds; fail after 5 s."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is awaited is a counter's value, which has no event
            await asyncio.sleep(0.001)
