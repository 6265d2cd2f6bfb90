"""A broker of a few lines under the test's control: it says what the test wants, and keeps what it was told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

CONNACK = b"\x20\x02\x00\x00"
CONNACK_SESSION = b"\x20\x02\x01\x00"


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
        await self.grant()

    async def grant(self, refused: Collection[str] = ()) -> list[str]:
        """Answer SUBSCRIBE, with a refusal of some; returns the filters."""
        body = (await self.next(8))[2:]
        filters = _filters(body[2:], 1)
        codes = bytes(0x80 if f in refused else 1 for f in filters)
        self.writer.write(bytes((0x90, 2 + len(codes))) + body[:2] + codes)
        return filters

    async def release(self) -> list[str]:
        """Answer UNSUBSCRIBE; returns the filters."""
        body = (await self.next(10))[2:]
        self.writer.write(b"\xb0\x02" + body[:2])
        return _filters(body[2:], 0)

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
        server.close()
        for _ in range(5):  # turns in which a connection that was taken just now gets its writer
            await asyncio.sleep(0)
        for writer in connections:
            writer.transport.abort()
        await server.wait_closed()


def _filters(body: bytes, extra: int) -> list[str]:
    """The filters of a SUBSCRIBE (each with a byte behind it) or UNSUBSCRIBE."""
    found = []
    while body:
        end = 2 + int.from_bytes(body[:2])
        found.append(body[2:end].decode())
        body = body[end + extra :]
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Give the loop turns until the condition holds; fail after 5 s."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is awaited is a counter's value, which has no event
            await asyncio.sleep(0.001)
