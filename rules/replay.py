"""Records of all partitions through engines, without log or clock."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from community.estate import Estate, partition_of
from community.finding import Finding
from community.frame import EstateChange, Frame, Record, Tick
from rules.engine import Engine
from rules.rulebook import Rulebook


def replay(
    records: Iterable[Record],
    rulebook: Rulebook,
    estate: Estate,
    estate_of: Callable[[int], Estate] | None = None,
) -> Iterator[tuple[int, list[Finding]]]:
    """Evaluate records in order.

    Args:
        estate_of: gives the estate of a version, for recordings that contain estate changes; without it such
            records change nothing.

    Yields:
        For each record: its number, from 1, and what it led to (often nothing).
    """
    engines = _engines(rulebook, estate, {})
    partition = {d.id: partition_of(estate.community_of(d)) for d in estate.device}
    for position, record in enumerate(records, 1):
        findings: list[Finding] = []
        match record:
            case Frame():
                for part in _by_partition(record, partition):
                    findings += engines[partition[part.devices[0]]].apply(part)
            case Tick():
                for number in sorted(engines):
                    findings += engines[number].tick(record)
            case EstateChange():
                if estate_of is not None:
                    estate = estate_of(record.version)
                    for number in sorted(engines):
                        findings += engines[number].change_estate(estate)
                    engines = _engines(rulebook, estate, engines)
                    partition = {d.id: partition_of(estate.community_of(d)) for d in estate.device}
        yield position, findings


def _engines(rulebook: Rulebook, estate: Estate, engines: dict[int, Engine]) -> dict[int, Engine]:
    occupied = sorted({partition_of(estate.community_of(d)) for d in estate.device})
    return engines | {n: Engine(rulebook, estate, n) for n in occupied if n not in engines}


def _by_partition(frame: Frame, partition: dict[str, int]) -> Iterator[Frame]:
    """Runs of rows of one partition, order kept; rows of unknown devices are left out."""
    known = [partition.get(d, -1) for d in frame.devices]
    if len(set(known)) == 1 and known[0] >= 0:
        yield frame
        return
    column, ts, received, values = frame.device, frame.ts, frame.received_at, frame.values
    rows = [known[d] for d in column.tolist()]
    begin = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end] != rows[begin]:
            if rows[begin] >= 0:
                # Only the devices of the run may be named, the first of them decides the engine.
                numbers = dict.fromkeys(column[begin:end].tolist())
                of = {d: k for k, d in enumerate(numbers)}
                yield Frame.from_columns(
                    [frame.devices[d] for d in numbers],
                    frame.signals,
                    np.array([of[d] for d in column[begin:end].tolist()], np.int32),
                    ts[begin:end],
                    received[begin:end],
                    values[begin:end],
                )
            begin = end
