"""How other commands reach a running system: its addresses and the service user, readable by the owner only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.broker.connection import Endpoints


class RunFile(msgspec.Struct, frozen=True):
    """What `mingluo up` leaves in its data directory while it runs.

    Attributes:
        http: URL of the API and console.
        mqtt: address and port for devices; None if they use an external broker.
        nats, user, password: the log's server and the service user. The password, new at each start, is also the bearer
            token by which commands may do all over the API.
    """

    pid: int
    http: str
    mqtt: tuple[str, int] | None
    nats: str
    user: str
    password: str

    @property
    def endpoints(self) -> Endpoints:
        """As the gateway's connections want them."""
        return Endpoints(self.nats, self.mqtt, self.user, self.password)


def read_run_file(data_dir: Path) -> RunFile | None:
    """The file of the system that runs over `data_dir`; None if none does, or it was killed and left the file."""
    try:
        found = msgspec.json.decode((data_dir / "run.json").read_bytes(), type=RunFile)
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError, msgspec.DecodeError):
        return None
    return found


@contextmanager
def written_run_file(data_dir: Path, content: RunFile) -> Iterator[Path]:
    """Keep the file for as long as the block lasts."""
    path = data_dir / "run.json"
    path.unlink(missing_ok=True)
    # It holds the service password: never readable by others, not even between creation and chmod.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(content))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
