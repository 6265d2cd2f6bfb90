"""A day without the server, and a writer that is killed: all of it is there afterwards, once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from community.clock import MINUTE, SECOND
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.influx.setup import initialise
from gateway.history.influx.store import InfluxOptions, InfluxStore
from gateway.history.store import HistoryUnavailable, Query, Resolution
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.influx_server import ORG, TOKEN, Fault, InfluxServer
from tests.gateway.history.influx.makers import batch, check

BEGIN = NOW - 24 * 60 * MINUTE


def readings(number: int) -> list[Reading]:
    """What batch `number` (from 1) brings: one device, one quantity, a reading every ten minutes."""
    ts = BEGIN + number * 10 * MINUTE
    return [Reading("d1", ts + i * SECOND, ts + i * SECOND + 40, {"voltage": number + i / 10}) for i in range(3)]


def test_a_day_that_was_missed_is_made_up_for(server: InfluxServer, options: InfluxOptions, store: InfluxStore) -> None:
    """What comes a day late by our own lag is rolled up too, though no task looks back so far."""
    server.faults.extend([Fault(503, "down")] * options.attempts)
    with pytest.raises(HistoryUnavailable):
        store.write(batch(1, readings(1)))
    for number in range(1, 100):
        store.write(batch(number, readings(number)))
    everything = [r for number in range(1, 100) for r in readings(number)]
    store.tend(NOW)
    for resolution in Resolution:
        query = Query(("d1",), ("voltage",), BEGIN, NOW, 2_000, resolution)
        check(
            store.read(query),
            everything,
            query,
            {Resolution.MINUTE: MINUTE, Resolution.HOUR: 60 * MINUTE}.get(resolution, 1),
        )
    counts = server.points["mingluo_1h"]
    assert sum(v for s, p in counts.items() if ("_measurement", "count") in s for v in p.values()) == len(everything)


def test_a_stretch_that_cannot_be_rolled_up_does_not_block_the_others(server: InfluxServer, store: InfluxStore) -> None:
    far_apart = [readings(1)[0], readings(20)[0], readings(40)[0]]
    store.write(batch(1, far_apart))
    server.faults.append(Fault(500, "query ran out of memory"))
    with pytest.raises(HistoryUnavailable, match="out of memory"):
        store.tend(NOW)
    counts = [p for s, p in server.points["mingluo_1m"].items() if ("_measurement", "count") in s]
    assert [ts // 1_000_000 for p in counts for ts in p] == [r.ts for r in far_apart[1:]]
    assert store.tend(NOW).rolled_up == 1


@pytest.mark.parametrize("requests", [1, 2, 5])
def test_a_killed_writer_leaves_nothing_undone(
    server: InfluxServer, options: InfluxOptions, tmp_path: Path, requests: int
) -> None:
    """Killed after so many writes went out: before the answer, or before the position was put down."""
    initialise(options)
    environment = {**os.environ, "HISTORY_URL": server.url, "HISTORY_FOLDER": str(options.folder)}
    with subprocess.Popen([sys.executable, "-c", _WRITER], env=environment, cwd=Path(__file__).parents[4]) as process:
        server.on_write = lambda: process.send_signal(signal.SIGKILL) if server.writes >= requests else None
        assert process.wait(60) == -signal.SIGKILL
    server.on_write = None
    store = InfluxStore(options, Vitals())
    assert store.position() < 10
    for number in range(store.position() + 1, 11):
        store.write(batch(number, readings(number)))
    query = Query(("d1",), ("voltage",), BEGIN, NOW, 2_000, Resolution.RAW)
    check(store.read(query), [r for n in range(1, 11) for r in readings(n)], query)
    store.close()


_WRITER = f"""
import os
from pathlib import Path
from community.vitals import Vitals
from gateway.history.influx.store import InfluxOptions, InfluxStore
from tests.gateway.history.influx.makers import batch
from tests.gateway.history.influx.test_outage import readings

options = InfluxOptions(os.environ["HISTORY_URL"], Path(os.environ["HISTORY_FOLDER"]), {TOKEN!r}, {ORG!r})
store = InfluxStore(options, Vitals())
for number in range(store.position() + 1, 11):
    store.write(batch(number, readings(number)))
"""
