"""A process that fills and tends a store until it is done or reaches the point at which it dies, as by a power cut.

`python -m tests.gateway.history.duck.victim FOLDER POINTS`: dies at the point with that number; 0: at none.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import ParamSpec, TypeVar

import duckdb

from community.clock import DAY, HOUR, MINUTE
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.duck import merging, sealing, segments, shelf
from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.store import DuckStore
from gateway.history.store import Retention
from tests.gateway.history.duck.contents import START, make_batch

BATCHES = 24
P = ParamSpec("P")
T = TypeVar("T")


def batch_at(position: int) -> tuple[list[tuple[Reading, int]], list[int]]:
    """The readings and ticks of the batch at a position: always the same."""
    random = Random(position)
    moment = START + position * 10 * MINUTE
    some = []
    for _ in range(random.randrange(30)):
        ts = moment - random.choice([0, 0, 0, DAY]) + random.randrange(MINUTE)
        signals = random.sample(["temperature", "smoke", "residual_current"], random.randrange(4))
        values = {name: random.randrange(800) / 8 for name in signals}
        some.append((Reading(f"d{random.randrange(5)}", ts, moment + MINUTE, values), random.choice([0, 0, 1])))
    return some, [moment]


def main(folder: Path, points: int) -> None:
    """Fill the store from where it stands; every third batch is followed by two hours' tending."""
    _arm(points)
    store = DuckStore(folder, Retention(min_free_bytes=0), Vitals())
    while (position := store.position() + 1) <= BATCHES:
        some, ticks = batch_at(position)
        store.write(make_batch(position, some, ticks))
        if position % 3 == 0:
            _tend(store, position)
    _tend(store, BATCHES + 3)
    store.close()


def _tend(store: DuckStore, hour: int) -> None:
    """What is in the head now is in files afterwards: it is seen there first, and old an hour later."""
    store.tend(START + 2 * DAY + hour * HOUR)
    store.tend(START + 2 * DAY + (hour + 1) * HOUR)


def _arm(points: int) -> None:
    passed = count(1)

    def point() -> None:
        if next(passed) == points:
            os.kill(os.getpid(), signal.SIGKILL)

    def between(function: Callable[P, T]) -> Callable[P, T]:
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            point()
            result = function(*args, **kwargs)
            point()
            return result

        return wrapped

    change = Catalogue.change

    @contextmanager
    def watched(self: Catalogue) -> Iterator[duckdb.DuckDBPyConnection]:
        with change(self) as cursor:
            yield cursor
            point()  # before the commit
        point()  # behind it

    Catalogue.change = watched  # type: ignore[method-assign]  # the points lie within what is tested
    sealing.write_file = merging.write_file = between(segments.write_file)  # type: ignore[attr-defined]  # as above
    shelf.os.fsync = between(os.fsync)  # type: ignore[attr-defined]  # as above
    shelf.Shelf.unlink = between(shelf.Shelf.unlink)  # type: ignore[method-assign]  # as above


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
