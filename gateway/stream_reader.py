"""Reads a JetStream stream in order, without gaps or repetitions, across restarts of the broker.

A throw-away consumer delivers from a sequence on and numbers what it delivers. Whenever that numbering breaks, the
broker falls silent, or says that the consumer is gone, a new one begins behind the last message handed out.

Queue: at most `BATCH` messages are requested and not yet handed out; the rest waits in the stream. Nothing is polled:
a request stands at the broker, which answers the moment a message is stored.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from community.clock import format_time

BATCH = 128
HEARTBEAT_S = 0.5
SILENCE_S = 1.25
"""The broker sends a heartbeat when it has nothing else to send. Without a sign of life for so long it is gone."""
EXPIRES_S = 30
RETRY_S = 0.1
REQUEST_S = 5.0
NANOSECONDS = 1_000_000_000


class Stored(NamedTuple):
    """A message of a stream.

    Attributes:
        sequence: its position, > 0, increasing.
        subject: where it was published.
        data: the bytes.
        pending: messages of the same filter that wait behind it.
    """

    sequence: int
    subject: str
    data: bytes
    pending: int


class StreamMissing(Exception):
    """There is no such stream."""


class _Broken(Exception):
    """This consumer is of no more use; begin a new one."""


class _Error(msgspec.Struct):
    code: int = 0
    description: str = ""


class _Created(msgspec.Struct):
    name: str = ""
    num_pending: int = 0
    error: _Error | None = None


async def read_stream(
    client: Client,
    stream: str,
    start: int | None,
    subjects: Sequence[str],
    *,
    since: int | None = None,
    follow: bool = True,
) -> AsyncGenerator[Stored]:
    """The messages of a stream in order.

    Args:
        client: a connection that reconnects by itself.
        stream: its name.
        start: first wanted sequence; None with `since`.
        subjects: filters, which must not overlap; none: all.
        since: instead of `start`: first wanted time of storage, UTC ms.
        follow: wait for more at the end; else end there.

    Raises:
        StreamMissing: when the broker has no such stream.
    """
    last = 0 if start is None else start - 1
    while True:
        begin: dict[str, object] = {"deliver_policy": "by_start_sequence", "opt_start_seq": last + 1}
        if since is not None and last <= 0:
            begin = {"deliver_policy": "by_start_time", "opt_start_time": format_time(since)}
        consumer = _Consumer(client, stream)
        try:
            pending = await consumer.open(begin, subjects)
            while pending or follow:
                message = await consumer.next()
                if message.sequence > last:
                    last = message.sequence
                    yield message
                pending = message.pending
            return
        except (_Broken, OSError, TimeoutError, nats.errors.Error):
            # OSError, TimeoutError and nats' own say that the broker is away; the connection comes back by itself.
            if client.is_closed:
                return
            await asyncio.sleep(RETRY_S)
        finally:
            await consumer.close()


class _Consumer:
    """One ephemeral pull consumer and the requests that stand for it."""

    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._name = ""
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._delivered = 0
        self._requested = 0

    async def open(self, begin: dict[str, object], subjects: Sequence[str]) -> int:
        """Create it; how many messages wait."""
        # Room for more than was requested, so that heartbeats never push a message out.
        self._subscription = await self._client.subscribe(
            self._inbox, pending_msgs_limit=4 * BATCH, pending_bytes_limit=-1
        )
        config = {
            **begin,
            "ack_policy": "none",
            "filter_subjects": list(subjects),
            "inactive_threshold": 30 * NANOSECONDS,
            "mem_storage": True,
            "num_replicas": 1,
        }
        question = msgspec.json.encode({"stream_name": self._stream, "config": config})
        answer = await self._client.request(f"$JS.API.CONSUMER.CREATE.{self._stream}", question, timeout=REQUEST_S)
        created = msgspec.json.decode(answer.data, type=_Created)
        if created.error is not None:
            if created.error.code == 404:
                raise StreamMissing(f"{self._stream}: {created.error.description}")
            raise _Broken
        self._name = created.name
        return created.num_pending

    async def next(self) -> Stored:
        """The next message.

        Raises:
            _Broken: no more will come from this consumer, or one is missing.
        """
        assert self._subscription is not None  # open() comes first
        while True:
            if self._requested <= BATCH // 2:
                await self._request(BATCH - self._requested)
            message = await self._subscription.next_msg(timeout=SILENCE_S)
            status = (message.headers or {}).get("Status") if not message.data else None
            if status is not None:
                self._heed(status, message)
                continue
            place = message.metadata
            self._delivered += 1
            self._requested -= 1
            if place.sequence.consumer != self._delivered:
                raise _Broken
            return Stored(place.sequence.stream, message.subject, message.data, place.num_pending)

    async def close(self) -> None:
        """Let go of it at the broker, if that can be done now; else the broker forgets it by itself."""
        with contextlib.suppress(OSError, nats.errors.Error):
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            if self._name and self._client.is_connected:
                await self._client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}")

    async def _request(self, count: int) -> None:
        request: dict[str, Any] = {
            "batch": count,
            "expires": EXPIRES_S * NANOSECONDS,
            "idle_heartbeat": int(HEARTBEAT_S * NANOSECONDS),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await self._client.publish(subject, msgspec.json.encode(request), reply=self._inbox)
        self._requested += count

    def _heed(self, status: str, message: Msg) -> None:
        if status == "100":  # heartbeat
            return
        unmet = (message.headers or {}).get("Nats-Pending-Messages")
        if status in ("404", "408") and unmet is not None:  # a request has lived its time
            self._requested -= int(unmet)
            return
        raise _Broken
