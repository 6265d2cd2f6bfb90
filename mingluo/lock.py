"""One system for a data directory: a second start is refused by name instead of corrupting the first one's data."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataDirInUse(Exception):
    """Another running process owns the data directory."""


@contextmanager
def lock_data_dir(data_dir: Path) -> Iterator[None]:
    """Own `data_dir` (made if absent, readable by its owner only) until the block ends or the process dies.

    Raises:
        DataDirInUse: naming the process that owns it.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "lock").open("a+") as file:
        try:
            # The kernel releases it however the process ends, so a lock is never left behind.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise DataDirInUse(f"{data_dir} is in use by process {file.read().strip() or '(unknown)'}") from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
