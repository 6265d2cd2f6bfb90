"""One connection to the broker: reads in wake-ups, answers the handshake, notices its own death."""

import asyncio
from collections.abc import Callable

from gateway.link import packets
from gateway.link.options import LinkOptions
from gateway.link.packets import Control, Kind, MalformedPacketError, Message, Splitter

_REFUSED = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refused our client id",
    3: "the broker is not available",
    4: "bad user name or password",
    5: "not authorized",
}


class LinkError(Exception):
    """The connection could not be made or did not last; the message says why."""


Receive = Callable[["Connection", list[Message], int], bool]


class Connection(asyncio.Protocol):
    """A connection from TCP connect to its loss.

    After a small arrival reading is paused for `wake_s`: the kernel and the broker gather messages meanwhile, and what
    follows is paid for once for many of them (7 µs a message in hundreds, 145 µs alone; docs/decisions/0002).
    """

    def __init__(self, options: LinkOptions, clock: Callable[[], int], receive: Receive) -> None:
        """`receive(connection, messages, bytes)` takes what came and says whether there is room for more."""
        self._options = options
        self._clock = clock
        self._receive = receive
        self._splitter = Splitter(options.max_packet)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        self._heard = True
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._connack: asyncio.Future[bytes] = self._loop.create_future()
        self._suback: asyncio.Future[bytes] = self._loop.create_future()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport), "a stream connection"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came in this wake-up."""
        self._heard = True
        try:
            messages, controls = self._splitter.feed(data, self._clock())
        except MalformedPacketError as error:
            self.close(f"malformed packet: {error}")
            return
        for control in controls:
            self._answer(control)
        room = self._receive(self, messages, len(data))
        # A broker may send a whole window of stored messages ahead of its SUBACK; stopping before that answer would
        # be a handshake that never ends.
        self._full = not room and self._suback.done()
        if self._transport is None or self._transport.is_closing():
            return
        # A large arrival is a good batch already; resting after it would only cap the rate at one socket buffer a rest.
        if self._full or (messages and len(data) < self._options.rest_below):
            self._transport.pause_reading()
            if self._timer is None:
                self._timer = self._loop.call_later(self._options.wake_s, self._wake)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the link."""
        self._transport = None
        self._end(str(exc) if exc is not None else "the broker closed the connection")

    # -- for the link

    async def handshake(self) -> bool:
        """CONNECT and SUBSCRIBE.

        Returns:
            Whether the broker still had our session, with what came while we were away.

        Raises:
            LinkError: if the broker refuses, or closes.
            TimeoutError: if it does not answer.
        """
        s = self._options
        self.write(packets.connect(s.client_id, s.keep_alive_s, s.username, s.password))
        present, code = await self._wait(self._connack)
        if code:
            raise LinkError(f"CONNECT refused: {_REFUSED.get(code, f'return code {code}')}")
        self.write(packets.subscribe(1, s.topic_filter, 1))
        if (await self._wait(self._suback))[2] not in (0, 1):
            raise LinkError(f"the broker refused the subscription to {s.topic_filter}")
        return bool(present & 1)

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

    def _answer(self, control: Control) -> None:
        waiting = {Kind.CONNACK: self._connack, Kind.SUBACK: self._suback}.get(control.kind)
        if waiting is not None and not waiting.done():
            waiting.set_result(control.body)

    async def _wait(self, answer: asyncio.Future[bytes]) -> bytes:
        async with asyncio.timeout(self._options.timeout_s):
            await asyncio.wait((answer, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise LinkError(self.lost.result())
        return answer.result()
