"""Whole readings as frames, in the order in which they came."""

from collections.abc import Sequence

import numpy as np

from community.frame import Frame
from gateway.history.duck.schema import column
from gateway.history.duck.segments import source
from gateway.history.duck.snapshot import Snapshot
from gateway.history.duck.sql import row_of


def received_span(view: Snapshot) -> tuple[int, int]:
    """First and last time of receipt of all readings; the first is the later one if there are none."""
    tables = [f"SELECT min(received_at), max(received_at) FROM {head.table}" for head in view.heads()]
    tables.append("SELECT min(first_received), max(last_received) FROM segment")
    found = [row for table in tables for row in view.cursor.execute(table).fetchall() if row[0] is not None]
    return (min(a for a, _ in found), max(b for _, b in found)) if found else (1, 0)


class Received:
    """The readings of some devices, or of all, that were received from `start` to before `end` (UTC ms)."""

    def __init__(self, view: Snapshot, devices: Sequence[str] | None, start: int, end: int) -> None:
        self._view = view
        self._tables = [(head.table, head.signals) for head in view.heads()]
        files = view.received(start, end)
        if files:
            self._tables.append((source([s.path for s in files]), frozenset().union(*(s.signals for s in files))))
        self._terms = f"received_at >= {start} AND received_at < {end}"
        if devices is not None:
            ids = view.devices(devices).values()
            self._terms += f" AND device IN ({', '.join(map(str, ids))})" if ids else " AND false"

    def count(self) -> int:
        """How many there are."""
        return sum(self._count(table) for table, _ in self._tables)

    def frame(self) -> Frame:
        """All of them, in the order of receipt, then event time; there is at least one."""
        every = sorted(frozenset().union(*(signals for _, signals in self._tables)))
        selections = " UNION ALL BY NAME ".join(
            f"SELECT {', '.join(['device', 'ts', 'received_at', *map(column, sorted(signals))])} "
            f"FROM {table} WHERE {self._terms}"
            for table, signals in self._tables
        )
        rows = self._view.cursor.execute(f"SELECT * FROM ({selections}) ORDER BY received_at, ts, device").fetchnumpy()
        columns = [np.ma.filled(rows[column(s)].astype(np.float64), np.nan) for s in every]
        used = [not np.isnan(values).all() for values in columns]
        occurring, device = np.unique(rows["device"], return_inverse=True)
        names, signals = self._view.device_names(), self._view.signal_names()
        present = [values for values, there in zip(columns, used, strict=True) if there]
        return Frame.from_columns(
            [names[d] for d in occurring.tolist()],
            [signals[s] for s, there in zip(every, used, strict=True) if there],
            device.astype(np.int32),
            rows["ts"],
            rows["received_at"],
            np.column_stack(present) if present else np.empty((len(device), 0)),
        )

    def _count(self, table: str) -> int:
        (count,) = row_of(self._view.cursor, f"SELECT count(*) FROM {table} WHERE {self._terms}")
        return int(count)
