"""What is VictoriaMetrics' own: its flags, and faults of its answers."""

from pathlib import Path

import pytest

from community.frame import Reading
from community.vitals import Vitals
from gateway.history.influx.victoria import InfluxOptions, VictoriaStore, inspect
from gateway.history.store import HistoryUnavailable, Query
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.influx_server import TOKEN, Fault, InfluxServer
from tests.gateway.history.influx.makers import batch
from tests.gateway.history.influx.victoria_server import victoria

QUERY = Query(("d1",), ("voltage",), NOW - 1000, NOW)


@pytest.mark.server
def test_the_flags_it_needs_are_told(tmp_path: Path) -> None:
    with victoria(tmp_path / "data", "-dedup.minScrapeInterval=5s") as url:
        kept, dedup = inspect(InfluxOptions(url, tmp_path / "ours"))
    assert "100y" in kept
    assert "5s" in dedup
    assert "count twice" in dedup


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(503, "too many"), "503: too many"),
        (Fault(200, "{"), "not as expected"),
        (Fault(200, '{"data": null}'), "not as expected"),
        (Fault(), "disconnected"),
    ],
    ids=["503", "cut", "empty", "dropped"],
)
def test_a_bad_answer_is_told(server: InfluxServer, tmp_path: Path, fault: Fault, told: str) -> None:
    store = VictoriaStore(InfluxOptions(server.url, tmp_path, TOKEN), Vitals())
    server.faults.append(fault)
    with pytest.raises(HistoryUnavailable, match=told):
        store.last(["d1"])
    server.faults.append(fault)
    with pytest.raises(HistoryUnavailable):
        store.read(QUERY)
    store.close()


@pytest.mark.server
def test_a_server_that_goes_and_comes_again(tmp_path: Path) -> None:
    """While it is down, nothing is taken as written."""
    with victoria(tmp_path / "data") as url:
        options = InfluxOptions(url, tmp_path / "ours", attempts=1)
        store = VictoriaStore(options, Vitals())
    with pytest.raises(HistoryUnavailable, match="refused"):
        store.write(batch(1, [Reading("d1", NOW, NOW, {"voltage": 1.0})]))
    with pytest.raises(HistoryUnavailable, match="refused"):
        store.read(QUERY)
    assert store.position() == 0
    store.close()
