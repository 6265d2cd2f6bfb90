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
from gateway.history.duck.damage import Damage
from gateway.history.duck.guard import Guard
from gateway.history.duck.head import Writer
from gateway.history.duck.reading import Reading
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Segment, Snapshot
from gateway.history.duck.tending import Tender
from gateway.history.store import (
    WIDTH,
    HistoryUnavailable,
    Last,
    Query,
    Resolution,
    Retention,
    Series,
    Tended,
    Usage,
)


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
            shelf = Shelf(folder, vitals)
        except OSError as error:
            raise HistoryUnavailable(f"{folder}: cannot be made: {error.strerror or error}") from error
        guard = Guard(shelf.unlink)
        self._catalogue = catalogue = Catalogue(folder, guard)
        self._writer = Writer(catalogue)
        self._damage = Damage(folder, catalogue, shelf)
        self._tender = Tender(folder, catalogue, shelf, guard, self._writer, self._damage, retention)
        self._reading = Reading(catalogue)
        try:
            self._damage.put_right()
        except BaseException:
            catalogue.close()
            raise

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
        return self._damage.mended(lambda: self._reading.read(query), lambda view: _overlapping(view, query))

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        """As in `HistoryStore`."""
        return self._reading.last(devices)

    def readings(self, devices: Sequence[str] | None, start: int, end: int) -> Iterator[Frame]:
        """As in `HistoryStore`."""
        try:
            yield from self._reading.readings(devices, start, end)
        except HistoryUnavailable as error:
            # What came so far cannot be taken back; asked anew, it will be whole without what is damaged.
            self._damage.found(error, lambda view: view.received(start, end))
            raise

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


def _overlapping(view: Snapshot, query: Query) -> list[Segment]:
    """The files that may have something for a question."""
    return [s for kind in Resolution for s in view.segments(kind, query.start - max(WIDTH.values()), query.end)]
