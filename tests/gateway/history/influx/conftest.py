"""Servers to keep the history in, and stores that use them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from community.clock import parse_time
from community.vitals import Vitals
from gateway.history.influx.setup import initialise
from gateway.history.influx.store import InfluxOptions, InfluxStore
from tests.gateway.history.influx.influx_server import ORG, TOKEN, InfluxServer

NOW = parse_time("2026-11-22T08:00:00Z")


@pytest.fixture
def server() -> Iterator[InfluxServer]:
    with InfluxServer(now=NOW * 1_000_000) as running:
        yield running


@pytest.fixture
def options(server: InfluxServer, tmp_path: Path) -> InfluxOptions:
    return InfluxOptions(
        server.url, tmp_path / "history", TOKEN, ORG, timeout_ms=5_000, attempts=3, back_off_ms=1, most_back_off_ms=20
    )


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


@pytest.fixture
def store(options: InfluxOptions, vitals: Vitals) -> Iterator[InfluxStore]:
    """A store whose buckets are there."""
    initialise(options)
    made = InfluxStore(options, vitals)
    yield made
    made.close()
