"""What is removed, when, and for whom it waits."""

from collections import Counter
from pathlib import Path

import pytest

from community.clock import DAY, HOUR
from gateway.history.duck.retention import superfluous
from gateway.history.duck.segments import source
from gateway.history.duck.snapshot import Segment
from gateway.history.duck.sql import row_of
from gateway.history.duck.store import DuckStore
from gateway.history.store import HistoryUnavailable, Resolution, Retention
from tests.gateway.history.duck.contents import START, contents
from tests.gateway.history.duck.stores import many, open_store, seal

RAW, MINUTE, HOURS = Resolution.RAW, Resolution.MINUTE, Resolution.HOUR


def kinds(folder: Path) -> Counter[str]:
    """Parquet files by folder."""
    return Counter(file.parent.name for file in folder.glob("*/*.parquet"))


def filled(folder: Path, retention: Retention, days: int = 3) -> DuckStore:
    store = open_store(folder, retention)
    for day in range(days):
        store.write(many(day + 1, START + day * DAY, 2_000))
    return store


def test_readings_go_first_then_minutes_hours_never(tmp_path: Path) -> None:
    store = filled(tmp_path, Retention(raw_ms=10 * DAY, minute_ms=100 * DAY, min_free_bytes=0))
    seal(store, START + 3 * DAY)
    assert kinds(tmp_path) == {"raw": 3, "minute": 3, "hour": 1}
    assert store.tend(START + 10 * DAY).removed_rows == {}
    tended = store.tend(START + 11 * DAY)
    assert (tended.removed_rows, tended.early) == ({RAW: 2_000}, False)
    assert store.tend(START + 50 * DAY).removed_rows == {RAW: 4_000}
    assert store.tend(START + 5_000 * DAY).removed_rows.keys() == {MINUTE}  # type: ignore[union-attr]  # always given
    store.close()
    assert kinds(tmp_path) == {"hour": 1}
    held = contents(tmp_path)
    assert held.ticks == []
    assert sum(rolled.values for rolled in held.rolled[HOURS].values()) == 3 * 2_000 * 2


def segment(kind: Resolution, last_ts: int, size: int) -> Segment:
    return Segment(Path(f"{kind}-{last_ts}"), kind, 0, 0, last_ts, None, None, 1, size, frozenset())


@pytest.mark.parametrize(
    ("other", "expected"),
    [(30, []), (31, [RAW, 1]), (40, [RAW, 1]), (41, [RAW, 1, RAW, 2]), (51, [RAW, 1, RAW, 2, MINUTE, 1]), (99, None)],
)
def test_when_the_disks_share_is_used_up_the_oldest_go_early(other: int, expected: list[object] | None) -> None:
    minutes = [segment(MINUTE, 3, 10), segment(MINUTE, 1, 10)]
    segments = [*minutes, segment(HOURS, 0, 30), segment(RAW, 2, 10), segment(RAW, 1, 10)]
    gone = superfluous(segments, other, Retention(max_bytes=100))
    every: list[object] = [RAW, 1, RAW, 2, MINUTE, 1, MINUTE, 3]
    assert [x for s in gone for x in (s.kind, s.last_ts)] == (every if expected is None else expected)


def test_hours_stay_however_little_room_there_is(tmp_path: Path) -> None:
    store = filled(tmp_path, Retention(max_bytes=0, min_free_bytes=0))
    tended = seal(store, START + 3 * DAY)[-1]
    store.close()
    assert tended.early
    assert tended.removed_rows is not None
    assert tended.removed_rows.keys() == {RAW, MINUTE}
    assert kinds(tmp_path) == {"hour": 1}


def test_a_running_question_keeps_its_files(tmp_path: Path) -> None:
    store = filled(tmp_path, Retention(raw_ms=DAY, min_free_bytes=0), days=1)
    seal(store, START + HOUR)
    with store._catalogue.snapshot() as view:  # what every question asks through
        (named,) = view.segments(RAW)
        store.tend(START + 10 * DAY)
        assert row_of(view.cursor, f"SELECT count(*) FROM {source([named.path])}") == (2_000,)
    assert not named.path.exists()
    store.close()


def test_with_too_little_room_on_the_disk_nothing_is_taken_in(tmp_path: Path) -> None:
    store = filled(tmp_path, Retention(min_free_bytes=0), days=1)
    store.close()
    store = open_store(tmp_path, Retention(min_free_bytes=2**62))
    with pytest.raises(HistoryUnavailable, match="MiB free on its disk, expected at least"):
        store.write(many(2, START, 10))
    seal(store, START + DAY)  # goes on: it makes room
    assert store.position() == 1
    store.close()
    store = open_store(tmp_path)
    store.write(many(2, START, 10))
    assert store.position() == 2
    store.close()


def test_what_is_merged_is_removed_from_the_disk(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for hour in range(4):
        store.write(many(hour + 1, START + hour * HOUR, 100))
        seal(store, START + 2 * hour * HOUR)
    assert kinds(tmp_path)["raw"] == 4
    store.tend(START + 2 * DAY)
    store.close()
    assert kinds(tmp_path)["raw"] == 1
    assert len(contents(tmp_path).rows) == 400
