"""Whatever is in a store, wherever in it, every question is answered with what a list of the readings says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from hypothesis import given, settings

from community.clock import DAY, HOUR, MINUTE, SECOND
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import Query, Resolution, Retention
from tests.gateway.history.duck.answers import require_answer
from tests.gateway.history.duck.contents import START, Row, make_batch, rolled_up, row

DEVICES = ("a", "A", "b")
SIGNALS = ("temperature", "smoke", "residual_current")
KEEP_ALL = Retention(raw_ms=10_000 * DAY, minute_ms=10_000 * DAY, min_free_bytes=0)
KEEP_DAYS = Retention(raw_ms=2 * DAY, minute_ms=5 * DAY, min_free_bytes=0)

values = st.integers(-80, 800).map(lambda eighths: eighths / 8)  # sums are exact
spans = st.sampled_from([SECOND, MINUTE, HOUR, DAY])
ages = st.builds(lambda k, span, ms: k * span + ms, st.integers(0, 9), spans, st.integers(-1, 999))
readings = st.builds(
    lambda device, age, delay, values, flags: (Reading(device, START - age, START - age + delay, values), flags),
    st.sampled_from(DEVICES),
    ages,
    st.sampled_from([0, 5, 90_000]),
    st.dictionaries(st.sampled_from(SIGNALS), values, max_size=3),
    st.sampled_from([0, 0, 1, 6]),
)
batches = st.tuples(st.lists(readings, max_size=25), st.lists(ages.map(lambda age: START - age), max_size=3))
steps = st.lists(st.one_of(batches, st.just("tend")), max_size=8)
queries = st.builds(
    lambda devices, signals, end, span, points, resolution: Query(
        tuple(devices), tuple(signals), end - span, end, points, resolution
    ),
    st.permutations([*DEVICES, "unknown"]).flatmap(lambda p: st.integers(1, 4).map(lambda n: p[:n])),
    st.permutations([*SIGNALS, "voltage"]).flatmap(lambda p: st.integers(1, 4).map(lambda n: p[:n])),
    ages.map(lambda age: START + HOUR - age),
    st.one_of(st.just(1), ages.map(lambda span: max(1, span))),
    st.sampled_from([1, 2, 10, 300, 10_000]),
    st.sampled_from([None, None, *Resolution]),
)
Steps = list[str | tuple[list[tuple[Reading, int]], list[int]]]


@contextmanager
def filled(steps: Steps, retention: Retention) -> Iterator[tuple[DuckStore, list[Row], list[int]]]:
    """A store in which some of it is in heads and some in files, and what was written."""
    with TemporaryDirectory() as folder:
        store = DuckStore(Path(folder), retention, Vitals())
        rows: list[Row] = []
        ticks: list[int] = []
        now = START
        try:
            for position, step in enumerate(steps, start=1):
                if isinstance(step, str):
                    store.tend(now)
                    now += HOUR  # by the next time the head is old
                else:
                    some, moments = step
                    store.write(make_batch(position, some, moments))
                    rows += [row(*each) for each in some]
                    ticks += moments
            yield store, rows, ticks
        finally:
            store.close()


@settings(max_examples=15, deadline=None)
@given(steps, st.lists(queries, min_size=6, max_size=6))
def test_series_say_what_the_readings_say(steps: Steps, queries: list[Query]) -> None:
    with filled(steps, KEEP_ALL) as (store, rows, _):
        for query in queries:
            require_answer(store.read(query), rows, query)


@settings(max_examples=15, deadline=None)
@given(steps, st.lists(queries, min_size=6, max_size=6))
def test_where_single_readings_are_gone_coarser_ones_answer_for_every_value(steps: Steps, queries: list[Query]) -> None:
    with filled(steps, KEEP_DAYS) as (store, rows, _):
        for asked in queries:
            start, end = asked.start // HOUR * HOUR, -(-asked.end // HOUR) * HOUR
            series = store.read(Query(asked.devices, asked.signals, start, end, asked.points))
            inside = [r for r in rows if start <= r[1] < end and r[0] in asked.devices]
            in_all = {key[:2]: rolled.values for key, rolled in rolled_up(inside, 10**15).items()}
            assert {(s.device, s.signal): s.count.sum() for s in series} == {
                key: count for key, count in in_all.items() if key[1] in asked.signals
            }
            assert len({s.width for s in series}) <= 1
            windows = rolled_up(inside, series[0].width or 1) if series else {}
            for s in series:
                assert len(s) <= asked.points
                for i, ts in enumerate(s.ts.tolist()):
                    rolled = windows[s.device, s.signal, ts]
                    # No spike is hidden: a window reaches from the least to the greatest value in it.
                    assert rolled.minimum <= s.minimum[i] <= s.maximum[i] <= rolled.maximum
                    assert s.width == 0 or (s.minimum[i], s.maximum[i]) == rolled[:2]


@settings(max_examples=15, deadline=None)
@given(steps, st.sets(st.sampled_from([*DEVICES, "unknown"])), ages, ages)
def test_whole_readings_ticks_and_last_values(steps: Steps, devices: set[str], age: int, span: int) -> None:
    start, end = START - age - span, START - age
    with filled(steps, KEEP_ALL) as (store, rows, ticks):
        for some in (None, sorted(devices)):
            got = [r for frame in store.readings(some, start, end) for r in frame.readings()]
            inside = [r for r in rows if start <= r[2] < end and (some is None or r[0] in some)]
            assert [(r.received_at, r.ts) for r in got] == sorted((r[2], r[1]) for r in inside)
            assert sorted((r.device, r.ts, r.received_at, sorted(r.values.items())) for r in got) == sorted(
                (device, ts, received, list(pairs)) for device, ts, received, _, pairs in inside
            )
        assert store.ticks(start, end).tolist() == sorted(t for t in ticks if start <= t < end)
        ever = {key[:2]: rolled for key, rolled in rolled_up(rows, 10**15).items() if key[0] in devices}
        last = {(d, s): found for d, every in store.last(sorted(devices)).items() for s, found in every.items()}
        assert last.keys() == ever.keys()
        for key, (ts, value) in last.items():
            assert ts == ever[key].last_ts
            assert value in ever[key].last
        usage = store.usage()
        assert usage.rows is not None
        assert usage.rows[Resolution.RAW] == len(rows)
        assert usage.oldest.get(Resolution.RAW) == min((r[1] for r in rows), default=None)


def test_a_late_reading_of_long_ago_hides_no_minutes(tmp_path: Path) -> None:
    store = DuckStore(tmp_path, KEEP_DAYS, Vitals())
    old = [
        (Reading("a", START - 4 * DAY + k * MINUTE, START - 4 * DAY, {"temperature": float(k)}), 0) for k in range(9)
    ]
    store.write(make_batch(1, old))
    for hours in (0, 1, 2):
        store.tend(START + hours * HOUR)
    assert store.usage().rows == {Resolution.RAW: 0, Resolution.MINUTE: 9, Resolution.HOUR: 1}
    late = (Reading("b", START - 4 * DAY - HOUR, START, {"temperature": 7.0}), 1)
    store.write(make_batch(2, [late]))
    start = START - 4 * DAY - 2 * HOUR
    query = Query(("a", "b"), ("temperature",), start, START, 10_000, None)
    for _ in range(3):  # while it is in a head, in a file, and when its single reading is gone again
        a, b = store.read(query)
        assert (a.width, a.ts.tolist()) == (MINUTE, [r.ts for r, _ in old])
        assert (b.ts.tolist(), b.mean.tolist(), b.flags.tolist()) == ([late[0].ts], [7.0], [1])
        store.tend(START + 3 * HOUR)
        store.tend(START + 4 * HOUR)
    store.close()
