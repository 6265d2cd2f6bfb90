"""Our presence as a Sparkplug host application: the retained STATE that edge nodes wait for (Sparkplug 3.0, 5.8)."""

import asyncio
import json
import random
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex

import aiomqtt

from community.clock import LATEST
from community.vitals import State, Vitals
from gateway.sparkplug.session import NAMESPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """Where the broker is, and who we are.

    Attributes:
        host_id: our name, as edge nodes are told it: the last level of `spBv1.0/STATE/<host_id>`.
        tls: context for TLS; None for plain TCP.
        keep_alive_s: silence after which the broker takes us for dead and publishes our last will, s.
        timeout_s: for connecting and for each answer, s.
        back_off_s, max_back_off_s: first and longest delay before connecting again, s; jitter is taken off.
    """

    host: str
    port: int = 1883
    host_id: str = "mingluo"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    keep_alive_s: int = 30
    timeout_s: float = 10.0
    back_off_s: float = 0.2
    max_back_off_s: float = 30.0


class _Outdated(Exception):
    """The broker has a STATE of ours that is later than this connection's: nodes would not believe our own."""


class HostApplication:
    """Keeps `online` published while it runs, by a connection of its own; readings come over the link.

    Component: `sparkplug`. Counters: `sparkplug_births` (STATE online published), `sparkplug_reconnects`. Holds nothing
    but the connection: its only subscription is its own STATE topic, of which at most 100 messages wait.
    """

    def __init__(
        self,
        options: HostOptions,
        clock: Callable[[], int],
        vitals: Vitals,
        *,
        before_birth: Callable[[], Awaitable[object]] | None = None,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up a host application.

        Args:
            options: where the broker is.
            clock: UTC ms.
            vitals: where it counts and reports.
            before_birth: awaited before we say that we are online: until the link is subscribed to the nodes'
                topics, since they begin to send at our word.
            jitter: gives a number in 0..1.
            sleep: waits, s.
        """
        self._options = options
        self._clock = clock
        self._vitals = vitals
        self._before_birth = before_birth
        self._jitter = jitter
        self._sleep = sleep
        self._topic = f"{NAMESPACE}/STATE/{options.host_id}"
        self._latest = 0

    async def run(self) -> None:
        """Stay online for ever; cancel to say goodbye."""
        delay = self._options.back_off_s
        if self._before_birth is not None:
            await self._before_birth()
        while True:
            births, disputed = self._vitals.counter("sparkplug_births"), False
            try:
                reason = await self._stay_online()
            except (aiomqtt.MqttError, OSError) as error:
                reason = str(error) or type(error).__name__
            except _Outdated as outdated:
                reason, disputed = str(outdated), True
            self._vitals.report("sparkplug", State.DOWN, reason, self._clock())
            self._vitals.count("sparkplug_reconnects")
            if not disputed and self._vitals.counter("sparkplug_births") > births:
                delay = self._options.back_off_s
            await self._sleep(delay * (0.5 + 0.5 * self._jitter()))
            delay = min(2 * delay, self._options.max_back_off_s)

    async def _stay_online(self) -> str:
        """One connection from beginning to end; returns why it ended."""
        o = self._options
        # Later than whatever was said in our name, or nodes would take it for old news.
        began = self._latest = max(self._clock(), self._latest + 1)
        client = aiomqtt.Client(
            o.host, o.port, username=o.username, password=o.password, tls_context=o.tls,
            identifier=f"mingluo-host-{token_hex(6)}",  # nobody can take a name that he does not know
            clean_session=True, protocol=aiomqtt.ProtocolVersion.V311, keepalive=o.keep_alive_s, timeout=o.timeout_s,
            max_queued_incoming_messages=100,
            will=aiomqtt.Will(self._topic, _state(online=False, timestamp=began), qos=1, retain=True),
        )  # fmt: skip
        async with client:
            await client.subscribe(self._topic, qos=1)
            await self._be_born(client, began)
            self._vitals.report("sparkplug", State.OK, f"online as {o.host_id!r} at {o.host}:{o.port}", self._clock())
            try:
                async for message in client.messages:
                    online, timestamp = _said(message.payload)
                    if timestamp is None or (online and timestamp <= began):
                        continue
                    if timestamp > began:
                        self._latest = timestamp
                        raise _Outdated(f"somebody else has spoken as host {o.host_id!r}")
                    # The will of an earlier connection, come late, or a mistake: we are here.
                    if not message.retain:
                        await self._be_born(client, began)
            finally:
                # A polite goodbye tells the broker to drop our will: we must say it ourselves.
                self._latest = max(self._latest, self._clock())
                with suppress(aiomqtt.MqttError, OSError):
                    gone = _state(online=False, timestamp=self._latest)
                    await client.publish(self._topic, gone, qos=1, retain=True, timeout=1)
        return "the broker closed the connection"

    async def _be_born(self, client: aiomqtt.Client, began: int) -> None:
        await client.publish(self._topic, _state(online=True, timestamp=began), qos=1, retain=True)
        self._vitals.count("sparkplug_births")


def _state(*, online: bool, timestamp: int) -> bytes:
    return json.dumps({"online": online, "timestamp": timestamp}, separators=(",", ":")).encode()


def _said(payload: object) -> tuple[bool, int | None]:
    """What a STATE message says: (online, its time); the time is None if it is none of version 3."""
    try:
        body = json.loads(payload) if isinstance(payload, bytes) else None
    except (ValueError, RecursionError):
        return False, None
    if not isinstance(body, dict) or not isinstance(body.get("online"), bool):
        return False, None
    timestamp = body.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 <= timestamp < LATEST:
        return False, None
    return body["online"], timestamp
