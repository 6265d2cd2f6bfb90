"""Noting: after a flush, the journal is told what became of each message of each device."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.admitted import Admitted
from gateway.columnar.packets import Packets
from gateway.journal import Journal, Outcome


def note_flush(
    journal: Journal, batch: Sequence[Packets], rows: Sequence[NDArray[np.int32]], admitted: Admitted
) -> None:
    """Tell the journal what became of each message.

    Args:
        journal: keeps each device's last messages.
        batch: the messages of a flush, in order of receipt.
        rows: of each arrival, the row of each message's device; below 0: none is named by its topic.
        admitted: what became of them.
    """
    outcomes = np.full(sum(map(len, batch)), Outcome.IGNORED, np.uint8)
    outcomes[list(admitted.faults)] = Outcome.QUARANTINED
    # What came in at least in part counts as come in, and an event more than a value.
    for origin in admitted.origins:
        outcomes[origin] = Outcome.ACCEPTED
    for origin, has_event in zip(admitted.origins, admitted.with_events, strict=True):
        outcomes[origin[has_event]] = Outcome.EVENT
    start = 0
    refused = sorted(admitted.faults)
    for packets, of in zip(batch, rows, strict=True):
        end = start + len(packets)
        here = refused[bisect_left(refused, start) : bisect_left(refused, end)]
        journal.note(packets, of, outcomes[start:end], {n - start: admitted.faults[n] for n in here})
        start = end
    _note_others(journal, batch, np.concatenate(rows), admitted)


def _note_others(journal: Journal, batch: Sequence[Packets], named: NDArray[np.int32], admitted: Admitted) -> None:
    """Note messages also at the devices that they speak for and their topic does not name: parts, bridges."""
    others: dict[tuple[int, int], bool] = {}
    for origin, row, has_event in zip(admitted.origins, admitted.rows, admitted.with_events, strict=True):
        for i in np.flatnonzero(row != named[origin]).tolist():
            pair = int(origin[i]), int(row[i])
            others[pair] = others.get(pair, False) or bool(has_event[i])
    start = 0
    waiting = sorted(others)
    for packets in batch:
        end = start + len(packets)
        here = waiting[bisect_left(waiting, (start, -1)) : bisect_left(waiting, (end, -1))]
        if here:
            journal.note(
                packets,
                np.array([row for _, row in here], np.int32),
                np.array([Outcome.EVENT if others[pair] else Outcome.ACCEPTED for pair in here], np.uint8),
                numbers=np.array([number - start for number, _ in here], np.int32),
            )
        start = end
