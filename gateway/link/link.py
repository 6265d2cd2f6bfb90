"""The link: keeps a session with the broker through every interruption, and hands out what came in batches."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from community.vitals import State, Vitals
from gateway.columnar.packets import Packets
from gateway.columnar.split import prepare
from gateway.link import packets
from gateway.link.batch import Batch
from gateway.link.connection import Connection, LinkError, RefusedError
from gateway.link.filters import covers
from gateway.link.options import LinkOptions

__all__ = ["Batch", "Link"]

_MOST_TOLD = 5
"""Refused filters that are named; the first ones show the pattern."""


class Link:
    """A persistent MQTT session. Run `run()`, iterate `batches()`, and give each batch back to `acknowledge`.

    Bounds: at most `max_held_messages` and `max_held_bytes` (and the last arrival) are held; beyond, reading rests
    until batches are acknowledged. Counters: `link_messages`, `link_bytes`, `link_acknowledged`, `link_reconnects`,
    `link_sessions_lost` (the broker had forgotten us: QoS 1 messages may be missing),
    `link_acknowledgements_void` (their connection was gone: the broker sends those messages again),
    `link_publish_dropped`. Gauge: `link_filters_refused`. Components: `link`; `subscriptions`, which names the filters
    that the broker refuses: the others are heard all the same.
    """

    def __init__(
        self,
        options: LinkOptions,
        clock: Callable[[], int],
        vitals: Vitals,
        *,
        jitter: Callable[[], float] = random.random,
        before_connect: Callable[[], Awaitable[None]] | None = None,
        whose: Callable[[str], str] = lambda _: "",
    ) -> None:
        """Set up a link.

        Args:
            options: where the broker is, and what may be held.
            clock: UTC ms.
            vitals: where it counts and reports.
            jitter: gives a number in 0..1.
            before_connect: awaited before each attempt, for a broker that is not ready to resume a session at once.
            whose: what a filter is for, in words, to tell what is not heard when it is refused.
        """
        self._whose = whose
        self._before_connect = before_connect
        self._options = options
        self._clock = clock
        self._vitals = vitals
        self._jitter = jitter
        self._connection: Connection | None = None
        self._pending: deque[Batch] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._held_messages = 0
        self._held_bytes = 0
        self._had_session = False
        self._subscribed = asyncio.Event()
        self._filters = options.topic_filters
        self._unwanted = set(options.former_filters)
        self._subscribing = asyncio.Lock()
        self.refused: tuple[str, ...] = ()
        """Filters that the broker has refused."""
        self.connected_since: int | None = None
        """Since when we have been subscribed without a break, UTC ms; None while we are not."""

    async def run(self) -> None:
        """Stay connected for ever; cancel to disconnect politely."""
        delay = self._options.back_off_s
        self._vitals.report("link", State.DOWN, "connecting", self._clock())
        await asyncio.to_thread(prepare)
        while True:
            reason = "no connection was made"
            # What the last connection left must find its place first, or each new one would add a window to it.
            await self._room.wait()
            if self._before_connect is not None:
                await self._before_connect()
            try:
                reason = await self._stay_connected()
                delay = self._options.back_off_s
            except (OSError, LinkError) as error:  # TimeoutError and ssl.SSLError are OSErrors
                reason = str(error) or type(error).__name__
            self._vitals.report("link", State.DOWN, reason, self._clock())
            self._vitals.count("link_reconnects")
            # Jitter, so that many gateways (or one after another's fall) do not come back in step.
            await asyncio.sleep(delay * (0.5 + 0.5 * self._jitter()))
            delay = min(2 * delay, self._options.max_back_off_s)

    async def subscribed(self) -> None:
        """Wait until we have been subscribed once: from then on the broker keeps QoS 1 messages for us."""
        await self._subscribed.wait()

    async def batches(self) -> AsyncIterator[Batch]:
        """What came, as it comes; each batch must be given back to `acknowledge`. For one reader."""
        while True:
            while not self._pending:
                self._arrived.clear()
                await self._arrived.wait()
            yield self._pending.popleft()

    def acknowledge(self, batch: Batch) -> None:
        """The batch is safe: tell the broker (one write), and make room. Each batch once."""
        self._held_messages -= batch.count
        self._held_bytes -= batch.size
        connection = self._connection
        identifiers = batch.packet_ids
        if len(identifiers):
            if connection is not None and batch.belongs_to(connection):
                connection.write(packets.pubacks(identifiers))
                self._vitals.count("link_acknowledged", len(identifiers))
            else:
                self._vitals.count("link_acknowledgements_void", len(identifiers))
        if self._has_room():
            self._room.set()
            if connection is not None:
                connection.resume()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send at QoS 0. Returns False (and counts) if there is no connection or too much waits to be sent."""
        connection = self._connection
        if (
            connection is None
            or self.connected_since is None
            or connection.unwritten + len(payload) > self._options.max_unwritten
        ):
            self._vitals.count("link_publish_dropped")
            return False
        connection.write(packets.publish(topic, payload))
        return True

    async def resubscribe(self, topic_filters: Sequence[str]) -> None:
        """From now on, and over all connections to come, subscribe to these filters.

        New ones are subscribed to before those that are gone are given up, so nothing is lost between. Without a
        connection (or if it is lost meanwhile) the next one begins with these filters. What the broker still keeps of a
        filter that is gone may be lost: nats-server drops it, Mosquitto sends it.

        What the broker refuses is told, and asked for again by the next call and over the next connection; what it
        should have taken the place of is kept.
        """
        async with self._subscribing:
            self._unwanted.update(self._filters)
            self._filters = tuple(topic_filters)
            connection = self._connection
            if connection is None or self.connected_since is None:
                return
            try:
                await self._subscribe(connection)
            except (LinkError, TimeoutError) as error:
                connection.close(str(error))

    async def _subscribe(self, connection: Connection) -> None:
        """Make what the broker sends over this connection what is wanted, as far as it grants that.

        Raises:
            RefusedError: it grants nothing at all.
        """
        refused = await self._ask_for_new(connection)
        if refused and self._gone(refused):
            # Perhaps only because the session has more than the broker bears, with those that are not wanted any more.
            await self._unsubscribe(connection, refused)
            refused = await self._ask_for_new(connection)
        await self._unsubscribe(connection, refused)
        if self._filters and not connection.filters:
            raise RefusedError(f"the broker refused every subscription: {', '.join(refused)}")
        self._tell(refused)

    async def _ask_for_new(self, connection: Connection) -> tuple[str, ...]:
        new = [f for f in self._filters if f not in connection.filters]
        return await connection.subscribe(new) if new else ()

    def _gone(self, refused: Sequence[str]) -> list[str]:
        """What is to be given up: not what was to become a part of something that is refused."""
        unwanted = self._unwanted.difference(self._filters)
        return sorted(f for f in unwanted if not any(covers(wide, f) for wide in refused))

    async def _unsubscribe(self, connection: Connection, refused: Sequence[str]) -> None:
        gone = self._gone(refused)
        if gone:
            await connection.unsubscribe(gone)
        self._unwanted.difference_update(gone, self._filters)

    def _tell(self, refused: tuple[str, ...]) -> None:
        self.refused = refused
        self._vitals.gauge("link_filters_refused", len(refused))
        named = "; ".join(f"{f} ({whose})" if (whose := self._whose(f)) else f for f in refused[:_MOST_TOLD])
        more = f"; and {len(refused) - _MOST_TOLD} more" if len(refused) > _MOST_TOLD else ""
        state = State.DEGRADED if refused else State.OK
        detail = f"the broker refuses: {named}{more}" if refused else f"all {len(self._filters)} are granted"
        self._vitals.report("subscriptions", state, detail, self._clock())

    async def _stay_connected(self) -> str:
        """One connection from beginning to end; returns why it ended."""
        s = self._options
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(s.timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(s, self._clock, self._receive), s.host, s.port, ssl=s.tls
            )
        self._connection = connection
        reason = "we closed the connection"
        pinging: asyncio.Task[None] | None = None
        try:
            present = await connection.connect()
            if self._had_session and not present:
                self._vitals.count("link_sessions_lost")
            async with self._subscribing:
                await self._subscribe(connection)
                self._had_session = True
                self.connected_since = self._clock()
            self._subscribed.set()
            self._vitals.report("link", State.OK, f"connected to {s.host}:{s.port}", self.connected_since)
            pinging = asyncio.create_task(connection.keep_alive(), name="link keep-alive")
            reason = await connection.lost
            return reason
        finally:
            self.connected_since = None
            self._connection = None
            connection.close(reason, politely=True)
            if pinging is not None:
                pinging.cancel()

    def _receive(self, connection: Connection, found: list[Packets], size: int) -> bool:
        self._vitals.count("link_bytes", size)
        if found:
            last = self._pending[-1] if self._pending else None
            if last is None or not last.belongs_to(connection) or last.count >= self._options.max_batch:
                last = Batch(connection)
                self._pending.append(last)
            count, held = last.count, last.size
            last.extend(found)
            self._held_messages += last.count - count
            self._held_bytes += last.size - held
            self._vitals.count("link_messages", last.count - count)
            self._arrived.set()
        room = self._has_room()
        if not room:
            self._room.clear()
        return room

    def _has_room(self) -> bool:
        s = self._options
        return self._held_messages < s.max_held_messages and self._held_bytes < s.max_held_bytes
