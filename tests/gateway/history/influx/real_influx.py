"""A real InfluxDB 2 for the tests, where there is one: named by the environment, or `influxd` on the path."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from gateway.history.influx.store import InfluxOptions
from tests.gateway.history.influx.victoria_server import free_port

PATIENCE_S = 30
_URL, _TOKEN, _ORG = "MINGLUO_TEST_INFLUXDB_URL", "MINGLUO_TEST_INFLUXDB_TOKEN", "MINGLUO_TEST_INFLUXDB_ORG"


@contextmanager
def real_influx(folder: Path) -> Iterator[InfluxOptions]:
    """Options for an InfluxDB 2, with a bucket name that nobody else has; skips where there is none."""
    bucket = f"mingluo-test-{uuid4().hex[:8]}"
    if _URL in os.environ:
        yield InfluxOptions(
            os.environ[_URL], folder / "ours", os.environ[_TOKEN], os.environ.get(_ORG, "mingluo"), bucket
        )
        return
    program = shutil.which("influxd")
    if program is None or not _is_version_2(program):
        pytest.skip(f"needs InfluxDB 2: influxd of InfluxData's package influxdb2, or {_URL}, {_TOKEN} and {_ORG}")
    port = free_port()
    url, token = f"http://127.0.0.1:{port}", uuid4().hex
    command = [
        program,
        f"--bolt-path={folder / 'influxd.bolt'}",
        f"--engine-path={folder / 'engine'}",
        f"--http-bind-address=127.0.0.1:{port}",
        "--reporting-disabled",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _until_it_answers(url)
            form = {"username": "test", "password": "test-test", "org": "mingluo", "bucket": "other", "token": token}
            httpx.post(f"{url}/api/v2/setup", json=form).raise_for_status()
            yield InfluxOptions(url, folder / "ours", token, "mingluo", bucket)
        finally:
            process.terminate()


def _is_version_2(program: str) -> bool:
    said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=20)
    return "InfluxDB v2" in said.stdout or "InfluxDB 2" in said.stdout


def _until_it_answers(url: str) -> None:
    """It says nowhere when it listens; asked until it answers."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.TransportError:
            continue
    pytest.fail("influxd did not start")
