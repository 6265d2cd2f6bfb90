"""Gathers decoded measurements into columns: messages of one shape (the same signals) fill one block of numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from community.quantities import SIGNAL_INDEX
from gateway.fault import Fault
from gateway.values import unknown_signal

MAX_SHAPES = 4_096
"""Shapes remembered. A device has a handful; what sends ever new ones must not fill the memory."""


NO_FAULTS: Sequence[Fault] = ()


class Shape:
    """Which signals a measurement has, in its own order.

    Attributes:
        columns: intp[k], index of each in `SIGNALS`.
        unknown: names that are no signals.
    """

    __slots__ = ("columns", "data", "rows", "unknown")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.columns: NDArray[np.intp] = np.array([SIGNAL_INDEX[n] for n in names if n in SIGNAL_INDEX], np.intp)
        self.unknown = frozenset(n for n in names if n not in SIGNAL_INDEX)
        self.rows: list[int] = []
        self.data: list[float | None] = []


class Collector:
    """Rows of one flush, in order of arrival. `take` empties it."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._used: list[Shape] = []
        self._row: list[int] = []
        self._ts: list[int] = []
        self._received: list[int] = []
        self._origin: list[int] = []
        self._undated: dict[int, tuple[int | None, bool]] = {}

    def add(self, row: int, ts: int | None, seq: int | None, received_at: int, dup: bool, origin: int,
            values: Mapping[str, float | None], place: str = "values") -> Sequence[Fault]:  # fmt: skip
        """Append one measurement.

        Args:
            row: of the device in the roster.
            ts: its own time, or None: then the receipt counts.
            dup: whether the broker marked the message as perhaps sent before.
            origin: number of the message in the flush.
            values: signal → value; names that are no signals are left out.
            place: where the values stand in the payload, for faults.

        Returns:
            The faults of unknown signals.
        """
        names = tuple(values)
        shape = self._shapes.get(names)
        if shape is None:
            shape = Shape(names)
            if shape.unknown:  # kept out of the cache: such names come from outside and are unlimited
                known = {name: value for name, value in values.items() if name not in shape.unknown}
                if known:
                    self.add(row, ts, seq, received_at, dup, origin, known)
                return [unknown_signal(name, place) for name in names if name in shape.unknown]
            if len(self._shapes) >= MAX_SHAPES:
                self._shapes.clear()
            self._shapes[names] = shape
        rows = shape.rows
        if not rows:
            self._used.append(shape)
        number = len(self._row)
        rows.append(number)
        shape.data.extend(values.values())
        self._row.append(row)
        self._received.append(received_at)
        self._origin.append(origin)
        if ts is None:
            self._undated[number] = (seq, dup)
            self._ts.append(received_at)
        else:
            self._ts.append(ts)
        return NO_FAULTS

    def __len__(self) -> int:
        return len(self._row)

    def take(self) -> "Rows":
        """What was gathered; the collector is empty afterwards."""
        columns = np.unique(np.concatenate([shape.columns for shape in self._used]))
        values = np.full((len(self._row), len(columns)), np.nan)
        for shape in self._used:
            block = np.array(shape.data, np.float64).reshape(len(shape.rows), -1)  # None becomes NaN
            values[np.ix_(np.array(shape.rows, np.intp), np.searchsorted(columns, shape.columns))] = block
            shape.rows, shape.data = [], []
        rows = Rows(
            np.array(self._row, np.int64),
            np.array(self._ts, np.int64),
            np.array(self._received, np.int64),
            np.array(self._origin, np.int64),
            columns,
            values,
            self._undated,
        )
        self._used, self._undated = [], {}
        self._row, self._ts, self._received, self._origin = [], [], [], []
        return rows


class Rows:
    """Measurements of one flush as columns of length n.

    Attributes:
        row: int64, device's row in the roster.
        ts: int64, event time or, without one, receipt time; UTC ms.
        received_at: int64, UTC ms.
        origin: int64, number of the message in the flush.
        columns: intp[k], index of each column in `SIGNALS`, ascending.
        values: float64[n, k]; NaN is missing.
        undated: number of each row without its own time → (seq, broker's DUP mark).
    """

    __slots__ = ("columns", "origin", "received_at", "row", "ts", "undated", "values")

    def __init__(
        self,
        row: NDArray[np.int64],
        ts: NDArray[np.int64],
        received_at: NDArray[np.int64],
        origin: NDArray[np.int64],
        columns: NDArray[np.intp],
        values: NDArray[np.float64],
        undated: dict[int, tuple[int | None, bool]],
    ) -> None:
        self.row = row
        self.ts = ts
        self.received_at = received_at
        self.origin = origin
        self.columns = columns
        self.values = values
        self.undated = undated
