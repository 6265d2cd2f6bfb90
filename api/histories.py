"""What the roof hands to the window of the history."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

ResolutionWord = Literal["raw", "1m", "1h"]
FormatWord = Literal["csv", "parquet", "arrow", "jsonl"]


class NoHistory(Exception):
    """The settings say that no history is kept."""


class WrongQuestion(ValueError):
    """A question that makes no sense; the message names the field and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which series are wanted; see `gateway.history.store.Query`.

    Attributes:
        devices: ids; in an export, none means all.
        signals: names; in an export, none means all.
        start, end: UTC ms, the end excluded.
        points: at most so many for each series.
        resolution: from this only; None: what suits the number of points.
    """

    devices: Sequence[str]
    signals: Sequence[str]
    start: int
    end: int
    points: int = 1_000
    resolution: ResolutionWord | None = None


class Histories(Protocol):
    """The history. What is awaited may raise `NoHistory` and `api.problems.Unavailable`."""

    async def series(self, question: Question) -> bytes:
        """The answer as JSON (`api.history_models.HistoryAnswer`): a million numbers are not turned over twice.

        Raises:
            WrongQuestion
        """

    async def last(self, devices: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, float]]]:
        """Device → signal → event time (UTC ms) and value of its latest. Devices without any are absent."""

    async def status(self) -> Mapping[str, Any]:
        """What there is, and how far it has come (`api.history_models.HistoryStatus`)."""

    async def export(self, question: Question, form: FormatWord) -> AsyncIterator[bytes]:
        """The content of a file, piece by piece; what cannot be is raised before the first.

        Raises:
            WrongQuestion
        """

    async def rebuild(self, devices: Collection[str]) -> int:
        """Have the engine's baselines of devices rebuilt from history, soon and one after another.

        Returns:
            How many devices wait now, these among them.
        """


class NotConnected:
    """Stands where no history is connected to the window."""

    async def series(self, question: Question) -> bytes:
        """There is none."""
        raise NoHistory

    async def last(self, devices: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, float]]]:
        """There is none."""
        raise NoHistory

    async def status(self) -> Mapping[str, Any]:
        """There is none."""
        raise NoHistory

    async def export(self, question: Question, form: FormatWord) -> AsyncIterator[bytes]:
        """There is none."""
        raise NoHistory

    async def rebuild(self, devices: Collection[str]) -> int:
        """There is none."""
        raise NoHistory
