"""Damaged files: each costs what was in it and no more, is named by its new name, and counted."""

import contextlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import duckdb

from gateway.history.duck.catalogue import SPILL, Catalogue
from gateway.history.duck.segments import delete, source
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Segment, Snapshot
from gateway.history.store import HistoryUnavailable, Resolution

T = TypeVar("T")
Suspects = Callable[[Snapshot], Sequence[Segment]]
"""The segments that a question may have read."""
_CONTENT = (duckdb.InvalidInputException, duckdb.SerializationException)
"""What DuckDB raises for a content that does not decode, beside `duckdb.Error` itself; all else says nothing of it."""


class Damage:
    """Finds files that cannot be read, and lets them count no more.

    A change of content that still decodes is not found: files carry no checksums, their disk does.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, shelf: Shelf) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._shelf = shelf

    def put_right(self) -> None:
        """After a crash: what is left over goes, and files that were cut short or are gone are set aside.

        Raises:
            HistoryUnavailable: the folder cannot be read.
        """
        with self._catalogue.snapshot() as view:
            segments = [s for kind in Resolution for s in view.segments(kind)]
            shutil.rmtree(self._folder / SPILL, ignore_errors=True)
            self._shelf.sweep(segments)
            damaged = [s for s in segments if self._shelf.fault(s)]
        self._set_aside(damaged)

    def mended(self, ask: Callable[[], T], suspects: Suspects) -> T:
        """What `ask` returns; asked once more if it failed and a damaged file among `suspects` was set aside."""
        try:
            return ask()
        except HistoryUnavailable as error:
            if not self.found(error, suspects):
                raise
        return ask()

    def found(self, error: HistoryUnavailable, suspects: Suspects) -> bool:
        """Whether a damaged file may have been the reason of `error`, and is now set aside."""
        if not isinstance(error.__cause__, duckdb.Error | OSError):
            return False  # a refusal of ours
        damaged = []
        with contextlib.suppress(HistoryUnavailable), self._catalogue.snapshot() as view:
            # While this view is open no file goes that it names.
            damaged = [s for s in suspects(view) if self._shelf.fault(s) or self._undecodable(s)]
        self._set_aside(damaged)
        return bool(damaged)

    def _undecodable(self, segment: Segment) -> bool:
        """Whether reading all of a file fails for what is in it."""
        # In a transaction of its own: the first fault ends one, and every later file would then seem damaged too.
        with self._catalogue.snapshot() as view:
            try:
                view.cursor.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {source([segment.path])}").fetchall()
            except duckdb.Error as error:
                return type(error) is duckdb.Error or isinstance(error, _CONTENT)
        return False

    def _set_aside(self, damaged: Sequence[Segment]) -> None:
        if not damaged:
            return
        with self._catalogue.change() as cursor:
            delete(cursor, self._folder, damaged)
        for segment in damaged:
            self._shelf.set_aside(segment.path)
