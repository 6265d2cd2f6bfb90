"""Both stores answer what the readings say: before and after roll-ups, whatever came late or was sent twice."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from community.clock import DAY, HOUR, MINUTE, SECOND
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.influx.setup import initialise
from gateway.history.influx.store import InfluxOptions, InfluxStore
from gateway.history.influx.victoria import VictoriaStore
from gateway.history.store import WIDTH, HistoryUnavailable, Last, Query, Resolution
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.influx_server import ORG, TOKEN, InfluxServer
from tests.gateway.history.influx.makers import batch, check
from tests.gateway.history.influx.real_influx import real_influx
from tests.gateway.history.influx.victoria_server import Flushed, victoria

Store = InfluxStore | VictoriaStore
_numbers = count()


@dataclass
class Home:
    """A server, and how to open a store in it."""

    kind: Literal["influx", "victoria"]
    options: InfluxOptions
    server: InfluxServer | None = None

    def clear(self) -> None:
        """Our own server looks through all that it has, again and again."""
        if self.server is not None:
            self.server.points = {bucket: {} for bucket in self.server.points}

    def open(self, folder: str = "") -> Store:
        options = replace(self.options, folder=self.options.folder / (folder or str(next(_numbers))))
        return Flushed(options, Vitals()) if self.kind == "victoria" else InfluxStore(options, Vitals())


@pytest.fixture(
    params=[
        "influx",
        pytest.param("real influx", marks=pytest.mark.server),
        pytest.param("victoria", marks=pytest.mark.server),
    ],
    scope="module",
)
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("history")
    match request.param:
        case "victoria":
            with victoria(folder / "data") as url:
                yield Home("victoria", InfluxOptions(url, folder / "ours"))
        case "real influx":
            with real_influx(folder) as options:
                initialise(options)
                yield Home("influx", options)
        case _:
            with InfluxServer(now=NOW * 1_000_000) as server:
                options = InfluxOptions(server.url, folder / "ours", TOKEN, ORG)
                initialise(options)
                yield Home("influx", options, server)


def _device() -> str:
    """One that no other test has: the server is shared."""
    return f"d{next(_numbers)}"


_MOMENTS = st.integers(-3 * 3600, 0).map(lambda s: NOW - MINUTE + s * SECOND // 7 * 7)
_AGES = st.sampled_from([0, 200, 61_000, 2 * HOUR, 3 * DAY])
_VALUES = st.dictionaries(
    st.sampled_from(["voltage", "current"]), st.integers(-1000, 1000).map(lambda v: v / 10), min_size=1
)
_ROWS = st.lists(
    st.tuples(st.integers(0, 1), _MOMENTS, _AGES, _VALUES), min_size=1, max_size=25, unique_by=lambda r: (r[0], r[1])
)
_QUERIES = st.tuples(
    st.integers(-4 * 3600, -1),
    st.integers(1, 4 * 3600),
    st.sampled_from([1, 3, 20, 200, 10_000]),
    st.sampled_from([None, *Resolution]),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ROWS, st.lists(st.integers(0, 25), max_size=3), st.lists(_QUERIES, min_size=1, max_size=3))
def test_any_readings_are_answered(
    home: Home,
    rows: list[tuple[int, int, int, dict[str, float]]],
    cuts: list[int],
    queries: list[tuple[int, int, int, Resolution | None]],
) -> None:
    """Batches end anywhere; roll-ups are made after each."""
    home.clear()
    devices = (_device(), _device())
    readings = [Reading(devices[d], ts, ts + age, values) for d, ts, age, values in rows]
    store = home.open()
    begin = 0
    for position, end in enumerate([*sorted(cuts), len(readings)], 1):
        if readings[begin:end]:
            store.write(batch(position, readings[begin:end]))
            begin = end
        for start, length, points, resolution in queries:
            first = NOW + start * SECOND
            query = Query(devices, ("current", "voltage"), first, first + length * SECOND, points, resolution)
            answer = store.read(query)
            # Roll-ups stand with all of their minute or hour; what they are made of is seen in the width.
            fitting = [r for r in Resolution if answer and WIDTH[r] <= answer[0].width]
            kept = resolution or (fitting[-1] if fitting else Resolution.RAW)
            check(answer, readings[:begin], query, WIDTH[kept] or 1)
        store.tend(NOW + 5 * MINUTE)
    store.close()


def test_what_is_sent_twice_is_there_once(home: Home) -> None:
    device = _device()
    readings = [Reading(device, NOW - i * SECOND, NOW - i * SECOND, {"voltage": float(i)}) for i in range(120)]
    made = batch(7, readings, [NOW - MINUTE, NOW])
    for folder in ("first", "lost"):  # the second time without the file that says what is in
        store = home.open(device + folder)
        store.write(made)
        store.tend(NOW + HOUR)
        for resolution in Resolution:
            query = Query((device,), ("voltage",), NOW - HOUR, NOW + HOUR, 100, resolution)
            check(store.read(query), readings, query, WIDTH[resolution] or 1)
        assert store.ticks(NOW - HOUR, NOW + 1).tolist() == [NOW - MINUTE, NOW]
        store.close()


def test_a_batch_that_is_in_is_skipped(home: Home) -> None:
    device = _device()
    store = home.open(device)
    store.write(batch(7, [Reading(device, NOW, NOW, {"voltage": 1.0})]))
    store.write(batch(7, [Reading(device, NOW, NOW, {"voltage": 2.0})]))
    store.close()
    again = home.open(device)
    assert again.position() == 7
    assert again.last([device]) == {device: {"voltage": Last(NOW, 1.0)}}
    again.close()


def test_readings_come_back_as_they_were_received(home: Home) -> None:
    """On time, late by hours, late by days, and ahead of the gateway's clock; of one device, and of all."""
    a, b = _device(), _device()
    start = NOW - DAY
    readings = [
        Reading(a, start, start + 100, {"voltage": 230.1}),
        Reading(b, start + 50, start + 100, {"current": 5.5, "voltage": 231.0}),
        Reading(a, start - 5 * HOUR, start + 200, {"voltage": 1.0}),
        Reading(a, start - 5 * HOUR + 7, start + 200, {"current": 2.0}),
        Reading(b, start - 9 * DAY, start + 300, {"smoke_alarm": 1.0}),
        Reading(b, start + 10 * MINUTE, start + 400, {"voltage": 4.0}),
        Reading(a, start + 20 * MINUTE, start + 20 * MINUTE + 5, {}),
        Reading(a, start + 3 * HOUR, start + 3 * HOUR, {"voltage": 9.0}),
    ]
    store = home.open(a)
    store.write(batch(1, readings[:5]))
    store.write(batch(2, readings[5:]))

    def received(devices: list[str] | None, begin: int, end: int) -> list[Reading]:
        return [r for f in store.readings(devices, begin, end) for r in f.readings() if r.device in (a, b)]

    assert received([a, b], start, start + DAY) == readings
    assert received(None, start, start + DAY) == readings
    assert received([b], start, start + DAY) == [r for r in readings if r.device == b]
    assert received([a, b], start + 200, start + 400) == readings[2:5]
    assert received([a, b], start + 4 * HOUR, start + DAY) == []
    store.close()


