"""A real VictoriaMetrics on a free port of the loopback."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.history.batch import Batch
from gateway.history.influx.victoria import VictoriaStore


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


@contextmanager
def victoria(folder: Path, *more: str) -> Iterator[str]:
    """URL of a server that keeps its data in `folder`; skips where it is not installed."""
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("needs the package victoria-metrics")
    port = free_port()
    command = [
        program,
        f"-storageDataPath={folder}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-dedup.minScrapeInterval=1ms",
        *more,
    ]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            # Its log says when it listens; nothing is read of it later, and it writes too little to fill the pipe.
            for line in process.stderr:
                if "started VictoriaMetrics" in line:
                    break
            else:
                pytest.fail("victoria-metrics did not start")
            yield url
        finally:
            process.terminate()
            process.communicate()


class Flushed(VictoriaStore):
    """What is written is seen at once."""

    def write(self, batch: Batch) -> None:
        super().write(batch)
        httpx.get(f"{self._options.url}/internal/force_flush").raise_for_status()
