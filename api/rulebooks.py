"""What the roof hands to the window of the rulebook."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from rules.rulebook import Rulebook
from rules.store import Version


class BacktestRunning(Exception):
    """Another backtest is under way; one at a time is what the machine can spare."""


class BacktestFailed(Exception):
    """It could not be done; the text says why, for people."""


class Checked(NamedTuple):
    """A rulebook that is right: hash of its content, how many rules and overrides, and what people should know."""

    content: str
    rules: int
    overrides: int
    notes: list[str]


class Rulebooks(Protocol):
    """Versions of the rulebook, and trying others out. What is awaited may raise `api.problems.Unavailable`."""

    def in_force(self) -> tuple[int, Rulebook]:
        """Version and content of the rulebook that is in force."""

    async def versions(self, limit: int, before: int | None) -> Sequence[Version]:
        """Stored versions, newest first; `before`: those with a lower number."""

    async def text(self, version: int) -> str:
        """The text of a version; 0 is the standard pack.

        Raises:
            UnknownRulebookError: there is no such version.
        """

    async def check(self, text: str) -> Checked:
        """Look at a rulebook; nothing is stored.

        Raises:
            RulebookErrors: with every fault.
        """

    async def apply(self, text: str, actor: str, note: str) -> int:
        """Put a rulebook in force; its version.

        Raises:
            RulebookErrors: with every fault; nothing has changed.
        """

    async def roll_back(self, to: int, actor: str, note: str) -> int:
        """Put an earlier version in force again; the new version.

        Raises:
            UnknownRulebookError: there is no such version.
            RulebookErrors: this release cannot read it.
        """

    async def backtest(self, text: str, days: float, warm_up_days: float) -> dict[str, Any]:
        """Compare a rulebook with the one in force over the log; `rules.backtest.Report` as JSON has it.

        Raises:
            RulebookErrors: with every fault.
            BacktestRunning, BacktestFailed: it was not done.
        """
