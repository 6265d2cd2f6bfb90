"""The gateway: runs the ingest, and writes the clock into the log once a second."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from community.clock import SECOND
from community.frame import Tick
from community.vitals import State, Vitals
from gateway.ingest import Ingest
from gateway.link.link import Link
from gateway.log import LogUnavailable, ReadingsLog

ASK_AGAIN_S = 60
"""How often a broker is asked again for what it refused."""


class Sleep(Protocol):
    """How to wait, s; a fake in tests."""

    async def __call__(self, seconds: float, /) -> None: ...


class Gateway:
    """Ingest and ticks over one link and one log."""

    def __init__(
        self,
        link: Link,
        ingest: Ingest,
        log: ReadingsLog,
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        filters: Callable[[], tuple[str, ...]] | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`filters` gives the topics wanted now; without it they stay what the link began with."""
        self._filters = filters
        self._link = link
        self._ingest = ingest
        self._log = log
        self._vitals = vitals
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Take in messages and tell the time, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run(), name="link")
            tasks.create_task(self._ingest.run(), name="ingest")
            tasks.create_task(self._tick(), name="ticks")
            if self._filters is not None:
                tasks.create_task(self._follow_filters(self._filters), name="topics")

    async def _follow_filters(self, wanted: Callable[[], tuple[str, ...]]) -> None:
        """A new estate may bring a way of speaking that nobody had before; a broker may grant later what it refused."""
        subscribed = wanted()
        asked = 0
        while True:
            await self._sleep(1.0)
            asked += 1
            if (filters := wanted()) != subscribed or (self._link.refused and asked >= ASK_AGAIN_S):
                await self._link.resubscribe(filters)
                subscribed, asked = filters, 0

    async def _tick(self) -> None:
        while True:
            now = self._clock()
            # Cut off from the broker we are deaf: "listening since now" lets no device be called silent.
            since = self._link.connected_since
            try:
                await self._log.append(Tick(now, since if since is not None else now))
                self._vitals.report("log", State.OK, "takes records", now)
            except LogUnavailable as error:
                self._vitals.count("gateway_ticks_lost")
                self._vitals.report("log", State.DOWN, str(error), now)
            # Aligned to whole seconds, so that a slow append does not make the clock drift.
            await self._sleep((SECOND - self._clock() % SECOND) / SECOND)
