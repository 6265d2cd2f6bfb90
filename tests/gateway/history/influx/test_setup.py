"""What `mingluo history init` makes in InfluxDB, and that doing it again is harmless."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from community.clock import DAY, HOUR, MINUTE
from community.frame import Reading
from gateway.history.influx.setup import initialise
from gateway.history.influx.store import InfluxOptions, InfluxStore
from gateway.history.store import HistoryUnavailable, Retention
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.influx_server import InfluxServer
from tests.gateway.history.influx.makers import batch


def _kept(server: InfluxServer) -> dict[str, list[int]]:
    return {name: [r["everySeconds"] for r in b["retentionRules"]] for name, b in server.buckets.items()}


def test_buckets_and_tasks_are_made_once(server: InfluxServer, options: InfluxOptions) -> None:
    assert all(line.split(": ")[1].startswith("created") for line in initialise(options))
    assert _kept(server) == {"mingluo_raw": [30 * 86_400], "mingluo_1m": [365 * 86_400], "mingluo_1h": []}
    assert sorted(server.tasks) == ["mingluo_1h roll-up", "mingluo_1m roll-up"]
    before = (str(server.buckets), str(server.tasks))
    assert all(line.split(": ")[1].startswith("is there") for line in initialise(options))
    assert (str(server.buckets), str(server.tasks)) == before


def test_what_is_not_as_it_should_be_is_changed(server: InfluxServer, options: InfluxOptions) -> None:
    initialise(options)
    server.tasks["mingluo_1m roll-up"]["status"] = "inactive"
    told = initialise(replace(options, retention=Retention(raw_ms=7 * DAY)))
    assert [line for line in told if "changed" in line] == [
        "bucket mingluo_raw: changed, keeps 7 days",
        "task mingluo_1m roll-up: changed",
    ]
    assert _kept(server)["mingluo_raw"] == [7 * 86_400]
    assert server.tasks["mingluo_1m roll-up"]["status"] == "active"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda o: replace(o, token="no"), "401: unauthorized access; is the token right"),
        (lambda o: replace(o, org="nobody"), "no organisation 'nobody'"),
        (lambda o: replace(o, url="http://127.0.0.1:9"), "refused"),
    ],
    ids=["token", "org", "url"],
)
def test_what_is_in_the_way_is_told(
    options: InfluxOptions, wrong: Callable[[InfluxOptions], InfluxOptions], told: str
) -> None:
    with pytest.raises(HistoryUnavailable, match=told):
        initialise(wrong(options))


def test_tasks_make_the_roll_ups_that_tending_makes(server: InfluxServer, store: InfluxStore) -> None:
    """In the hours that a task looks back on; a window in the making is left alone."""
    moments = range(NOW - 3 * HOUR, NOW, 7_000)
    store.write(batch(1, [Reading("d1", ts, ts + 5, {"voltage": ts % 977 / 10}) for ts in moments]))
    server.now = (NOW + 10 * MINUTE) * 1_000_000
    server.run_task("mingluo_1m roll-up")
    server.run_task("mingluo_1h roll-up")
    by_tasks = {name: _points(server, name) for name in ("mingluo_1m", "mingluo_1h")}
    assert len(by_tasks["mingluo_1m"]) == 6 * 120
    assert len(by_tasks["mingluo_1h"]) == 6 * 2
    store.tend(NOW + HOUR)
    for name, points in by_tasks.items():
        assert points.items() <= _points(server, name).items()


def _points(server: InfluxServer, bucket: str) -> dict[object, object]:
    return {(series, ts): value for series, points in server.points[bucket].items() for ts, value in points.items()}
