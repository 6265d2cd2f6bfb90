"""The rulebook as a request meets it, with every outage behind it told as one: `api.problems.Unavailable`."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from api.problems import Unavailable
from api.rulebooks import Checked
from community.estate import Estate
from gateway.log import LogUnavailable
from mingluo.asked import asked
from mingluo.backtest_worker import BacktestWorker
from mingluo.rulebook_watch import RulebookWatch
from rules.rulebook import Rulebook
from rules.store import RulebookStore, Version


class BehindRules:
    """See `api.rulebooks.Rulebooks`."""

    def __init__(
        self,
        store: RulebookStore,
        watch: RulebookWatch,
        worker: BacktestWorker,
        estate: Callable[[], Estate],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._watch = watch
        self._worker = worker
        self._estate = estate
        self._clock = clock

    def in_force(self) -> tuple[int, Rulebook]:
        """Version and content of the rulebook that is in force."""
        return self._watch.version, self._watch.rulebook

    async def versions(self, limit: int, before: int | None) -> Sequence[Version]:
        """Stored versions, newest first."""
        return await asked(lambda: self._store.versions(limit, before))

    async def text(self, version: int) -> str:
        """The text of a version."""
        return await asked(lambda: self._store.text(version))

    async def check(self, text: str) -> Checked:
        """Look at a rulebook; nothing is stored."""
        book = await asyncio.to_thread(self._store.check, text)
        notes = [f"an override names {who}, which the estate does not know" for who in book.strangers(self._estate())]
        return Checked(book.version, len(book.rules), len(book.overrides), notes)

    async def apply(self, text: str, actor: str, note: str) -> int:
        """Put a rulebook in force; its version."""
        version = await asked(lambda: self._store.add(text, actor, note, self._clock()))
        await self._take_over()
        return version

    async def roll_back(self, to: int, actor: str, note: str) -> int:
        """Put an earlier version in force again; the new version."""
        version = await asked(lambda: self._store.roll_back(to, actor, note, self._clock()))
        await self._take_over()
        return version

    async def backtest(self, text: str, days: float, warm_up_days: float) -> dict[str, Any]:
        """Compare a rulebook with the one in force over the log."""
        await asyncio.to_thread(self._store.check, text)
        return await self._worker.run(text, days, warm_up_days)

    async def _take_over(self) -> None:
        try:
            await self._watch.look()
        except (SQLAlchemyError, LogUnavailable) as error:
            raise Unavailable("it is stored, and will be in force as soon as the readings log is back") from error
