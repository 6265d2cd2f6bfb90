"""Framing: judged rows become the frames that the log takes, for each partition."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from community.frame import Frame
from community.quantities import SIGNALS
from gateway.collector import Rows
from gateway.roster import Roster

MAX_FRAME_BYTES = 768 * 1_024
"""Largest frame, so that every record fits into a broker with the usual limit of 1 MiB."""


def framed(rows: Rows, keep: NDArray[np.bool_], roster: Roster) -> Iterator[tuple[int, list[Frame]]]:
    """The rows of `keep` as frames in order of receipt, with the partition that they belong to.

    Args:
        rows: what was judged; their devices are rows of `roster`.
        keep: bool[rows].
        roster: whose rows they are.
    """
    partitions = roster.partition[rows.row]
    # 20 bytes of device number and times, at most 66 of a device's name, 8 a value.
    most = MAX_FRAME_BYTES // (20 + 66 + 8 * len(rows.columns))
    for partition in np.unique(partitions[keep]).tolist():
        chosen = np.flatnonzero(keep & (partitions == partition))
        yield partition, [_frame(rows, chosen[at : at + most], roster) for at in range(0, len(chosen), most)]


def _frame(rows: Rows, chosen: NDArray[np.intp], roster: Roster) -> Frame:
    values = rows.values[chosen]
    present = np.flatnonzero(~np.isnan(values).all(axis=0))
    devices, numbers = np.unique(rows.row[chosen], return_inverse=True)
    return Frame.from_columns(
        [roster.ids[row] or "" for row in devices.tolist()],
        [SIGNALS[j] for j in rows.columns[present].tolist()],
        numbers.astype(np.int32),
        rows.ts[chosen],
        rows.received_at[chosen],
        values[:, present],
    )
