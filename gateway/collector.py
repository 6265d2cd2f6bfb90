"""Gathers decoded measurements into columns: messages of one shape (the same signals) fill one block of numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from community.quantities import SIGNAL_INDEX
from gateway.fault import Fault
from gateway.values import unknown_signal

MAX_SHAPES = 4_096
"""Shapes remembered. A device has a handful; what sends ever new ones must not fill the memory."""


NO_SEQ = -1
"""No running number."""

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
        self._dated: list[bool] = []
        self._seq: list[int] = []
        self._dup: list[bool] = []
        self._steady: list[bool] = []
        self._blocks: list[Rows] = []

    def add(self, row: int, ts: int | None, seq: int | None, received_at: int, dup: bool, steady: bool, origin: int,
            values: Mapping[str, float | None], place: str = "values") -> Sequence[Fault]:  # fmt: skip
        """Append one measurement.

        Args:
            row: of the device in the roster.
            ts: its own time, or None: then the receipt counts.
            dup: whether the broker marked the message as perhaps sent before.
            steady: whether all values belong to one moment.
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
                    self.add(row, ts, seq, received_at, dup, steady, origin, known)
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
        self._ts.append(received_at if ts is None else ts)
        self._dated.append(ts is not None)
        self._seq.append(NO_SEQ if seq is None else seq)
        self._dup.append(dup)
        self._steady.append(steady)
        return NO_FAULTS

    def add_rows(self, rows: "Rows") -> None:
        """Append measurements that are columns already."""
        self._blocks.append(rows)

    def __len__(self) -> int:
        return len(self._row) + sum(len(block.row) for block in self._blocks)

    def take(self) -> "Rows":
        """What was gathered, in the order of the messages; the collector is empty afterwards."""
        blocks, self._blocks = self._blocks, []
        if self._row:
            blocks.append(self._gathered())
        return blocks[0] if len(blocks) == 1 else merge(blocks)

    def _gathered(self) -> "Rows":
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
            np.array(self._dated, np.bool_),
            np.array(self._seq, np.int64),
            np.array(self._dup, np.bool_),
            np.array(self._steady, np.bool_),
        )
        self._used = []
        self._row, self._ts, self._received, self._origin = [], [], [], []
        self._dated, self._seq, self._dup, self._steady = [], [], [], []
        return rows


@dataclass(slots=True)
class Rows:
    """Measurements of one flush as columns of length n.

    Attributes:
        row: int64, device's row in the roster.
        ts: int64, event time or, without one, receipt time; UTC ms.
        received_at: int64, UTC ms.
        origin: int64, number of the message in the flush.
        columns: intp[k], index of each column in `SIGNALS`, ascending.
        values: float64[n, k]; NaN is missing.
        dated: bool, whether `ts` is the device's own.
        seq: int64, the device's running number; `NO_SEQ` if it sends none.
        dup: bool, whether the broker marked the message as perhaps sent before.
        steady: bool, whether all values of the row belong to one moment.
    """

    row: NDArray[np.int64]
    ts: NDArray[np.int64]
    received_at: NDArray[np.int64]
    origin: NDArray[np.int64]
    columns: NDArray[np.intp]
    values: NDArray[np.float64]
    dated: NDArray[np.bool_]
    seq: NDArray[np.int64]
    dup: NDArray[np.bool_]
    steady: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)


def merge(blocks: Sequence[Rows]) -> Rows:
    """Several blocks as one, in the order of their messages."""
    columns = np.unique(np.concatenate([b.columns for b in blocks]))
    values = np.full((sum(map(len, blocks)), len(columns)), np.nan)
    at = 0
    for block in blocks:
        values[at : at + len(block), np.searchsorted(columns, block.columns)] = block.values
        at += len(block)
    origin = np.concatenate([b.origin for b in blocks])
    order = np.argsort(origin, kind="stable")

    def joined(name: str) -> Any:
        return np.concatenate([getattr(b, name) for b in blocks])[order]

    return Rows(
        joined("row"), joined("ts"), joined("received_at"), origin[order], columns, values[order],
        joined("dated"), joined("seq"), joined("dup"), joined("steady"),
    )  # fmt: skip