def test_last_values_outlive_single_readings(home: Home) -> None:
    """The latest of each signal by event time, whatever came in after it."""
    device, silent = _device(), _device()
    store = home.open(device)
    store.write(
        batch(1, [Reading(device, NOW, NOW, {"voltage": 2.0}), Reading(device, NOW - DAY, NOW, {"current": 7.0})])
    )
    store.write(batch(2, [Reading(device, NOW - HOUR, NOW + 5, {"voltage": 1.0})]))
    for _ in range(2):
        expected = {device: {"voltage": Last(NOW, 2.0), "current": Last(NOW - DAY, 7.0)}}
        assert store.last([silent, device]) == expected
        store.tend(NOW + HOUR)
    store.close()


def test_nothing_is_asked_of_a_closed_store(home: Home) -> None:
    store = home.open()
    store.close()
    for question in (
        lambda: store.last(["d"]),
        lambda: list(store.readings(None, 0, 1)),
        lambda: store.write(batch(1, [])),
        store.usage,
    ):
        with pytest.raises(HistoryUnavailable, match="closed"):
            question()


def test_usage_tells_the_oldest(home: Home) -> None:
    device = _device()
    store = home.open(device)
    store.write(batch(1, [Reading(device, NOW - 20 * DAY, NOW - 20 * DAY, {"voltage": 2.0})]))
    usage = store.usage()
    assert usage.bytes is None
    assert usage.rows is None
    assert usage.oldest[Resolution.RAW] <= NOW - 20 * DAY
    store.close()
