"""Orders to transmitters are kept: before they are sent, with what became of them, bounded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import community.transmitter_orders as module
from community.database import metadata, open_database
from community.transmitter_orders import GivenOrder, TransmitterOrders, transmitter_order

CHECK = {"order": "guard_check", "minutes": 10}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database, tables=[transmitter_order])
    yield database
    database.dispose()


def test_an_order_is_there_before_its_answer_and_with_it(engine: Engine) -> None:
    store = TransmitterOrders(engine)
    number = store.give(2**47, CHECK, "mei", 5)
    assert store.last(2**47, 10) == [GivenOrder(number, 2**47, CHECK, "mei", 5)]
    said = {"kind": "transmitter_time", "at": 7}
    store.answered(number, "answered", [said], 9)
    assert store.last(2**47, 10) == [GivenOrder(number, 2**47, CHECK, "mei", 5, "answered", 9, (said,))]
    assert store.last(1, 10) == []


def test_they_come_newest_first_in_pages(engine: Engine) -> None:
    store = TransmitterOrders(engine)
    numbers = [store.give(7, {"order": "read_time"}, "mei", at) for at in range(5)]
    first = store.last(7, 3)
    assert [order.number for order in first] == numbers[:1:-1]
    assert [order.number for order in store.last(7, 3, before=first[-1].number)] == numbers[1::-1]


def test_the_oldest_go_and_no_number_comes_twice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    store = TransmitterOrders(engine)
    for at in range(5):
        store.give(7, CHECK, "mei", at)
    assert [order.given_at for order in store.last(7, 10)] == [4, 3, 2]
    with engine.begin() as connection:
        connection.execute(transmitter_order.delete())
    assert store.give(7, CHECK, "mei", 9) == 6
