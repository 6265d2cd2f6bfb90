"""Whether the broker's store can be written, and whether it has given up: asked of the disk and of the broker's log.

After a write error (a full disk, one remounted read-only) nats-server 2.15 lives on and answers, but takes nothing more
into the stream concerned, even when the disk is well again. Only another start helps.
"""

from pathlib import Path

PROBE_BYTES = 256 * 1024
"""Written and removed to see whether there is room: more than the broker writes between two looks at rest."""
GIVEN_UP = b"critical write error"
"""What nats-server logs when it gives a stream up."""


def write_fault(directory: Path) -> str | None:
    """Why nothing can be written to `directory` now; None if it can. Blocks while it writes."""
    probe = directory / "probe"
    try:
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return None


class GivenUp:
    """Looks for `GIVEN_UP` in what was logged since this was made."""

    def __init__(self, log_file: Path) -> None:
        self._file = log_file
        self._at = self._size()

    def look(self) -> bool:
        """Whether it was logged since the last look. What does not fit on a full disk is not found here."""
        if self._size() < self._at:  # a new file was begun
            self._at = 0
        try:
            with self._file.open("rb") as file:
                file.seek(self._at)
                text = file.read()
        except OSError:
            return False
        self._at += text.rfind(b"\n") + 1  # a line that is being written is read again
        return GIVEN_UP in text

    def _size(self) -> int:
        try:
            return self._file.stat().st_size
        except OSError:
            return 0
