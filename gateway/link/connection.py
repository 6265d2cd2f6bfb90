"""One connection to the broker: reads in wake-ups, answers the handshake, notices its own death."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.columnar.packets import Packets
from gateway.columnar.split import Splitter
from gateway.link import packets
from gateway.link.options import LinkOptions
from gateway.link.packets import Control, Kind, MalformedPacketError

_REFUSED = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refused our client id",
    3: "the broker is not available",
    4: "bad user name or password",
    5: "not authorized",
}


class LinkError(Exception):
    """The connection could not be made or did not last; the message says why."""


class RefusedError(LinkError):
    """The broker does not grant a subscription; the message names each that it refused."""


Receive = Callable[["Connection", list[Packets], int], bool]


class Connection(asyncio.Protocol):
    """A connection from TCP connect to its loss.

    After a small arrival reading is paused for `wake_s`: the kernel and the broker gather messages meanwhile, and what
    follows is paid for once for many of them (7 µs a message in hundreds, 145 µs alone; docs/decisions/0002).
    """

    def __init__(self, options: LinkOptions, clock: Callable[[], int], receive: Receive) -> None:
        """`receive(connection, packets, bytes)` takes what came and says whether there is room for more."""
        self._options = options
        self._clock = clock
        self._receive = receive
        self._splitter = Splitter(options.max_packet)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        self._heard = True
        self._subscribed = False
        self._last_id = 0
        self._answers: dict[tuple[Kind, bytes], asyncio.Future[bytes]] = {}
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.filters: set[str] = set()
        """What is subscribed to over this connection."""

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport), "a stream connection"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came in this wake-up."""
        self._heard = True
        try:
            found, controls = self._splitter.feed(data, self._clock())
        except MalformedPacketError as error:
            self.close(f"malformed packet: {error}")
            return
        for control in controls:
            self._answer(control)
        room = self._receive(self, found, len(data))
        # A broker may send a whole window of stored messages ahead of its first SUBACK; stopping before that answer
        # would be a handshake that never ends.
        self._full = not room and self._subscribed
        if self._transport is None or self._transport.is_closing():
            return
        # A large arrival is a good batch already; resting after it would only cap the rate at one socket buffer a rest.
        if self._full or (found and len(data) < self._options.rest_below):
            self._transport.pause_reading()
            if self._timer is None:
                self._timer = self._loop.call_later(self._options.wake_s, self._wake)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the link."""
        self._transport = None
        self._end(str(exc) if exc is not None else "the broker closed the connection")

    # -- for the link

    async def connect(self) -> bool:
        """CONNECT.

        Returns:
            Whether the broker still had our session, with what came while we were away.

        Raises:
            LinkError: if the broker refuses, or closes.
            TimeoutError: if it does not answer.
        """
        s = self._options
        request = packets.connect(s.client_id, s.keep_alive_s, s.username, s.password)
        present, code = await self._ask(request, Kind.CONNACK, b"")
        if code:
            raise LinkError(f"CONNECT refused: {_REFUSED.get(code, f'return code {code}')}")
        return bool(present & 1)

    async def subscribe(self, topic_filters: Sequence[str]) -> tuple[str, ...]:
        """SUBSCRIBE to these filters, at QoS 1; `filters` then has those that were granted.

        Returns:
            Those that the broker refused.

        Raises:
            LinkError: if it closes.
            TimeoutError: if it does not answer.
        """
        number = self._next_id()
        answer = await self._ask(packets.subscribe(number, topic_filters, 1), Kind.SUBACK, number.to_bytes(2))
        # A filter without an answer is not granted.
        codes = answer[2:].ljust(len(topic_filters), b"\x80")
        self.filters.update(f for f, code in zip(topic_filters, codes, strict=False) if code in (0, 1))
        return tuple(f for f in topic_filters if f not in self.filters)

    async def unsubscribe(self, topic_filters: Sequence[str]) -> None:
        """UNSUBSCRIBE from these filters.

        Raises:
            LinkError: if the broker closes.
            TimeoutError: if it does not answer.
        """
        number = self._next_id()
        await self._ask(packets.unsubscribe(number, topic_filters), Kind.UNSUBACK, number.to_bytes(2))
        self.filters.difference_update(topic_filters)

    async def keep_alive(self) -> None:
        """Ping while idle; returns when the broker has been silent for too long.

        While reading is paused for want of room, silence is our own doing and proves nothing.
        """
        while True:
            self._heard = False
            self.write(packets.PINGREQ)
            await asyncio.sleep(self._options.keep_alive_s)
            if not self._heard and not self._full:
                self.close(f"nothing heard for {self._options.keep_alive_s} s")
                return

    def resume(self) -> None:
        """There is room again."""
        if self._full:
            self._full = False
            if self._timer is None:
                self._wake()

    @property
    def unwritten(self) -> int:
        """Bytes that wait to be sent."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, data: bytes) -> None:
        """Send; on a dead connection nothing happens (the link learns of it through `lost`)."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self, reason: str, *, politely: bool = False) -> None:
        """End the connection; `lost` tells the reason."""
        if politely:
            self.write(packets.DISCONNECT)
        self._end(reason)
        if self._transport is not None:
            if politely:
                self._transport.close()
            else:
                self._transport.abort()

    def _end(self, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.lost.done():
            self.lost.set_result(reason)

    def _wake(self) -> None:
        self._timer = None
        if not self._full and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _next_id(self) -> int:
        self._last_id = self._last_id % 65_535 + 1
        return self._last_id

    def _answer(self, control: Control) -> None:
        # Here and not where it is awaited: the rest of this arrival is judged by it.
        self._subscribed |= control.kind is Kind.SUBACK
        identifier = b"" if control.kind is Kind.CONNACK else control.body[:2]
        waiting = self._answers.get((control.kind, identifier))
        if waiting is not None and not waiting.done():
            waiting.set_result(control.body)

    async def _ask(self, request: bytes, kind: Kind, identifier: bytes) -> bytes:
        """Send, and wait for the answer of this kind with this packet identifier; returns its body."""
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._answers[kind, identifier] = answer
        self.write(request)
        try:
            while True:
                timeout = self._options.timeout_s
                await asyncio.wait((answer, self.lost), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if answer.done():
                    return answer.result()
                if self.lost.done():
                    raise LinkError(self.lost.result())
                # While reading is paused for want of room, silence is our own doing and proves nothing.
                if not self._full:
                    raise TimeoutError(f"no {kind.name} within {timeout:g} s")
        finally:
            del self._answers[kind, identifier]
