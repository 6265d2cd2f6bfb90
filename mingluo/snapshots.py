"""Where the engines' states rest between starts: one file for each partition, replaced whole."""

import os
from pathlib import Path

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    """An engine's state after the record at `position`.

    Attributes:
        estate_version, rulebook_version: the estate and the rules under which it stood there. A file of a release
            without versions of the rules has none: they were those of the shipped pack, version 0.
    """

    position: int
    estate_version: int
    state: bytes
    rulebook_version: int = 0


class Snapshots:
    """Snapshot files below `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, partition: int, snapshot: Snapshot) -> None:
        """Keep `snapshot` in place of the former one; a crash leaves the one or the other, never half of one.

        Raises:
            OSError: the disk is full or may not be written.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(partition)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.msgpack.encode(snapshot))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def load(self, partition: int) -> Snapshot | None:
        """The kept snapshot; None if there is none or it cannot be read (the log then tells everything again)."""
        try:
            return msgspec.msgpack.decode(self._path(partition).read_bytes(), type=Snapshot)
        except (OSError, msgspec.DecodeError):
            return None

    def _path(self, partition: int) -> Path:
        return self._directory / f"engine-{partition}.snapshot"
