"""What the server does to us while we write, and that nothing is lost or blocked by it."""

import threading
from dataclasses import replace

import pytest

from community.frame import Reading
from community.vitals import Vitals
from gateway.history.influx import sender
from gateway.history.influx.store import InfluxOptions, InfluxStore
from gateway.history.store import HistoryUnavailable, Query
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.influx_server import Fault, InfluxServer
from tests.gateway.history.influx.makers import batch

READINGS = [Reading("d1", NOW - i * 1000, NOW - i * 1000, {"voltage": 230.0 + i}) for i in range(10)]
BUSY = '{"code": "unavailable", "message": "busy"}'


def _values(store: InfluxStore) -> int:
    (series,) = store.read(Query(("d1",), ("voltage",), NOW - 60_000, NOW + 1))
    return int(series.count.sum())


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, BUSY, {"Retry-After": "0"}),
        Fault(503, BUSY),
        Fault(503, BUSY, {"Retry-After": "3600"}),
        Fault(500, '{"code": "internal error", "message": "write: no space left on device"}'),
        Fault(502, "<html>bad gateway</html>"),
        Fault(),
        Fault(after=True),
    ],
    ids=["429", "503", "asks for an hour", "disk full", "proxy", "dropped before", "dropped after"],
)
def test_a_passing_fault_is_tried_again(server: InfluxServer, store: InfluxStore, vitals: Vitals, fault: Fault) -> None:
    server.faults.extend([fault, fault])
    store.write(batch(7, READINGS))
    assert (store.position(), _values(store)) == (7, 10)
    assert vitals.counter("history_retries") == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(503, BUSY), "answers 503: busy"),
        (Fault(401, '{"code": "unauthorized", "message": "unauthorized access"}'), "is the token right"),
        (Fault(404, '{"code": "not found", "message": "bucket gone"}'), "history init"),
        (Fault(400, "the storage is in read-only mode"), "read-only mode"),
        (Fault(), "Connection aborted"),
    ],
    ids=["503", "401", "404", "read-only", "dropped"],
)
def test_a_lasting_fault_is_told_and_nothing_is_lost(
    server: InfluxServer, store: InfluxStore, fault: Fault, told: str
) -> None:
    server.faults.extend([fault] * 3)
    with pytest.raises(HistoryUnavailable, match=told):
        store.write(batch(7, READINGS))
    assert store.position() == 0
    server.faults.clear()
    store.write(batch(7, READINGS))
    assert (store.position(), _values(store)) == (7, 10)


def test_a_server_that_is_not_there_is_told(store: InfluxStore, options: InfluxOptions, vitals: Vitals) -> None:
    nowhere = InfluxStore(replace(options, url="http://127.0.0.1:9"), vitals)
    with pytest.raises(HistoryUnavailable, match=r"http://127.0.0.1:9: .*refused"):
        nowhere.write(batch(7, READINGS))
    with pytest.raises(HistoryUnavailable, match="refused"):
        nowhere.last(["d1"])
    nowhere.close()


def test_a_server_that_hangs_is_given_up(server: InfluxServer, options: InfluxOptions, store: InfluxStore) -> None:
    go_on = threading.Event()
    server.faults.extend([Fault(hang=go_on)])
    patient = InfluxStore(replace(options, timeout_ms=50, attempts=1), Vitals())
    with pytest.raises(HistoryUnavailable, match="timed out"):
        patient.write(batch(7, READINGS))
    go_on.set()
    patient.close()


def test_closing_ends_the_waiting(server: InfluxServer, options: InfluxOptions, store: InfluxStore) -> None:
    """The back-off would last for an hour."""
    slow = InfluxStore(replace(options, back_off_ms=3_600_000, most_back_off_ms=3_600_000), Vitals())
    server.faults.extend([Fault(503, BUSY)] * 3)
    given_up = threading.Event()

    def write() -> None:
        with pytest.raises(HistoryUnavailable, match="closed"):
            slow.write(batch(7, READINGS))
        given_up.set()

    thread = threading.Thread(target=write)
    thread.start()
    slow.close()
    assert given_up.wait(20)
    thread.join()


def test_what_the_server_refuses_does_not_block_the_rest(
    server: InfluxServer, store: InfluxStore, options: InfluxOptions, vitals: Vitals
) -> None:
    """Beyond retention, the server says; the history goes on, and what was refused can be looked at."""
    old = [Reading("d1", NOW - 40 * 86_400_000 - i, NOW, {"voltage": 1.0}) for i in range(2)]
    store.write(batch(7, [*READINGS[:5], *old, *READINGS[5:]]))
    assert (store.position(), _values(store)) == (7, 10)
    assert vitals.counter("history_refused_lines", reason="refused_by_server") == 2
    text = (options.folder / "refused.txt").read_text()
    assert text.count("beyond retention") == 2
    assert f" {old[0].ts}\n" in text


def test_a_field_of_another_type_costs_only_its_lines(server: InfluxServer, store: InfluxStore, vitals: Vitals) -> None:
    server.insert(
        "mingluo_raw", "mingluo", {"_measurement": "readings", "_field": "current", "_time": NOW * 10**6, "_value": 5}
    )
    store.write(batch(7, [*READINGS, Reading("d2", NOW, NOW, {"current": 1.5})]))
    assert (store.position(), _values(store)) == (7, 10)
    assert vitals.counter("history_refused_lines") == 1


def test_many_refused_lines_cost_a_bounded_number_of_requests(
    server: InfluxServer, store: InfluxStore, vitals: Vitals
) -> None:
    old = [Reading("d1", NOW - 40 * 86_400_000 - i, NOW, {"voltage": 1.0}) for i in range(1000)]
    before = len(server.requests)
    store.write(batch(7, [*old, *READINGS]))
    assert len(server.requests) - before < 2 * sender.REQUESTS
    assert _values(store) == 10
    assert vitals.counter("history_refused_lines") >= 1000


def test_refused_lines_are_kept_within_bounds(
    server: InfluxServer, store: InfluxStore, options: InfluxOptions, monkeypatch: pytest.MonkeyPatch, vitals: Vitals
) -> None:
    monkeypatch.setattr(sender, "MOST_SET_ASIDE", 400)
    old = [Reading("d1", NOW - 40 * 86_400_000 - i, NOW, {"voltage": 1.0}) for i in range(10)]
    store.write(batch(7, old))
    assert (options.folder / "refused.txt").stat().st_size <= 400
    assert vitals.counter("history_refused_lines") == 10


def test_a_batch_larger_than_a_request_is_split(
    server: InfluxServer, store: InfluxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LINES", 3)
    server.faults.append(Fault(413, '{"code": "request too large", "message": "too large"}'))
    store.write(batch(7, READINGS))
    assert (store.position(), _values(store)) == (7, 10)
