"""A full disk, damaged files, a damaged catalogue: what is lost is no more than what is damaged, and it is told."""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from community.clock import DAY, HOUR
from community.vitals import Vitals
from gateway.history.duck.catalogue import NAME, Catalogue
from gateway.history.duck.guard import Guard
from gateway.history.store import HistoryUnavailable, Query
from tests.gateway.history.duck.contents import START, contents
from tests.gateway.history.duck.stores import many, open_store, seal


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The nearest thing to a full disk that needs no privileges: writing beyond `size` fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_nothing_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    position = 0
    with no_file_larger_than(2**20), pytest.raises(HistoryUnavailable, match=str(tmp_path)):  # noqa: PT012 which one?
        while position < 100:
            store.write(many(position + 1, START + position * HOUR, 3_000))
            position += 1
    assert position < 100
    assert store.position() == position
    with no_file_larger_than(2**10), pytest.raises(HistoryUnavailable):
        seal(store, START + 10 * DAY)
    for _ in range(3):
        position += 1
        store.write(many(position, START + position * HOUR, 3_000))
    seal(store, START + 11 * DAY)
    store.close()
    held = contents(tmp_path)
    assert (held.position, len(held.rows), len(held.ticks)) == (position, 3_000 * position, position)
    store = open_store(tmp_path, vitals=(vitals := Vitals()))
    store.close()
    assert vitals.counter("history_leftover_files") == 0


def three_days(folder: Path) -> list[Path]:
    """The raw files of a store with three days, each with 3,000 readings."""
    store = open_store(folder)
    for day in range(3):
        store.write(many(day + 1, START + day * DAY, 3_000))
    seal(store, START + 3 * DAY)
    store.close()
    return sorted(folder.glob("raw/*.parquet"))


def zero_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    file.write_bytes(content)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [cut_short, Path.unlink])
def test_a_file_that_is_cut_short_or_gone_is_set_aside_at_opening(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    damage(three_days(tmp_path)[1])
    store = open_store(tmp_path, vitals=(vitals := Vitals()))
    assert vitals.counter("history_damaged_files") == 1
    assert sum(map(len, store.readings(None, START, START + 9 * DAY))) == 6_000
    store.close()
    assert len(list(tmp_path.glob("raw/*.damaged"))) == (damage is cut_short)


def test_a_file_that_cannot_be_decoded_is_set_aside_by_the_question_that_meets_it(tmp_path: Path) -> None:
    zero_middle(three_days(tmp_path)[1])
    store = open_store(tmp_path, vitals=(vitals := Vitals()))
    query = Query(("d0",), ("temperature",), START, START + 9 * DAY, points=10_000)
    (series,) = store.read(query)
    assert len(series) == 2 * 600
    assert vitals.counter("history_damaged_files") == 1
    store.close()
    assert len(list(tmp_path.glob("raw/*.damaged"))) == 1


def test_an_export_that_meets_a_damaged_file_says_so_and_is_whole_when_asked_anew(tmp_path: Path) -> None:
    zero_middle(three_days(tmp_path)[1])
    store = open_store(tmp_path)
    with pytest.raises(HistoryUnavailable):
        list(store.readings(None, START, START + 9 * DAY))
    assert sum(map(len, store.readings(None, START, START + 9 * DAY))) == 6_000
    store.close()


def test_merging_goes_on_without_a_damaged_file(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for position in range(1, 4):
        store.write(many(position, START + position * HOUR, 3_000))
        seal(store, START + position * HOUR)
    zero_middle(min(tmp_path.glob("raw/*.parquet")))
    store.tend(START + 5 * DAY)
    store.tend(START + 5 * DAY)
    store.close()
    assert len(list(tmp_path.glob("raw/*.parquet"))) == len(list(tmp_path.glob("raw/*.damaged"))) == 1
    assert len(contents(tmp_path).rows) == 6_000


def test_what_a_crash_left_over_goes_at_opening(tmp_path: Path) -> None:
    (file, *_) = three_days(tmp_path)
    leftover = file.with_name("2026-11-18.00000099.parquet")
    leftover.write_bytes(file.read_bytes())
    store = open_store(tmp_path, vitals=(vitals := Vitals()))
    store.close()
    assert not leftover.exists()
    assert vitals.counter("history_leftover_files") == 1
    assert len(contents(tmp_path).rows) == 9_000


def test_a_damaged_catalogue_is_told_with_what_to_do(tmp_path: Path) -> None:
    three_days(tmp_path)
    (tmp_path / NAME).write_bytes(b"not a database" * 1_000)
    with pytest.raises(HistoryUnavailable, match=rf"{NAME}: cannot be opened: .* move the folder away"):
        open_store(tmp_path)


def test_a_store_of_a_later_release_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    catalogue = Catalogue(tmp_path, Guard(lambda _: None))
    with catalogue.change() as cursor:
        cursor.execute("UPDATE meta SET schema = 99")
    catalogue.close()
    with pytest.raises(HistoryUnavailable, match="schema 99; this release reads schema 1"):
        open_store(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryUnavailable, match="cannot be made"):
        open_store(tmp_path / "file" / "history")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    with pytest.raises(HistoryUnavailable, match="closed"):
        store.write(many(1, START, 10))


def test_writing_tending_and_asking_go_on_beside_each_other(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    faults: list[BaseException] = []
    written = threading.Event()

    def write() -> None:
        try:
            for position in range(1, 41):
                store.write(many(position, START + position * HOUR, 500))
        except BaseException as error:  # told by the assertion below
            faults.append(error)
        finally:
            written.set()

    def ask() -> None:
        try:
            while not written.is_set():
                before = store.position()
                held = sum(map(len, store.readings(None, START, START + 9 * DAY)))
                assert 500 * before <= held <= 500 * store.position() + 500
        except BaseException as error:  # as above
            faults.append(error)

    threads = [threading.Thread(target=write), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    hours = 0
    while not written.is_set():
        store.tend(START + 5 * DAY + hours * HOUR)
        hours += 1
    for thread in threads:
        thread.join()
    assert faults == []
    seal(store, START + 5 * DAY + hours * HOUR)
    store.close()
    assert len(contents(tmp_path).rows) == 20_000
