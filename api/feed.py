"""The live feed: every alert event, once and in order, to everyone who watches.

One task reads new events from the journal when the desk wakes it, and keeps the latest as ready-made bytes in one
ring. A viewer is a cursor: it takes from the ring what is behind its cursor, or, while it catches up on history, pages
of the journal. So there is no gap and no double where history meets the present, a viewer costs no queue of its own,
and none can hold up the desk or another viewer.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from itertools import takewhile
from typing import NamedTuple, Protocol

import msgspec

from alerts.journal import JournalUnavailable
from api.present import alert_view, event_view
from community.alert import Alert, AlertEvent
from community.estate import Estate
from community.vitals import State, Vitals

RING = 2_000
"""Events kept ready. A viewer who lags further behind than that is told to resync and cut off, and counted."""
PAGE = 200
"""Events read, and sent, in one go."""
VIEWERS = 1_000
"""Most viewers of one process; more are refused."""

KEEP_ALIVE = b": keep-alive\n\n"


class EventReads(Protocol):
    """What the feed asks of the journal."""

    def alert(self, alert_id: str) -> Alert | None:
        """The alert of this id."""

    def events(self, after: int = 0, limit: int = 1000) -> list[AlertEvent]:
        """Events with a number greater than `after`, in order."""

    def last_number(self) -> int:
        """The greatest event number given so far."""


class _Item(NamedTuple):
    number: int
    frame: bytes


class Feed:
    """Reads the journal for all viewers of this process.

    Run `run` in the server's event loop. `wake` and `close` may be called from any thread.
    """

    def __init__(
        self,
        journal: EventReads,
        estate: Callable[[], Estate],
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        poll_s: float = 1.0,
        keep_alive_s: float = 5.0,
    ) -> None:
        """Set up a feed.

        Args:
            journal: where events are read.
            estate: the estate in force, for the places of alerts.
            vitals: where it counts and reports, as `feed`.
            clock: UTC ms; stamps reports.
            poll_s: how long to wait for `wake` at most; another process may have written.
            keep_alive_s: longest silence on the stream, so that a viewer can tell a quiet night from a cut line.
        """
        self._journal = journal
        self._estate = estate
        self._vitals = vitals
        self._clock = clock
        self._poll_s = poll_s
        self._keep_alive_s = keep_alive_s
        self._ring: deque[_Item] = deque(maxlen=RING)
        self._base = 0  # what is behind this number is in the ring
        self._last: int | None = None  # None until the journal was read once
        self._rung = asyncio.Event()
        self._news = asyncio.Event()  # set, and replaced, at every change
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._viewers = 0

    @property
    def viewers(self) -> int:
        """How many are watching."""
        return self._viewers

    def wake(self) -> None:
        """There is something new in the journal."""
        self._call(self._rung.set)

    def close(self) -> None:
        """End every stream, and `run`, at once."""
        self._closed = True
        self._call(self._rung.set)
        self._call(self._tell)

    async def run(self) -> None:
        """Follow the journal until `close`."""
        self._loop = asyncio.get_running_loop()
        while not self._closed:
            self._rung.clear()
            if await self._pull():
                continue
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._rung.wait()
            except TimeoutError:
                continue
        self._tell()

    async def follow(self, after: int | None) -> AsyncGenerator[bytes]:
        """The stream of one viewer, as chunks of SSE frames.

        Args:
            after: number of the last event seen; None begins with the present.

        Yields:
            `hello` with the number from which it goes on, then every later event; a comment in silence. `resync` ends
            the stream when the viewer has fallen too far behind, or knows a number that was never given.
        """
        self._watch(+1)
        try:
            async for chunk in self._follow(after):
                yield chunk
        finally:
            self._watch(-1)

    async def _follow(self, after: int | None) -> AsyncGenerator[bytes]:
        while self._last is None:  # the journal was not readable yet
            if not await self._wait():
                yield KEEP_ALIVE
            if self._closed:
                return
        cursor = self._last if after is None else after
        if cursor > self._last and await self._never_given(cursor):
            yield _frame("resync", self._last, {"last": self._last})
            return
        yield _frame("hello", cursor, {"last": self._last, "now": self._clock()})
        live = False
        while not self._closed:
            items = self._behind(cursor) if cursor >= self._base else None
            if items is None and live:
                self._vitals.count("feed_cut_off")
                yield _frame("resync", self._last, {"last": self._last})
                return
            if items is None:
                try:
                    items = await asyncio.to_thread(self._read, cursor)
                except JournalUnavailable:
                    await self._wait()
                    yield KEEP_ALIVE
                    continue
            if items:
                yield b"".join(item.frame for item in items)
                cursor = items[-1].number
                continue
            live = True
            if not await self._wait():
                yield KEEP_ALIVE

    def _behind(self, cursor: int) -> list[_Item]:
        newest_first = takewhile(lambda item: item.number > cursor, reversed(self._ring))
        return list(newest_first)[: -PAGE - 1 : -1]

    async def _wait(self) -> bool:
        """Whether something changed before a sign of life is due."""
        if self._closed:
            return True
        try:
            async with asyncio.timeout(self._keep_alive_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _never_given(self, number: int) -> bool:
        # Our own knowledge may be milliseconds old, and the viewer's from another process: ask.
        try:
            return number > await asyncio.to_thread(self._journal.last_number)
        except JournalUnavailable:
            return False

    async def _pull(self) -> bool:
        """Read what is new into the ring; whether there was anything."""
        try:
            if self._last is None:
                self._base = self._last = await asyncio.to_thread(self._journal.last_number)
                items = []
            else:
                items = await asyncio.to_thread(self._read, self._last)
        except JournalUnavailable as error:
            self._vitals.report("feed", State.DEGRADED, f"the journal cannot be read: {error}", self._clock())
            return False
        self._vitals.report("feed", State.OK, f"at event {self._last}", self._clock())
        for item in items:
            if len(self._ring) == RING:
                self._base = self._ring[0].number
            self._ring.append(item)
            self._last = item.number
        if items:
            self._vitals.count("feed_events", len(items))
        self._tell()
        return bool(items)

    def _read(self, after: int) -> list[_Item]:
        events = self._journal.events(after, PAGE)
        alerts = {alert_id: self._journal.alert(alert_id) for alert_id in {e.alert for e in events}}
        estate = self._estate()
        items = []
        for event in events:
            alert = alerts[event.alert]
            data = {"event": event_view(event), "alert": alert_view(alert, estate) if alert else None}
            items.append(_Item(event.number, _frame("alert", event.number, data)))
        return items

    def _watch(self, change: int) -> None:
        self._viewers += change
        self._vitals.gauge("feed_viewers", self._viewers)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _call(self, action: Callable[[], None]) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(action)


def _frame(event: str, number: int, data: object) -> bytes:
    # JSON has no raw line breaks, so it is one `data` line.
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, event.encode(), msgspec.json.encode(data))
