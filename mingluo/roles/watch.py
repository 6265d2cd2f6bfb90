"""Watches what otherwise only an alert would put to the test: whether one could be journalled now."""

import asyncio
from collections.abc import Awaitable, Callable

PROBE_EVERY_S = 3.0
"""How long a full disk, and its end, may go unnoticed."""


class JournalWatch:
    """Probes the journal for ever; the desk reports what comes of it as component `journal`."""

    def __init__(
        self, probe: Callable[[], object], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """`probe` may block (a locked database lets it wait for seconds): it gets a thread."""
        self._probe = probe
        self._sleep = sleep

    async def run(self) -> None:
        """Probe, wait, probe again."""
        while True:
            await asyncio.to_thread(self._probe)
            await self._sleep(PROBE_EVERY_S)
