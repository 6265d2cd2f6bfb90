"""Whole readings as frames, in the order in which they came."""

from collections.abc import Sequence

import numpy as np

from community.frame import Frame
from gateway.history.duck.schema import column
from gateway.history.duck.segments import source
from gateway.history.duck.snapshot import Snapshot


def received_span(view: Snapshot) -> tuple[int, int]:
    """First and last time of receipt of all readings; the first is the later one if there are none."""
    tables = [f"SELECT min(received_at), max(received_at) FROM {head.table}" for head in view.heads()]
    tables.append("SELECT min(first_received), max(last_received) FROM segment")
    found = [row for table in tables for row in view.cursor.execute(table).fetchall() if row[0] is not None]
    return (min(a for a, _ in found), max(b for _, b in found)) if found else (1, 0)


def frame_of(
    view: Snapshot, ids: Sequence[int] | None, names: dict[int, str], signals: dict[int, str], start: int, end: int
) -> Frame:
    """The readings received in a stretch, as a frame."""
    files = view.received(start, end)
    tables = [(head.table, head.signals) for head in view.heads()]
    if files:
        tables.append((source([s.path for s in files]), frozenset().union(*(s.signals for s in files))))
    every = sorted(frozenset().union(*(s for _, s in tables)))
    terms = f"received_at >= {start} AND received_at < {end}"
    if ids is not None:
        terms += f" AND device IN ({', '.join(map(str, ids))})" if ids else " AND false"
    selections = [
        f"SELECT device, ts, received_at{''.join(f', {column(s)}' for s in sorted(own))} FROM {table} WHERE {terms}"
        for table, own in tables
    ]
    if not selections:
        return Frame.from_readings([])
    rows = view.cursor.execute(
        f"SELECT * FROM ({' UNION ALL BY NAME '.join(selections)}) ORDER BY received_at, ts, device"
    ).fetchnumpy()
    values = (
        np.column_stack([np.ma.filled(rows[column(s)].astype(np.float64), np.nan) for s in every]) if every else None
    )
    n = len(rows["ts"])
    if values is None or not n:
        return Frame.from_readings([])
    used = ~np.isnan(values).all(axis=0)
    occurring, device = np.unique(np.ma.getdata(rows["device"]), return_inverse=True)
    return Frame.from_columns(
        [names[d] for d in occurring.tolist()],
        [signals[s] for s, there in zip(every, used.tolist(), strict=True) if there],
        device.astype(np.int32),
        np.ma.getdata(rows["ts"]),
        np.ma.getdata(rows["received_at"]),
        values[:, used],
    )
