"""Carries a new rulebook to everyone who needs it, at one position of the log."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from community.frame import RulebookChange
from community.vitals import State, Vitals
from gateway.log import LogUnavailable, ReadingsLog
from rules.rulebook import Rulebook, RulebookErrors
from rules.store import RulebookStore, UnknownRulebookError

LOOK_EVERY_S = 1.0
"""How often the store is asked for its version: another process (`mingluo rules apply`) may have added one."""

COMPONENT = "rulebook"
"""The component that tells which rules are in force, and why newer ones are not."""


class RulebookWatch:
    """The rulebook in force in this process.

    Attributes:
        rulebook: as last taken over; the standard pack before any.
        version: its version; 0 before any.
    """

    def __init__(
        self,
        store: RulebookStore,
        log: ReadingsLog,
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._log = log
        self._vitals = vitals
        self._clock = clock
        self._sleep = sleep
        self.rulebook: Rulebook = store.version(0)
        self.version = 0
        self._bad: int | None = None

    async def look(self) -> None:
        """Take over the stored rulebook if it is another than ours, and write the change into the log.

        A version that this release cannot read leaves the running one in force, and is reported.

        Raises:
            LogUnavailable: the log does not take it; nothing has changed.
        """
        version = await asyncio.to_thread(self._store.current_version)
        if version == self._bad:
            return  # reported when it was met; what is stored of a version never changes
        if version != self.version:
            try:
                # A whole pack takes a tenth of a second to check: not in the loop that alerts go through.
                rulebook = await asyncio.to_thread(self._store.version, version)
            except (RulebookErrors, UnknownRulebookError) as error:
                self._refuse(version, error)
                return
            # The message id makes this write harmless when it is repeated after a crash; beyond the log's memory of
            # ids, a repeated record changes nothing in the engine.
            await self._log.append(RulebookChange(version), message_id=f"rulebook-{version}")
            self.rulebook, self.version = rulebook, version
        self._vitals.report(COMPONENT, State.OK, f"version {version}, {len(self.rulebook.rules)} rules", self._clock())

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except (SQLAlchemyError, LogUnavailable) as error:
                self._vitals.report(COMPONENT, State.DEGRADED, f"not looked up: {error}", self._clock())

    def _refuse(self, version: int, error: Exception) -> None:
        self._bad = version
        self._vitals.count("rulebook_versions_refused")
        first = str(error).splitlines()[0]
        detail = f"version {version} cannot be used, version {self.version} stays in force: {first}"
        self._vitals.report(COMPONENT, State.DEGRADED, detail, self._clock())
