"""The DuckDB store: a history within one folder, embedded, without a server."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from community.frame import Frame
from community.vitals import Vitals
from gateway.history.batch import Batch
from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.guard import Guard
from gateway.history.duck.head import Writer
from gateway.history.duck.reading import Reading
from gateway.history.duck.segments import delete
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Segment
from gateway.history.duck.tending import Tender
from gateway.history.store import HistoryUnavailable, Last, Query, Resolution, Retention, Series, Tended, Usage


class DuckStore:
    """A `HistoryStore` in `folder`, which one process has at a time.

    The newest readings are in tables of the catalogue (heads), all others in Parquet files (segments), which are
    written once and never changed. What a crash leaves is put right at opening, by what the catalogue says.
    """

    def __init__(self, folder: Path, retention: Retention, vitals: Vitals) -> None:
        """Open the store, and make it where there is none.

        Args:
            folder: of its own; made if need be.
            retention: applied by `tend`.
            vitals: counts leftover files (`history_leftover_files`) and damaged ones (`history_damaged_files`).

        Raises:
            HistoryUnavailable: it cannot be opened; what, where, and what to do.
        """
        self._folder = folder
        self._retention = retention
        try:
            self._shelf = Shelf(folder, vitals)
        except OSError as error:
            raise HistoryUnavailable(f"{folder}: cannot be made: {error.strerror or error}") from error
        guard = Guard(self._shelf.unlink)
        self._catalogue = Catalogue(folder, guard)
        self._writer = Writer(self._catalogue)
        self._tender = Tender(folder, self._catalogue, self._shelf, guard, self._writer, retention)
        self._reading = Reading(self._catalogue)
        self._set_right()

    def position(self) -> int:
        """As in `HistoryStore`."""
        return self._writer.position()

    def write(self, batch: Batch) -> None:
        """As in `HistoryStore`."""
        self._require_room()
        self._writer.write(batch)

    def tend(self, now: int) -> Tended:
        """As in `HistoryStore`."""
        return self._tender.tend(now)

    def read(self, query: Query) -> list[Series]:
        """As in `HistoryStore`."""
        return self._reading.read(query)

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """As in `HistoryStore`."""
        return self._reading.last(devices)

    def readings(self, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
        """As in `HistoryStore`."""
        return self._reading.readings(devices, start, end)

    def ticks(self, start: int, end: int) -> NDArray[np.int64]:
        """As in `HistoryStore`."""
        return self._reading.ticks(start, end)

    def usage(self) -> Usage:
        """As in `HistoryStore`."""
        return self._reading.usage()

    def close(self) -> None:
        """As in `HistoryStore`."""
        self._catalogue.close()

    def _require_room(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < self._retention.min_free_bytes:
            raise HistoryUnavailable(
                f"{self._folder}: {free >> 20} MiB free on its disk, "
                f"expected at least {self._retention.min_free_bytes >> 20} MiB"
            )

    def _set_right(self) -> None:
        with self._catalogue.snapshot() as view:
            segments = [s for kind in Resolution for s in view.segments(kind)]
        self._shelf.sweep(segments)
        self._set_aside([s for s in segments if self._shelf.fault(s)])

    def _set_aside(self, damaged: list[Segment]) -> None:
        """Let damaged files count no more."""
        with self._catalogue.change() as cursor:
            delete(cursor, self._folder, damaged)
        for segment in damaged:
            self._shelf.set_aside(segment.path)
