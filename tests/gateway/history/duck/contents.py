"""What a DuckDB store holds, told in the plainest way: by its own tables and files, past the reading side."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from community.frame import Reading
from gateway.history.batch import Batch
from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.guard import Guard
from gateway.history.duck.schema import MERGED, PARTIALS, column
from gateway.history.duck.segments import source
from gateway.history.duck.snapshot import Snapshot
from gateway.history.store import WIDTH, Resolution

START = 1_795_003_200_000
"""A midnight, UTC ms."""
Row = tuple[str, int, int, int, tuple[tuple[str, float], ...]]


class Rolled(NamedTuple):
    """A roll-up; `last` are all values with the latest event time, any of which may stand for it."""

    minimum: float
    maximum: float
    sum: float
    values: int
    last: frozenset[float]
    last_ts: int
    good: int
    flags: int


class Contents(NamedTuple):
    """Everything in a store."""

    position: int
    rows: list[Row]
    ticks: list[int]
    rolled: dict[Resolution, dict[tuple[str, str, int], Rolled]]
    latest: dict[tuple[str, str], tuple[int, float]]


def make_batch(
    position: int,
    readings: Sequence[tuple[Reading, int]],
    ticks: Sequence[int] = (),
    devices: Sequence[str] | None = None,
    signals: Sequence[str] | None = None,
) -> Batch:
    """A batch of readings, each with its flags; `devices` and `signals` set the order in which they are numbered."""
    devices = list(devices or dict.fromkeys(r.device for r, _ in readings))
    signals = list(signals or dict.fromkeys(s for r, _ in readings for s in r.values))
    values = np.full((len(readings), len(signals)), np.nan)
    for i, (reading, _) in enumerate(readings):
        for name, value in reading.values.items():
            values[i, signals.index(name)] = value
    return Batch(
        position,
        tuple(devices),
        tuple(signals),
        np.array([devices.index(r.device) for r, _ in readings], np.int32),
        np.array([r.ts for r, _ in readings], np.int64),
        np.array([r.received_at for r, _ in readings], np.int64),
        values,
        np.array([flags for _, flags in readings], np.uint8),
        np.array(ticks, np.int64),
    )


def row(reading: Reading, flags: int) -> Row:
    """A reading as `Contents` has it."""
    return (reading.device, reading.ts, reading.received_at, flags, tuple(sorted(reading.values.items())))


def rolled_up(rows: Sequence[Row], width: int) -> dict[tuple[str, str, int], Rolled]:
    """The roll-ups that rows come to."""
    values: dict[tuple[str, str, int], list[tuple[int, float, int]]] = defaultdict(list)
    for device, ts, _, flags, pairs in rows:
        for signal, value in pairs:
            values[device, signal, ts // width * width].append((ts, value, flags))
    result = {}
    for key, found in values.items():
        latest = max(ts for ts, _, _ in found)
        flags = 0
        for _, _, some in found:
            flags |= some
        result[key] = Rolled(
            min(v for _, v, _ in found),
            max(v for _, v, _ in found),
            sum(v for _, v, _ in found),
            len(found),
            frozenset(v for ts, v, _ in found if ts == latest),
            latest,
            sum(some == 0 for _, _, some in found),
            flags,
        )
    return result


def contents(folder: Path) -> Contents:
    """What the store in `folder`, which nobody has open, holds in its files and heads."""
    catalogue = Catalogue(folder, Guard(lambda _: None))
    try:
        with catalogue.snapshot() as view:
            devices, signals = view.device_names(), view.signal_names()
            ((position,),) = view.cursor.execute("SELECT position FROM position").fetchall()
            ticks = [ts for (ts,) in view.cursor.execute("SELECT ts FROM tick ORDER BY ts").fetchall()]
            latest = {
                (devices[device], signals[signal]): (ts, value)
                for device, signal, ts, value in view.cursor.execute("FROM latest").fetchall()
            }
            rolled = {kind: _rolled(view, kind, devices, signals) for kind in (Resolution.MINUTE, Resolution.HOUR)}
            return Contents(position, _rows(view, devices, signals), ticks, rolled, latest)
    finally:
        catalogue.close()


def _rows(view: Snapshot, devices: dict[int, str], signals: dict[int, str]) -> list[Row]:
    places = [(head.table, head.signals) for head in view.heads()]
    places += [(source([s.path]), s.signals) for s in view.segments(Resolution.RAW)]
    rows = []
    for place, present in places:
        ids = sorted(present)
        names = ", ".join(["device", "ts", "received_at", "flags", *map(column, ids)])
        for device, ts, received, flags, *values in view.cursor.execute(f"SELECT {names} FROM {place}").fetchall():
            pairs = [(signals[s], v) for s, v in zip(ids, values, strict=True) if v is not None]
            rows.append((devices[device], ts, received, flags, tuple(sorted(pairs))))
    return sorted(rows)


def _rolled(
    view: Snapshot, kind: Resolution, devices: dict[int, str], signals: dict[int, str]
) -> dict[tuple[str, str, int], Rolled]:
    files = [s.path for s in view.segments(kind)]
    if not files:
        return {}
    question = f"SELECT {MERGED} FROM (SELECT {PARTIALS} FROM {source(files)}) GROUP BY signal, device, ts"
    result = {}
    for signal, device, ts, low, high, total, count, last, last_ts, good, flags in view.cursor.execute(
        question
    ).fetchall():
        assert ts % WIDTH[kind] == 0
        key = devices[device], signals[signal], ts
        result[key] = Rolled(low, high, total, count, frozenset([last]), last_ts, good, flags)
    return result
