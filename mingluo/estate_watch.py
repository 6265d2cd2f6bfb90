"""Carries a new estate to everyone who needs it, at one position of the log."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from community.estate import Estate
from community.estate_store import EstateStore
from community.frame import EstateChange
from community.vitals import State, Vitals
from gateway.log import LogUnavailable, ReadingsLog

LOOK_EVERY_S = 1.0
"""How often the store is asked for its version: another process (`mingluo estate import`) may have changed it."""


class Sleep(Protocol):
    """How to wait, s; a fake in tests."""

    async def __call__(self, seconds: float, /) -> None: ...


class EstateWatch:
    """The estate in force in this process.

    Attributes:
        estate: the estate as last taken over.
        version: its version; 0 before any.
    """

    def __init__(
        self,
        store: EstateStore,
        log: ReadingsLog,
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._log = log
        self._vitals = vitals
        self._clock = clock
        self._sleep = sleep
        self._listeners: list[Callable[[Estate], None]] = []
        self.estate = Estate()
        self.version = 0

    def tell(self, listener: Callable[[Estate], None]) -> None:
        """Call `listener` now and at every change."""
        self._listeners.append(listener)
        listener(self.estate)

    async def look(self) -> None:
        """Take over the stored estate if it is another than ours, and write the change into the log.

        Raises:
            LogUnavailable: the log does not take it; nothing has changed.
        """
        version, estate = await asyncio.to_thread(self._store.current)
        if version == self.version:
            return
        # The message id makes this write harmless when it is repeated after a crash within the log's memory of ids;
        # beyond that, a repeated record changes nothing in the engine.
        await self._log.append(EstateChange(version), message_id=f"estate-{version}")
        self.estate, self.version = estate, version
        for listener in self._listeners:
            listener(estate)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._sleep(LOOK_EVERY_S)
            try:
                await self.look()
                self._vitals.report("estate", State.OK, f"version {self.version}", self._clock())
            except (SQLAlchemyError, LogUnavailable) as error:
                self._vitals.report("estate", State.DEGRADED, f"not looked up: {error}", self._clock())
