"""The front of the checks: what of a flush's measurements is credible, and what is noted of the devices."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from community.clock import DAY, MINUTE
from community.estate import Estate
from community.quantities import SIGNAL_INDEX, SIGNALS
from community.refusal import Reason
from gateway.collector import Rows
from gateway.fault import Fault
from gateway.roster import Roster
from gateway.trust.kernel import BATTERY_AT, BATTERY_LOW_AT, N_PAIRS, NAMED, NEW, PAIRS_AT, judge
from gateway.trust.rates import Rates
from gateway.trust.tables import CLASS_OF, NOTES, Why, limits

_NAMED = np.array([SIGNAL_INDEX[s] for s in NAMED], np.intp)
_NOTES = np.array([SIGNAL_INDEX[s] for s in NOTES], np.intp)

_DETAILS = {
    Why.RATING: "{value:g} is more than an instrument on this circuit can report",
    Why.MARKER: "{value:g} is how a sensor says that it measures nothing",
    Why.LOST: "{value:g} like everything else of a circuit that is live: the sensor is lost",
    Why.WRAPPED: "{value:g} does not fit the power: the current ran over its 16 bits",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of the measurements.

    Attributes:
        rows: as given, without what is not credible, with the times that count and with the events that the gateway
            notes.
        keep: bool[n], which have anything left.
        faults: index of the row, and what was refused of it.
        noted: events noted, by signal.
    """

    rows: Rows
    keep: NDArray[np.bool_]
    faults: list[tuple[int, Fault]]
    noted: dict[str, int]


def fault_of(signal: str, value: float, why: Why) -> Fault | None:
    """The fault of a blanked value; None if it never was a measurement."""
    detail = _DETAILS.get(why)
    return None if detail is None else Fault(Reason.OUT_OF_RANGE, f"values.{signal}", detail.format(value=value))


class Trust:
    """Judges measurements of known devices. No clock, no I/O. Memory: 96 bytes a device, rebuilt after a start."""

    def __init__(self, too_old: int = 7 * DAY, future: int = MINUTE) -> None:
        """Begin with nothing remembered.

        Args:
            too_old: ms before receipt; an older time is not the measurement's.
            future: ms after receipt; a later time is not.
        """
        self._too_old, self._future = too_old, future
        self._memory: NDArray[np.int64] = np.zeros((0, len(NEW)), np.int64)
        self._most: NDArray[np.float64] = np.zeros((0, 3))
        self._unlimited: NDArray[np.bool_] = np.zeros(0, np.bool_)

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return self._memory.nbytes + self._most.nbytes + self._unlimited.nbytes

    def resize(self, roster: Roster, estate: Estate) -> None:
        """From now on these devices are known, with these ratings; forget what was remembered of fresh rows."""
        memory = np.tile(NEW, (len(roster), 1))
        memory[: len(self._memory)] = self._memory[: len(roster)]
        memory[roster.fresh] = NEW
        self._memory = memory
        self._most = np.full((len(roster), 3), np.inf)
        for device in estate.device:
            self._most[roster.row_of_id[device.id]] = limits(device.ratings)
        self._unlimited = np.zeros(len(roster), np.bool_)

    def judge(self, rows: Rows, keep: NDArray[np.bool_], limited: NDArray[np.bool_] | None = None) -> Judgement:
        """Judge the rows of `keep`.

        Args:
            rows: within the limits of instruments, and without repetitions among those of `keep`: an old message
                that comes twice would look like a clock that steps back. Its values are changed.
            keep: bool[n].
            limited: bool[devices], whether a device's rate is being limited; by default none is.
        """
        n = len(rows)
        values = np.ascontiguousarray(rows.values)
        columns = rows.columns.astype(np.int64)
        position = np.full(len(SIGNALS), -1, np.int64)
        position[columns] = np.arange(len(columns))
        at = position[_NAMED]
        pairs = at[PAIRS_AT : PAIRS_AT + 2 * N_PAIRS].reshape(-1, 2)
        any_pair = bool((pairs >= 0).all(axis=1).any() or (at[BATTERY_AT] >= 0 and at[BATTERY_LOW_AT] >= 0))
        why = np.zeros(values.shape, np.uint8)
        notes = np.full((n, len(NOTES)), np.nan)
        times = rows.ts.copy()
        before = values.copy()
        left = np.zeros(n, np.bool_)
        blanked, events = judge(
            rows.row, rows.ts, rows.received_at, rows.dated, rows.steady, keep, values, columns,
            CLASS_OF[columns].astype(np.int64), position, at, any_pair, self._most,
            self._unlimited if limited is None else limited, self._memory, self._too_old, self._future,
            why, notes, times, left,
        )  # fmt: skip
        judged = replace(rows, values=values, ts=times)
        faults = self._faults(columns, before, why) if blanked else []
        noted: dict[str, int] = {}
        if events:
            said = ~np.isnan(notes)
            judged = _with_notes(judged, notes, said)
            noted = {NOTES[k]: c for k, c in enumerate((notes == 1).sum(axis=0).tolist()) if c}
        return Judgement(judged, left, faults, noted)

    @staticmethod
    def _faults(
        columns: NDArray[np.int64], before: NDArray[np.float64], why: NDArray[np.uint8]
    ) -> list[tuple[int, Fault]]:
        found = (
            (i, fault_of(SIGNALS[columns[j]], float(before[i, j]), Why(why[i, j])))
            for i, j in np.argwhere(why).tolist()
        )
        return [(i, fault) for i, fault in found if fault is not None]


def _with_notes(rows: Rows, notes: NDArray[np.float64], said: NDArray[np.bool_]) -> Rows:
    """The rows with columns for the events noted, which then stand in the columns' order."""
    columns = np.union1d(rows.columns, _NOTES[said.any(axis=0)]).astype(np.intp)
    values = np.full((len(rows), len(columns)), np.nan)
    values[:, np.searchsorted(columns, rows.columns)] = rows.values
    for k in np.flatnonzero(said.any(axis=0)).tolist():
        column = values[:, np.searchsorted(columns, _NOTES[k])]
        column[said[:, k]] = notes[said[:, k], k]  # a view: one column, seen from above
    return replace(rows, columns=columns, values=values)


def prepare() -> None:
    """Compile the kernels, or take them from disk; seconds the first time. For a thread at the start."""
    nobody = np.zeros(0, np.int64)
    none = np.zeros(0, np.bool_)
    rows = Rows(nobody, nobody, nobody, nobody, np.zeros(1, np.intp), np.zeros((0, 1)), none, nobody, none, none)
    Trust().judge(rows, none)
    Rates().allow(np.zeros(0, np.int32), none, 0)
