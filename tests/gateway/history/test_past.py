"""A device's past: single readings, and before them minutes; nothing twice, nothing left out."""

from pathlib import Path

import pytest

from community.clock import DAY, MINUTE
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.past import past
from gateway.history.store import Retention
from tests.gateway.history.influx.makers import batch

NOW = 1_795_341_600_000


def test_single_readings_and_before_them_minutes(tmp_path: Path) -> None:
    store = DuckStore(tmp_path, Retention(raw_ms=2 * DAY, minute_ms=365 * DAY, min_free_bytes=0), Vitals())
    step = 20_000
    readings = [
        Reading(
            d, t, t, {"current": 1.0 + (t // step) % 3, "smoke_alarm": 0.0} | ({"humidity": 5.0} if d == "b" else {})
        )
        for t in range(NOW - 6 * DAY, NOW, step)
        for d in ("a", "b", "other")
    ]
    for position, day in enumerate(range(NOW - 6 * DAY, NOW, DAY), 1):
        store.write(batch(position, [r for r in readings if day <= r.ts < day + DAY]))
        store.tend(day + 2 * DAY)  # seals what was written, and lets go what is past its time by then
    first_single = min(f.ts.min() for f in store.readings(None, 0, NOW + DAY))
    assert NOW - 4 * DAY < first_single < NOW - DAY

    found = [r for frame in past(store, ["a", "b"], NOW - 5 * DAY, NOW) for r in frame.readings()]
    singles = [r for r in found if "smoke_alarm" in r.values]
    minutes = [r for r in found if "smoke_alarm" not in r.values]
    boundary = min(r.ts for r in singles)
    assert sorted(singles) == sorted(r for r in readings if r.device != "other" and r.ts >= boundary)
    assert max(r.ts for r in minutes) < boundary <= first_single + MINUTE
    assert {r.ts % MINUTE for r in minutes} == {MINUTE // 2}
    assert len(minutes) == 2 * ((boundary - (NOW - 5 * DAY)) // MINUTE)
    assert all(r.values["current"] == pytest.approx(2.0) for r in minutes)
    assert all(("humidity" in r.values) == (r.device == "b") for r in minutes)
    assert [r.ts for r in minutes] == sorted(r.ts for r in minutes)
    assert list(past(store, ["nobody"], 0, NOW)) == []
    store.close()
