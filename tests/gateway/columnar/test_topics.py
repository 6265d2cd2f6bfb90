"""The table of topics against a dictionary."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.columnar.packets import Packets
from gateway.columnar.topics import MAX_TOPIC, TopicTable
from gateway.link.packets import Message

Looked = tuple[list[int], list[int]]


def looked_up(table: TopicTable, topics: list[bytes], payload: bytes = b"{}") -> Looked:
    packets = Packets.of([Message(t, payload, 0, b"", len(payload), 7) for t in topics])
    rows: NDArray[np.int32] = np.full(len(topics), 77, np.int32)
    plans = rows.copy()
    table.lookup(packets.data, packets.index, rows, plans)
    return rows.tolist(), plans.tolist()


@settings(deadline=None)  # the first call compiles
@given(st.dictionaries(st.binary(min_size=1, max_size=40), st.tuples(st.integers(0, 2**31 - 1), st.integers(-1, 9))),
       st.lists(st.binary(max_size=40), max_size=20), st.sampled_from([b"", b"{}"]))  # fmt: skip
def test_finds_what_a_dictionary_finds(
    known: dict[bytes, tuple[int, int]], others: list[bytes], payload: bytes
) -> None:
    table = TopicTable(1_000, seed=1)
    for topic, (row, plan) in known.items():
        assert table.add(topic, row, plan)
    assert len(table) == len(known)
    asked = [*known, *others]
    rows, plans = looked_up(table, asked, payload)
    assert [(r, p) for r, p in zip(rows, plans, strict=True)] == [known.get(t, (-1, -1)) for t in asked]


def test_grows_and_stays_within_its_capacity() -> None:
    table = TopicTable(5_000, seed=1)
    topics = [b"mingluo/v1/c/h%d/d%d/telemetry" % (i % 50, i) for i in range(6_000)]
    kept = [table.add(topic, i, i % 3) for i, topic in enumerate(topics)]
    assert sum(kept) + table.refused == 6_000
    assert 4_900 < len(table) <= 5_000
    rows, plans = looked_up(table, topics)
    # One of the few that met at one place may be lost when the table grows: it is resolved each time then.
    found = [i for i, row in enumerate(rows) if row >= 0]
    assert len(found) == len(table)
    assert all(rows[i] == i and plans[i] == i % 3 for i in found)


def test_what_is_known_of_a_topic_may_change() -> None:
    table = TopicTable(1)
    assert table.add(b"a/b", 1, 2)
    assert table.add(b"a/b", 3, -1)
    assert len(table) == 1
    assert looked_up(table, [b"a/b", b"a/c"]) == ([3, -1], [-1, -1])


def test_a_full_table_and_odd_topics_are_refused() -> None:
    table = TopicTable(1)
    assert not table.add(b"", 1, 1)
    assert not table.add(b"x" * (MAX_TOPIC + 1), 1, 1)
    assert table.add(b"x" * MAX_TOPIC, 1, 1)
    assert not table.add(b"y", 1, 1)
    assert table.refused == 3
    assert looked_up(table, [b"y", b"x" * MAX_TOPIC]) == ([-1, 1], [-1, 1])


def test_no_messages() -> None:
    table = TopicTable(1)
    nothing = np.zeros(0, np.int32)
    table.lookup(b"", np.zeros((0, 6), np.int32), nothing, nothing)
    assert len(table) == 0
