"""A real store of rulebooks behind the window, and a backtest that answers what it is told to."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine

from api.problems import Unavailable
from api.rulebooks import Checked
from rules.rulebook import Rulebook
from rules.store import RulebookStore, Version

BOOK = """
[[rule]]
id = "voltage.high"
title = { zh = "过电压", en = "Over-voltage" }
guidance.staff = { zh = "检查零线。", en = "Check the neutral." }
category = "deterioration"
kind = "threshold"
signals = ["voltage"]
standard = "GB/T 12325-2008"
[[rule.steps]]
severity = "warning"
limit = 253
clear = 250
"""
"""A rulebook of one rule."""


class HouseRulebooks:
    """See `api.rulebooks.Rulebooks`."""

    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self.store = RulebookStore(engine)
        self.away = False
        self.tried: list[tuple[str, float, float]] = []
        self.outcome: dict[str, Any] | Exception = {}
        self._clock = clock

    def in_force(self) -> tuple[int, Rulebook]:
        """Version and content of the rulebook that is in force."""
        return self.store.current()

    async def versions(self, limit: int, before: int | None) -> Sequence[Version]:
        """Stored versions, newest first."""
        return self.store.versions(limit, before)

    async def text(self, version: int) -> str:
        """The text of a version."""
        return self.store.text(version)

    async def check(self, text: str) -> Checked:
        """Look at a rulebook."""
        book = self.store.check(text)
        return Checked(book.version, len(book.rules), len(book.overrides), [])

    async def apply(self, text: str, actor: str, note: str) -> int:
        """Put a rulebook in force."""
        if self.away:
            raise Unavailable("the database does not answer now; nothing was changed")
        return self.store.add(text, actor, note, self._clock())

    async def roll_back(self, to: int, actor: str, note: str) -> int:
        """Put an earlier version in force again."""
        return self.store.roll_back(to, actor, note, self._clock())

    async def backtest(self, text: str, days: float, warm_up_days: float) -> dict[str, Any]:
        """The outcome that was set."""
        self.store.check(text)
        self.tried.append((text, days, warm_up_days))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome
