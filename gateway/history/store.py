"""What a history is: the interface that every store keeps, and that one list of conformance tests holds.

A store takes batches in the order of the log and knows the position it has reached. It is asked for series, for last
values, and for whole readings in the order in which they came. `write` and `tend` belong to the historian, each to one
thread; questions may come from any thread meanwhile, and see a state between two batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from community.clock import DAY, HOUR, MINUTE
from community.frame import Frame
from gateway.history.batch import Batch

MOST_POINTS = 10_000
"""Points of one series in an answer."""
MOST_SERIES = 1_000
"""Series (devices times signals) in an answer."""
MOST_ANSWER = 1_000_000
"""Points of all series together in an answer."""


class HistoryUnavailable(Exception):
    """The store cannot do it now (down, slow, full); trying again is safe. The message says what and why."""


class QueryError(ValueError):
    """A question that makes no sense; the message names the field and what was expected."""


class Resolution(StrEnum):
    """What is kept: single readings, and roll-ups over a minute and an hour."""

    RAW = "raw"
    MINUTE = "1m"
    HOUR = "1h"


WIDTH = {Resolution.RAW: 0, Resolution.MINUTE: MINUTE, Resolution.HOUR: HOUR}
"""ms that a row stands for."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept, and how much of the disk it may take.

    Attributes:
        raw_ms: single readings.
        minute_ms: roll-ups of a minute. Those of an hour are kept for ever.
        max_bytes: size at which the oldest single readings go early, then the oldest minutes; hours never do.
        min_free_bytes: with less free space than this on its disk a store takes nothing more in (`HistoryUnavailable`):
            what is left belongs to the alerts.
    """

    raw_ms: int = 30 * DAY
    minute_ms: int = 365 * DAY
    max_bytes: int = 16 * 2**30
    min_free_bytes: int = 2**30


@dataclass(frozen=True, slots=True)
class Query:
    """A question: these signals of these devices, from `start` to before `end`.

    Attributes:
        devices: ids, at least one.
        signals: names, at least one.
        start: UTC ms, included.
        end: UTC ms, excluded; after `start`.
        points: at most so many points for each series.
        resolution: from this only; None: what suits the number of points, finer where the finer is kept.

    Raises:
        QueryError: which field is wrong.
    """

    devices: tuple[str, ...]
    signals: tuple[str, ...]
    start: int
    end: int
    points: int = 1_000
    resolution: Resolution | None = None

    def __post_init__(self) -> None:
        if not self.devices or not self.signals:
            raise QueryError("devices, signals: expected at least one of each")
        if len(self.devices) * len(self.signals) > MOST_SERIES:
            raise QueryError(f"devices, signals: expected at most {MOST_SERIES} series")
        if not self.start < self.end:
            raise QueryError(f"end: expected a time after start ({self.start}), got {self.end}")
        if not 1 <= self.points <= MOST_POINTS:
            raise QueryError(f"points: expected 1 to {MOST_POINTS}, got {self.points}")
        series = len(self.devices) * len(self.signals)
        if series * self.points > MOST_ANSWER:
            raise QueryError(f"points: expected at most {MOST_ANSWER // series} for each of {series} series")


@dataclass(frozen=True, slots=True)
class Series:
    """One signal of one device over time; `n` points, in the order of time.

    What is missing is absent: a stretch without readings has no points.

    Attributes:
        device: id.
        signal: name.
        width: ms that a point stands for, beginning at its `ts`; 0: points are single readings.
        ts: int64[n], UTC ms; strictly increasing if `width`, else not decreasing.
        minimum: float64[n]
        mean: float64[n]
        maximum: float64[n]
        last: float64[n], the value with the latest event time.
        count: int64[n], values in it, > 0.
        quality: float64[n], share of them that no flag speaks against, 0 to 1.
        flags: uint8[n], all flags that occur in it.
    """

    device: str
    signal: str
    width: int
    ts: NDArray[np.int64]
    minimum: NDArray[np.float64]
    mean: NDArray[np.float64]
    maximum: NDArray[np.float64]
    last: NDArray[np.float64]
    count: NDArray[np.int64]
    quality: NDArray[np.float64]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ts)


class Last(NamedTuple):
    """A device's latest value of one signal, by event time (UTC ms)."""

    ts: int
    value: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What the store holds.

    Attributes:
        bytes: on disk; None if the store does not tell.
        rows: by resolution; None if the store does not tell.
        oldest: event time of the oldest by resolution, UTC ms; absent: nothing of it.
    """

    bytes: int | None
    rows: dict[Resolution, int] | None
    oldest: dict[Resolution, int]


@dataclass(frozen=True, slots=True)
class Tended:
    """What one round of tending did, for counters and for people.

    Attributes:
        rolled_up: single readings that roll-ups were made of.
        removed_rows: rows that retention or the bound on the disk removed, by resolution.
        early: whether the bound on the disk removed something before its time.
    """

    rolled_up: int = 0
    removed_rows: dict[Resolution, int] | None = None
    early: bool = False


class HistoryReader(Protocol):
    """Answers questions. Every method may be called from any thread.

    Raises:
        HistoryUnavailable: from every method.
    """

    def read(self, query: Query) -> list[Series]:
        """A series for each device and signal that has a point there, ordered as in the query.

        No series has more than `query.points` points, and no value in the range lies outside the `minimum` and
        `maximum` of the point that stands for it.
        """

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """Device → signal → its latest value. Devices without any are absent."""

    def readings(self, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
        """Single readings received from `start` to before `end` (UTC ms), in the order of receipt, then event time.

        Args:
            devices: of these only; None: of all.
        """

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """int64[m]: times of the gateway's clock from `start` to before `end`, increasing."""

    def usage(self) -> Usage:
        """What there is."""


class HistoryStore(HistoryReader, Protocol):
    """Takes readings in, and keeps them as long as they are wanted.

    Raises:
        HistoryUnavailable: from every method.
    """

    def position(self) -> int:
        """The log position up to which everything is kept; 0 before the first."""

    def write(self, batch: Batch) -> None:
        """Keep a batch, whole or not at all. One that is not behind `position()` is skipped."""

    def tend(self, now: int) -> Tended:
        """Roll up, merge, and remove what is past its time; called now and then, beside `write`.

        Args:
            now: UTC ms; what is removed depends on it alone.
        """

    def close(self) -> None:
        """Let go of everything; questions that run end with `HistoryUnavailable`."""
