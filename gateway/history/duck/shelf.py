"""The Parquet files of the store: what they are called, when they are safe on disk, and which are damaged.

A file counts when the catalogue has a segment of it, and only then. A file without one is left over from a crash, and
is removed when the store is opened; a segment without its file, or with one that was cut short, is set aside.
"""

import contextlib
import errno
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from community.vitals import Vitals
from gateway.history.duck.schema import PERIOD, SCATTERED
from gateway.history.duck.snapshot import Segment
from gateway.history.store import Resolution

FOLDERS = {Resolution.RAW: "raw", Resolution.MINUTE: "minute", Resolution.HOUR: "hour"}
_SUFFIX = ".parquet"
_DAMAGED = ".damaged"
_MAGIC = b"PAR1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shelf:
    """Files below `folder`. Nothing here asks the catalogue."""

    def __init__(self, folder: Path, vitals: Vitals) -> None:
        """Make the folders.

        Raises:
            OSError: one cannot be made.
        """
        self._folder = folder
        self._vitals = vitals
        for name in FOLDERS.values():
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._pending: list[Path] = []
        self._number = max(map(_number, self._found()), default=0)

    def fresh(self, kind: Resolution, period: int) -> Path:
        """A name for a file that is to be made; none is given twice, so that no cache mistakes one for another."""
        self._number += 1
        file = self._folder / FOLDERS[kind] / f"{_day(kind, period)}.{self._number:08d}{_SUFFIX}"
        self._pending.append(file)
        return file

    def kept(self) -> None:
        """What was made so far counts."""
        self._pending = []

    def unfinished(self) -> bool:
        """Whether something was made of which it is unknown whether it counts: making it or telling it failed."""
        return bool(self._pending)

    def discard_unfinished(self, segments: Iterable[Segment]) -> None:
        """Remove what was made and does not count, e.g. because the disk was full."""
        known = {segment.path for segment in segments}
        for file in self._pending:
            if file not in known:
                self.unlink(file)
        self._pending = []

    def sync(self, files: Iterable[Path]) -> None:
        """Return when the files and their names are on disk.

        Raises:
            OSError: they are not.
        """
        folders = set()
        for file in files:
            _sync(file)
            folders.add(file.parent)
        for folder in folders:
            _sync(folder)

    def unlink(self, file: Path) -> None:
        """Remove a file that has no segment; if that fails, the next opening does it."""
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)

    def sweep(self, segments: Iterable[Segment]) -> None:
        """Remove what a crash left over: files that belong to none of the segments."""
        known = {segment.path for segment in segments}
        for file in self._found():
            if file not in known and file.suffix == _SUFFIX:
                self.unlink(file)
                self._vitals.count("history_leftover_files")

    def fault(self, segment: Segment) -> str | None:
        """What is wrong with a segment's file, as far as can be seen without reading all of it; None: nothing.

        Raises:
            OSError: it could not be looked at, for a reason that is not the file's (too many open files).
        """
        try:
            size = segment.path.stat().st_size
            if size != segment.bytes:
                return f"has {size} bytes, expected {segment.bytes}"
            with segment.path.open("rb") as file:
                head = file.read(4)
                file.seek(-4, os.SEEK_END)
                return None if head == file.read(4) == _MAGIC else "is not a Parquet file any more"
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EIO):
                return f"cannot be read ({error.strerror})"
            raise

    def set_aside(self, file: Path) -> None:
        """Rename a damaged file, so that people find it; its readings are missing from now on, and that is counted."""
        with contextlib.suppress(OSError):
            file.rename(file.with_name(file.name + _DAMAGED))
        self._vitals.count("history_damaged_files")

    def _found(self) -> list[Path]:
        return [file for name in FOLDERS.values() for file in (self._folder / name).iterdir()]


def _day(kind: Resolution, period: int) -> str:
    if period == SCATTERED:
        return "scattered"
    try:
        return (_EPOCH + timedelta(milliseconds=period * PERIOD[kind])).strftime("%Y-%m-%d")
    except OverflowError:
        return f"period{period}"


def _number(file: Path) -> int:
    parts = file.name.split(".")
    return int(parts[1]) if len(parts) > 2 and parts[1].isdecimal() else 0


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
