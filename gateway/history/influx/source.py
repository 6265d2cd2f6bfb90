"""What a server is asked: the few questions that answers to `gateway.history.store.HistoryReader` are made of."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.history.influx.answers import Columns
from gateway.history.partials import Partials
from gateway.history.store import Last, Resolution

Parts = dict[tuple[str, str], list[Partials]]
"""(device, signal) → parts that are yet to be merged."""


class Source(Protocol):
    """Asks one kind of server. Times are UTC ms, ends excluded. From any thread.

    Raises:
        HistoryUnavailable: from every method.
    """

    def points(self, devices: Sequence[str] | None, fields: Sequence[str] | None, start: int, end: int) -> Columns:
        """Single values by event time, `received_at` among the fields; None: all."""

    def windows(
        self, kept: Resolution, devices: Sequence[str], signals: Sequence[str], start: int, end: int, width: int
    ) -> Parts:
        """Aggregates over windows of `width` ms, a multiple of what `kept` stands for."""

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """Device → signal → its latest value."""

    def receipts(self, start: int, end: int) -> list[tuple[int, int]]:
        """Age class (`lines.age_class`) and minute (its beginning) of what was received."""

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """Ticks of the gateway's clock, increasing."""

    def first(self, devices: Sequence[str] | None) -> dict[Resolution, int]:
        """Event time of the oldest of each resolution, of these devices (None: all); absent: nothing of it."""
