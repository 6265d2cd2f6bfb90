"""Whatever comes in, in whatever order, with whatever tending and reopening between: it is there once."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from hypothesis import given, settings

from community.clock import DAY, HOUR, MINUTE
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import Resolution, Retention
from tests.gateway.history.duck.contents import START, Row, contents, make_batch, rolled_up, row

NOW = START + 3 * DAY
"""After the days of the readings, so that tending merges at once."""
SIGNALS = ("temperature", "smoke", "Smoke", "residual_current", "device", "ts")
KEEP_ALL = Retention(raw_ms=10_000 * DAY, minute_ms=10_000 * DAY, min_free_bytes=0)

times = st.one_of(
    st.integers(0, 3 * MINUTE), st.integers(0, 3 * HOUR), st.sampled_from([0, DAY, DAY - 1, -1, -40 * DAY, 2 * DAY])
)
values = st.integers(-80, 800).map(lambda eighths: eighths / 8)  # sums are exact
readings = st.builds(
    lambda device, ts, delay, values, flags: (Reading(device, START + ts, START + ts + delay, values), flags),
    st.sampled_from(["a", "A", "b", "烟感 7"]),
    times,
    st.integers(0, 2 * HOUR),
    st.dictionaries(st.sampled_from(SIGNALS), values, max_size=4),
    st.sampled_from([0, 0, 1, 6]),
)
Written = tuple[list[tuple[Reading, int]], list[int], Random]
batches = st.tuples(st.lists(readings, max_size=12), st.lists(times, max_size=3), st.randoms(use_true_random=False))
steps = st.lists(
    st.one_of(batches, st.sampled_from(["tend", "tend an hour later", "reopen", "write again"])), max_size=14
)


@settings(max_examples=20, deadline=None)
@given(steps)
def test_a_store_holds_what_was_written_once(steps: list[str | Written]) -> None:
    with TemporaryDirectory() as folder:
        store = DuckStore(Path(folder), KEEP_ALL, Vitals())
        rows: list[Row] = []
        ticks: list[int] = []
        batch = make_batch(0, [])
        now, rolled = NOW, 0
        for position, step in enumerate(steps, start=1):
            match step:
                case "reopen":
                    store.close()
                    store = DuckStore(Path(folder), KEEP_ALL, Vitals())
                case "write again":
                    store.write(batch)
                case "tend" | "tend an hour later":
                    now += HOUR if step != "tend" else 0
                    rolled += store.tend(now).rolled_up
                case (some, after, random):
                    devices, signals = ["b", "A", "a", "烟感 7"], list(SIGNALS)
                    random.shuffle(devices)
                    random.shuffle(signals)
                    moments = [START + ms for ms in after]
                    batch = make_batch(position, some, moments, devices, signals)
                    store.write(batch)
                    rows += [row(*each) for each in some]
                    ticks += moments
            assert store.position() == batch.position
        rolled += sum(store.tend(now + hours * HOUR).rolled_up for hours in (0, 1, 2))
        store.close()
        held = contents(Path(folder))
        assert held.position == batch.position
        assert held.rows == sorted(rows)
        assert held.ticks == sorted(ticks)
        assert rolled == len(rows)
        for kind, width in ((Resolution.MINUTE, MINUTE), (Resolution.HOUR, HOUR)):
            expected = rolled_up(rows, width)
            assert held.rolled[kind].keys() == expected.keys()
            for key, found in held.rolled[kind].items():
                assert found.last <= expected[key].last
                assert found._replace(last=expected[key].last) == expected[key]
        ever = {key[:2]: roll for key, roll in rolled_up(rows, 10**15).items()}
        assert held.latest.keys() == ever.keys()
        for series, (ts, value) in held.latest.items():
            assert ts == ever[series].last_ts
            assert value in ever[series].last
