"""What we must remember beside a server: how far the log is in, and which roll-ups have yet to be made.

A small JSON file, replaced whole and flushed to the disk. It is written after the server has acknowledged the data: if
we die between, the batch goes in again, which changes nothing there. A lost file means that the log is read again from
its beginning: harmless, too. So is another server: what the log still has goes into it.
"""

import json
import os
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from community.clock import MINUTE
from community.vitals import Vitals

WINDOW = 10 * MINUTE
"""Stretch of event time, aligned to UTC, that is rolled up at once."""
MOST_WINDOWS = 10_000
"""Ten weeks. Beyond it the oldest are forgotten (`history_forgotten_windows`); the server's own tasks, or nothing,
make their roll-ups then."""


class Progress:
    """Position in the log, and event-time windows that were written to since they were last rolled up.

    Safe to use from several threads. In memory it is ahead of the file; `save` makes the file follow.
    """

    def __init__(self, directory: Path, server: str, vitals: Vitals) -> None:
        """Read the file in `directory`, which is made if it is not there; one that cannot be read counts as lost.

        Args:
            directory: ours.
            server: names where the data go. A file about another place says nothing of this one: we begin anew.
            vitals: counts.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._file = directory / "progress.json"
        self._server = server
        self._vitals = vitals
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._position = 0
        self._touched: dict[int, int] = {}
        self._number = 0
        try:
            known = json.loads(self._file.read_text())
            if known["server"] == server:
                self._position = int(known["position"])
                self._touched = {int(start): 0 for start in known["touched"]}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            self._position, self._touched = 0, {}
            vitals.count("history_progress_lost")

    @property
    def position(self) -> int:
        """The log position up to which everything is in."""
        with self._lock:
            return self._position

    def touch(self, ts: NDArray[np.int64]) -> None:
        """Note that readings with these event times (int64, UTC ms) were, or will be, written."""
        starts = (np.unique(ts // WINDOW) * WINDOW).tolist()
        with self._lock:
            self._number += 1
            for start in starts:
                self._touched[start] = self._number
            surplus = sorted(self._touched)[: max(0, len(self._touched) - MOST_WINDOWS)]
            for start in surplus:
                del self._touched[start]
        if surplus:
            self._vitals.count("history_forgotten_windows", len(surplus))

    def touched(self) -> dict[int, int]:
        """Start of each window whose roll-ups lag behind, in order, and a number that changes with every write."""
        with self._lock:
            return dict(sorted(self._touched.items()))

    def rolled_up(self, windows: dict[int, int]) -> None:
        """Forget windows, unless they were written to since `touched` gave them out."""
        with self._lock:
            for start, number in windows.items():
                if self._touched.get(start) == number:
                    del self._touched[start]

    def save(self, position: int | None = None) -> None:
        """Put it on the disk, with a new position if one is given.

        Raises:
            OSError: the file is as it was, and so is the position.
        """
        with self._saving:
            with self._lock:
                reached = self._position if position is None else position
                known = {"server": self._server, "position": reached, "touched": sorted(self._touched)}
            _replace(self._file, json.dumps(known))
            with self._lock:
                self._position = reached


def _replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    with new.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
