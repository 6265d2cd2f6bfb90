"""The stores that are made for measuring are what a gateway would have written; the measurement runs through."""

from pathlib import Path

from community.clock import DAY, HOUR, MINUTE
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import Last, Query, Resolution
from mingluo.bench.history import KEEP, HistoryPlan, bench_history
from mingluo.bench.history_store import END, SIGNALS, Shape, device_name, make_store, shape_of
from tests.gateway.history.duck.contents import contents, rolled_up


def test_a_made_store_is_one_that_was_written(tmp_path: Path) -> None:
    make_store(tmp_path, Shape(3, days=2), lambda text: None)
    held = contents(tmp_path)
    assert len(held.rows) == 3 * 2 * DAY // MINUTE
    assert {ts // MINUTE for _, ts, *_ in held.rows} == set(range((END - 2 * DAY) // MINUTE, END // MINUTE))
    for kind, width in ((Resolution.MINUTE, MINUTE), (Resolution.HOUR, HOUR)):
        expected = rolled_up(held.rows, width)
        assert held.rolled[kind].keys() == expected.keys()
        for key, found in held.rolled[kind].items():
            assert found.last <= expected[key].last
            assert abs(found.sum - expected[key].sum) < 1e-6
            assert found._replace(last=expected[key].last, sum=expected[key].sum) == expected[key]
    ever = {key[:2]: roll for key, roll in rolled_up(held.rows, 10**15).items()}
    assert held.latest == {key: (roll.last_ts, next(iter(roll.last))) for key, roll in ever.items()}
    assert shape_of(tmp_path) == (Shape(3, days=2), sum(len(pairs) for *_, pairs in held.rows))

    store = DuckStore(tmp_path, KEEP, Vitals())
    query = Query((device_name(1),), SIGNALS, END - DAY, END, 10_000)
    assert {s.signal: len(s) for s in store.read(query)} == {
        name: sum(
            name in dict(pairs) for device, ts, *_, pairs in held.rows if device == device_name(1) and ts >= END - DAY
        )
        for name in SIGNALS[:3]
    }
    assert store.last([device_name(0)])[device_name(0)]["voltage"] == Last(*held.latest[device_name(0), "voltage"])
    store.tend(END)  # nothing is left to be merged
    assert len(list((tmp_path / "raw").iterdir())) == 2
    store.close()


def test_the_measurement_of_the_history_runs_through(tmp_path: Path) -> None:
    plan = HistoryPlan(values=300_000, questions=3, rollup_devices=6, keep=tmp_path / "kept")
    report = bench_history(plan, lambda text: None)
    assert 250_000 < report["store_values"] < 350_000
    assert report["rollup_readings"] >= 6 * DAY // MINUTE
    assert report["store_made_s"] > 0
    again = bench_history(plan, lambda text: None)
    assert (again["store_made_s"], again["store_values"]) == (0.0, report["store_values"])
