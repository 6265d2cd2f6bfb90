"""One simulated device on the wire: its own MQTT connection, credentials, last will, and memory for a cut line."""

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import aiomqtt
import msgspec

from community.estate import Device
from community.vitals import Vitals

RING = 500
"""Messages that a device keeps while the line is cut; the oldest go first, counted as `simulator_forgotten`."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
_TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """A message on its way: last level of the topic, payload, quality of service."""

    level: str
    payload: bytes
    qos: int


@dataclass(frozen=True, slots=True)
class Line:
    """Where the broker is, and whether to speak TLS to it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class SimulatedDevice:
    """Connects, says that it is there, sends what is offered, and tries again for ever.

    Args:
        topic: its own topic without the last level.
        on_command: called with the payload of a command; the answer is published on `command/reply`.
        random: for the jitter of reconnects, lest a whole village return in the same second.
    """

    def __init__(
        self,
        device: Device,
        topic: str,
        line: Line,
        vitals: Vitals,
        on_command: Callable[[bytes], bytes],
        random: Random,
    ) -> None:
        self.device = device
        self.connected = asyncio.Event()
        self._topic = topic
        self._line = line
        self._vitals = vitals
        self._on_command = on_command
        self._random = random
        self._ring: deque[Outgoing] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._whole = asyncio.Event()
        self._whole.set()
        self._client: aiomqtt.Client | None = None

    def offer(self, message: Outgoing) -> None:
        """Keep a message until it is sent; in order, late if need be."""
        if len(self._ring) == RING:
            self._ring.popleft()
            self._vitals.count("simulator_forgotten")
        self._ring.append(message)
        self._empty.clear()
        self._wake.set()

    async def drained(self, stop: asyncio.Event) -> None:
        """Wait until everything offered has been sent, or until `stop`."""
        await _either(self._empty, stop)

    @property
    def unsent(self) -> int:
        """Messages in the ring."""
        return len(self._ring)

    def set_line(self, whole: bool) -> None:
        """Cut the line to the broker, as a torn cable does (the broker then sends the last will), or mend it."""
        if whole:
            self._whole.set()
        elif self._whole.is_set():
            self._whole.clear()
            # aiomqtt always says goodbye, which would withhold the last will; so the socket is taken from below it.
            wire = self._client._client.socket() if self._client is not None else None
            if isinstance(wire, socket.socket):
                wire.shutdown(socket.SHUT_RDWR)

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop`."""
        pause = FIRST_PAUSE_S
        while not stop.is_set():
            await _either(self._whole, stop)
            try:
                await self._session(stop)
                pause = FIRST_PAUSE_S
            except aiomqtt.MqttError as error:
                if self.connected.is_set():
                    pause = FIRST_PAUSE_S
                self._vitals.count("simulator_disconnects")
                log.debug("%s: %s", self.device.id, error)
            finally:
                self.connected.clear()
                self._client = None
            if self._whole.is_set() and not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause * self._random.uniform(0.5, 1.5))
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _session(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            return
        will = aiomqtt.Will(f"{self._topic}/status", _status("offline"), qos=1, retain=True)
        client = aiomqtt.Client(
            self._line.host,
            self._line.port,
            identifier=self.device.id,
            username=self.device.id if self.device.secret else None,
            password=self.device.secret,
            protocol=aiomqtt.ProtocolVersion.V311,
            will=will,
            keepalive=30,
            timeout=_TIMEOUT_S,
            tls_context=self._line.tls,
        )
        async with client:
            self._client = client
            await client.publish(f"{self._topic}/status", _status("online"), qos=1, retain=True)
            await client.subscribe([(f"{self._topic}/command", 1), (f"{self._topic}/error", 0)])
            self.connected.set()
            self._vitals.count("simulator_connects")
            self._wake.set()  # what was kept while the line was cut
            jobs: list[asyncio.Task[object]] = [
                asyncio.create_task(self._send(client)),
                asyncio.create_task(self._listen(client)),
                asyncio.create_task(stop.wait()),
            ]
            try:
                done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._client = None
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
            if stop.is_set():
                await client.publish(f"{self._topic}/status", _status("offline"), qos=1, retain=True)
            else:
                for job in done:
                    job.result()

    async def _send(self, client: aiomqtt.Client) -> None:
        # Cancelled in the instant in which an acknowledgement arrives, Python 3.11's `wait_for` inside aiomqtt loses
        # the cancellation; therefore the end of the session is also asked for here.
        while self._client is client:
            await self._wake.wait()
            self._wake.clear()
            while self._ring and self._client is client:
                message = self._ring[0]
                await client.publish(f"{self._topic}/{message.level}", message.payload, qos=message.qos)
                self._vitals.count("simulator_sent", level=message.level)
                if self._ring and self._ring[0] is message:  # a full ring may have lost it meanwhile
                    self._ring.popleft()
            if not self._ring:
                self._empty.set()

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if message.topic.value.endswith("/error"):
                self._vitals.count("simulator_errors")
                log.warning("%s was refused: %s", self.device.id, payload[:300].decode(errors="replace"))
            else:
                self.offer(Outgoing("command/reply", self._on_command(payload), 1))


def _status(word: str) -> bytes:
    return msgspec.json.encode({"status": word})


async def _either(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waits = [asyncio.create_task(e.wait()) for e in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
