"""While batches are written, heads sealed and files merged, every question sees a state between two batches."""

import threading
from itertools import cycle
from pathlib import Path

from community.clock import DAY, HOUR, SECOND
from community.frame import Reading
from gateway.history.duck.store import DuckStore
from gateway.history.store import Query, Resolution
from tests.gateway.history.duck.contents import START, make_batch
from tests.gateway.history.duck.stores import open_store

BATCHES, ASKERS = 40, 3
DEVICES, SIGNALS = ("a", "b", "c"), ("temperature", "smoke")
EACH = 12
"""Values of a series in a batch."""
QUERIES = [
    Query(DEVICES, SIGNALS, START - HOUR, START + 2 * DAY, points, resolution)
    for points, resolution in [(10_000, None), (200, None), (10, None), *((10_000, r) for r in Resolution)]
]


def written(store: DuckStore) -> None:
    """Each batch has its own hour, in which every series has its number, so often as every other series."""
    for position in range(1, BATCHES + 1):
        moments = [START + position * HOUR + k * 10 * SECOND for k in range(EACH)]
        some = [(Reading(d, ts, ts, dict.fromkeys(SIGNALS, float(position))), 0) for ts in moments for d in DEVICES]
        store.write(make_batch(position, some))


def require_state(store: DuckStore, query: Query) -> None:
    """Everything of some number of batches, not fewer than were written before and not more than after."""
    before = store.position()
    series = store.read(query)
    state = int(max((s.maximum.max() for s in series), default=0))
    assert before <= state <= store.position() + 1  # the writer may have committed and not yet said so
    assert len(series) == (len(DEVICES) * len(SIGNALS) if state else 0)
    for s in series:
        assert s.count.sum() == EACH * state
        assert s.last[-1] == state
    last = store.last(DEVICES)
    found = {value for values in last.values() for value in values.values()}
    assert len(found) == min(1, len(last))
    assert all(state <= value <= store.position() + 1 for _, value in found)


def test_every_question_sees_a_state_between_two_batches(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    faults: list[BaseException] = []
    done = threading.Event()

    def write() -> None:
        try:
            written(store)
        except BaseException as error:  # told by the assertion below
            faults.append(error)
        finally:
            done.set()

    def ask(number: int) -> None:
        try:
            for query in cycle(QUERIES[number:] + QUERIES[:number]):
                over = done.is_set()
                require_state(store, query)
                if over:
                    break
        except BaseException as error:  # as above
            faults.append(error)

    threads = [threading.Thread(target=write), *(threading.Thread(target=ask, args=(k,)) for k in range(ASKERS))]
    for thread in threads:
        thread.start()
    hours = 0
    while not done.is_set():
        store.tend(START + 4 * DAY + hours * HOUR)  # each round finds the head an hour old
        hours += 1
    for thread in threads:
        thread.join()
    assert faults == []
    for query in QUERIES:
        require_state(store, query)
    store.close()
