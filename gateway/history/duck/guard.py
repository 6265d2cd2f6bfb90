"""Which files may be unlinked: only those that no running question may still open."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Guard:
    """Defers the unlinking of files until all questions that began before have ended.

    What waits is bounded by the segments that there were; a crash leaves them as files without a segment, which are
    removed at the next opening.
    """

    def __init__(self, unlink: Callable[[Path], None]) -> None:
        """`unlink` removes one file and raises nothing; it may be called from any thread."""
        self._unlink = unlink
        self._lock = threading.Lock()
        self._next = 0
        self._running: set[int] = set()
        self._retired: list[tuple[int, Path]] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the body runs, no file is unlinked that was retired after it began."""
        with self._lock:
            number = self._next
            self._next += 1
            self._running.add(number)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(number)
            self._sweep()

    def retire(self, files: list[Path]) -> None:
        """Unlink files that no question can find any more, as soon as that is safe."""
        with self._lock:
            self._retired += [(self._next, file) for file in files]
        self._sweep()

    def waiting(self) -> int:
        """Files that wait."""
        with self._lock:
            return len(self._retired)

    def _sweep(self) -> None:
        with self._lock:
            oldest = min(self._running, default=self._next)
            free = [file for number, file in self._retired if number <= oldest]
            self._retired = [(number, file) for number, file in self._retired if number > oldest]
        for file in free:
            self._unlink(file)
