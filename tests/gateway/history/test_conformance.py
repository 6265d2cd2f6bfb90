"""What every store of the history keeps to: one list of checks for all of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from community.clock import DAY, HOUR, MINUTE, SECOND
from community.frame import Frame, Reading
from community.vitals import Vitals
from gateway.history.batch import Batch
from gateway.history.duck.store import DuckStore
from gateway.history.influx.setup import initialise
from gateway.history.influx.store import InfluxOptions, InfluxStore
from gateway.history.store import (
    MOST_SERIES,
    WIDTH,
    HistoryStore,
    HistoryUnavailable,
    Last,
    Query,
    QueryError,
    Resolution,
    Retention,
)
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.influx_server import ORG, TOKEN, InfluxServer
from tests.gateway.history.influx.makers import batch, check
from tests.gateway.history.influx.real_influx import real_influx
from tests.gateway.history.influx.victoria_server import Flushed, victoria

DEVICES = ("d1", "d2", "stove-3")
SIGNALS = ("voltage", "residual_current", "smoke_alarm")


@dataclass
class Made:
    """A store under test.

    Attributes:
        store: the store; `again` closes and opens it anew.
        tended: whether it is tended after each batch.
        every: ms between readings; the test server of InfluxDB interprets Flux, and takes its time.
    """

    store: HistoryStore
    open: Callable[[], HistoryStore]
    tended: bool
    every: int
    positions: Iterator[int] = field(default_factory=lambda: count(1))

    def take(self, readings: list[Reading], ticks: tuple[int, ...] = ()) -> Batch:
        """Write them as a batch."""
        made = batch(next(self.positions), readings, ticks)
        self.store.write(made)
        if self.tended:
            self.store.tend(NOW + DAY)
        return made

    def again(self) -> None:
        """Close and open."""
        self.store.close()
        self.store = self.open()


def _duck(stack: ExitStack, folder: Path) -> Callable[[], HistoryStore]:
    return lambda: DuckStore(
        folder / "history", Retention(raw_ms=900 * DAY, minute_ms=900 * DAY, min_free_bytes=0), Vitals()
    )


def _influx(stack: ExitStack, folder: Path) -> Callable[[], HistoryStore]:
    server = stack.enter_context(InfluxServer(now=(NOW + DAY) * 1_000_000))
    options = InfluxOptions(server.url, folder / "ours", TOKEN, ORG)
    initialise(options)
    return lambda: InfluxStore(options, Vitals())


def _real_influx(stack: ExitStack, folder: Path) -> Callable[[], HistoryStore]:
    options = stack.enter_context(real_influx(folder))
    initialise(options)
    return lambda: InfluxStore(options, Vitals())


def _victoria(stack: ExitStack, folder: Path) -> Callable[[], HistoryStore]:
    url = stack.enter_context(victoria(folder / "data"))
    return lambda: Flushed(InfluxOptions(url, folder / "ours"), Vitals())


STORES = {
    "duckdb": (_duck, False),
    "duckdb-sealed": (_duck, True),
    "influxdb-protocol": (_influx, False),
    "influxdb": (_real_influx, False),
    "victoriametrics": (_victoria, False),
}


@pytest.fixture(
    params=[pytest.param(n, marks=[pytest.mark.server] if n in ("influxdb", "victoriametrics") else []) for n in STORES]
)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    maker, tended = STORES[request.param]
    with ExitStack() as stack:
        opener = maker(stack, tmp_path)
        made = Made(opener(), opener, tended, (30 if request.param.startswith("influxdb") else 5) * MINUTE)
        try:
            yield made
        finally:
            made.store.close()


def a_day(every: int, begin: int = NOW - DAY, end: int = NOW) -> list[Reading]:
    """Three devices, each with its own rhythm, a gap of an hour, and some that came late; never two of one at once."""
    random = Random(every)
    found = []
    for number, device in enumerate(DEVICES):
        at = begin + number * 1_111
        while at < end:
            late = random.random() < 0.03
            values = {"voltage": round(220 + 10 * random.random(), 1)}
            if random.random() < 0.7:
                values["residual_current"] = round(30 * random.random() ** 3, 2)
            if random.random() < 0.02:
                values["smoke_alarm"] = float(random.random() < 0.5)
            found.append(Reading(device, at, at + (10 * MINUTE if late else 400), values))
            at += every + random.randrange(20_000)
            if begin + 6 * HOUR < at < begin + 7 * HOUR:
                at += HOUR
    return sorted(found, key=lambda r: (r.received_at, r.ts, r.device))


def in_batches(readings: list[Reading], size: int = 150) -> Iterator[list[Reading]]:
    for i in range(0, len(readings), size):
        yield readings[i : i + size]


def edge_of(query: Query, series_width: int) -> int:
    """Windows that stand whole at both ends of the range: those of the roll-ups that the answer was made of."""
    if query.resolution is not None:
        return max(1, WIDTH[query.resolution])
    fitting = [WIDTH[r] for r in Resolution if WIDTH[r] <= series_width]
    return max(1, *fitting)


def test_it_knows_how_far_it_is_and_takes_nothing_twice(made: Made) -> None:
    assert made.store.position() == 0
    readings = a_day(HOUR)
    first = made.take(readings[:20])
    made.take(readings[20:])
    assert made.store.position() == 2
    made.store.write(first)
    assert made.store.position() == 2
    made.again()
    assert made.store.position() == 2
    made.store.write(first)
    frames = list(made.store.readings(None, NOW - 2 * DAY, NOW + DAY))
    assert sum(map(len, frames)) == len(readings)


@pytest.mark.parametrize("resolution", [None, *Resolution])
def test_series_say_what_the_readings_say(made: Made, resolution: Resolution | None) -> None:
    readings = a_day(made.every)
    for part in in_batches(readings):
        made.take(part)
    random = Random(7)
    spans = [
        (NOW - DAY, NOW),
        (NOW - DAY - HOUR, NOW + HOUR),
        (NOW - HOUR - 1, NOW - 3 * MINUTE),
        (NOW - 17 * HOUR, NOW),
    ]
    for (start, end), points in product(spans, (1, 10, 200, 10_000)):
        devices = tuple(random.sample([*DEVICES, "unknown"], 3))
        query = Query(devices, tuple(random.sample(SIGNALS, 2)), start, end, points, resolution)
        series = made.store.read(query)
        width = series[0].width if series else 0
        assert {s.width for s in series} <= {width}
        check(series, readings, query, edge_of(query, width))


def test_single_readings_when_they_fit(made: Made) -> None:
    readings = a_day(made.every)
    made.take(readings)
    query = Query(("d1",), ("voltage",), NOW - 2 * HOUR, NOW, 1_000)
    (series,) = made.store.read(query)
    assert series.width == 0
    check([series], readings, query)
    (fewer,) = made.store.read(Query(("d1",), ("voltage",), NOW - 2 * HOUR, NOW, len(series) - 1))
    assert fewer.width > 0


def test_a_spike_is_never_hidden(made: Made) -> None:
    spike = Reading("d1", NOW - 5 * HOUR + 7, NOW - 5 * HOUR + 300, {"voltage": 441.5})
    made.take(sorted([*a_day(made.every), spike], key=lambda r: r.received_at))
    for points, resolution in product((1, 24, 1_000), (None, *Resolution)):
        (series,) = made.store.read(Query(("d1",), ("voltage",), NOW - DAY, NOW, points, resolution))
        assert series.maximum.max() == 441.5


def test_what_comes_late_stands_where_it_was_measured(made: Made) -> None:
    made.take([r for r in a_day(made.every) if r.device == "d1"])
    late = [Reading("d2", NOW - 20 * HOUR + k * MINUTE, NOW + k, {"voltage": 200.0 + k}) for k in range(60)]
    made.take(late)
    query = Query(("d2",), ("voltage",), NOW - 21 * HOUR, NOW - 18 * HOUR, 100, Resolution.MINUTE)
    series = made.store.read(query)
    check(series, late, query, MINUTE)
    assert set(series[0].flags.tolist()) == {1}
    assert series[0].quality.max() == 0


def test_last_values(made: Made) -> None:
    readings = a_day(made.every)
    for part in in_batches(readings):
        made.take(part)
    old = Reading("d1", NOW - 2 * DAY, NOW, {"voltage": 1.0, "humidity": 50.0})
    made.take([old])
    expected: dict[str, dict[str, Last]] = {}
    for r in sorted([*readings, old], key=lambda r: r.ts):
        for signal, value in r.values.items():
            expected.setdefault(r.device, {})[signal] = Last(r.ts, value)
    assert made.store.last([*DEVICES, "unknown"]) == expected
    assert list(made.store.last(["d2"])) == ["d2"]
    assert made.store.last([]) == {}


def test_whole_readings_in_the_order_in_which_they_came(made: Made) -> None:
    readings = a_day(made.every)
    for part in in_batches(readings, 333):
        made.take(part)
    start, end = NOW - 9 * HOUR, NOW - 2 * HOUR

    def wanted(devices: tuple[str, ...]) -> list[Reading]:
        inside = [r for r in readings if start <= r.received_at < end and r.device in devices]
        return sorted(inside, key=lambda r: (r.received_at, r.ts, r.device))

    def got(devices: tuple[str, ...] | None) -> list[Reading]:
        return [r for frame in made.store.readings(devices, start, end) for r in frame.readings()]

    assert got(None) == wanted(DEVICES)
    assert got(("d2", "unknown")) == wanted(("d2",))
    assert got(("unknown",)) == []
    assert list(made.store.readings(None, NOW + DAY, NOW + 2 * DAY)) == []


def test_many_devices_and_signals_at_once(made: Made) -> None:
    readings = [
        Reading(f"d{i}", NOW - k * 30 * SECOND, NOW - k * 30 * SECOND, {"voltage": 200.0 + i + k, "current": float(i)})
        for k in range(12, 0, -1)
        for i in range(30)
    ]
    made.take(readings)
    query = Query(tuple(f"d{i}" for i in range(30)), ("current", "voltage"), NOW - HOUR, NOW, 5)
    series = made.store.read(query)
    assert len(series) == 60
    check(series, readings, query, edge_of(query, series[0].width))


def test_ticks(made: Made) -> None:
    ticks = tuple(range(NOW - HOUR, NOW, 90_000))
    made.take([], ticks[:20])
    made.take([], ticks[20:])
    assert made.store.ticks(NOW - HOUR, NOW - 30 * MINUTE).tolist() == [t for t in ticks if t < NOW - 30 * MINUTE]
    assert len(made.store.ticks(NOW, NOW + DAY)) == 0


def test_an_empty_store_answers(made: Made) -> None:
    assert made.store.read(Query(("d1",), ("voltage",), 0, NOW)) == []
    assert made.store.last(["d1"]) == {}
    assert list(made.store.readings(None, 0, NOW)) == []
    assert len(made.store.ticks(0, NOW)) == 0
    assert made.store.usage().oldest == {}


def test_usage(made: Made) -> None:
    readings = a_day(made.every)
    made.take(readings)
    usage = made.store.usage()
    assert usage.oldest[Resolution.RAW] == NOW - DAY
    assert usage.bytes is None or usage.bytes > 0
    assert usage.rows is None or usage.rows[Resolution.RAW] == len(readings)


def test_tending_changes_no_answer(made: Made) -> None:
    readings = a_day(made.every)
    for part in in_batches(readings):
        made.take(part)
    queries = [
        Query(DEVICES, SIGNALS, NOW - DAY, NOW, points, resolution)
        for points, resolution in product((50, 2_000), (None, *Resolution))
    ]
    before = [made.store.read(q) for q in queries]
    last = made.store.last(DEVICES)
    made.store.tend(NOW)
    made.store.tend(NOW + 2 * HOUR)
    made.again()
    for query, earlier in zip(queries, before, strict=True):
        now = made.store.read(query)
        assert [(s.device, s.signal, s.width, s.ts.tolist(), s.count.tolist()) for s in now] == [
            (s.device, s.signal, s.width, s.ts.tolist(), s.count.tolist()) for s in earlier
        ]
        for s, t in zip(now, earlier, strict=True):
            np.testing.assert_allclose(s.mean, t.mean, rtol=1e-12)
            assert s.maximum.tolist() == t.maximum.tolist()
    assert made.store.last(DEVICES) == last


def test_a_batch_without_readings_moves_the_position(made: Made) -> None:
    made.take([])
    assert made.store.position() == 1


def test_a_closed_store_says_so(made: Made) -> None:
    made.take([Reading("d1", NOW, NOW, {"voltage": 1.0})])
    made.store.close()
    with pytest.raises(HistoryUnavailable):
        made.store.read(Query(("d1",), ("voltage",), 0, NOW))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"devices": ()}, "devices, signals: expected at least one"),
        ({"signals": ()}, "devices, signals: expected at least one"),
        ({"end": 5}, "end: expected a time after start"),
        ({"points": 0}, "points: expected 1 to"),
        ({"points": 10_001}, "points: expected 1 to"),
        ({"devices": tuple(map(str, range(MOST_SERIES + 1)))}, f"at most {MOST_SERIES} series"),
        ({"devices": tuple(map(str, range(500))), "points": 2_001}, "points: expected at most 2000 for each of 500"),
    ],
)
def test_a_wrong_question_is_named(wrong: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"devices": ("d",), "signals": ("voltage",), "start": 10, "end": 20, **wrong}
    with pytest.raises(QueryError, match=said):
        Query(**given)  # type: ignore[arg-type]  # wrong on purpose


def test_frames_name_only_what_is_in_them(made: Made) -> None:
    made.take([Reading("d1", NOW, NOW, {"voltage": 1.0}), Reading("d2", NOW + 1, NOW + 1, {"current": 2.0})])
    frames = list(made.store.readings(("d1",), NOW, NOW + 2))
    assert [type(f) for f in frames] == [Frame]
    assert (frames[0].devices, frames[0].signals) == (("d1",), ("voltage",))
