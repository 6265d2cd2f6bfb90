"""Messages as columns, and back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.columnar.packets import FLAGS, PACKET_ID, Packets
from gateway.link.packets import Message

identifiers = st.just(b"") | st.integers(1, 65_535).map(lambda i: i.to_bytes(2))


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    """Messages, some of them shortened, received at few moments."""
    found = []
    for _ in range(draw(st.integers(0, 12))):
        topic, payload = draw(st.binary(min_size=1, max_size=20)), draw(st.binary(max_size=50))
        size = len(payload) + draw(st.sampled_from((0, 0, 70_000)))
        found.append(
            Message(topic, payload, draw(st.integers(0, 15)), draw(identifiers), size, draw(st.integers(1, 3)))
        )
    return found


@given(messages())
def test_messages_are_the_same_after_columns(sent: list[Message]) -> None:
    runs = Packets.runs(sent)
    assert [m for p in runs for m in p.messages()] == sent
    assert [p.message(i) for p in runs for i in range(len(p))] == sent
    assert sum(map(len, runs)) == len(sent)
    assert sum(p.nbytes for p in runs) == sum(len(m.topic) + len(m.payload) for m in sent)


@given(messages())
def test_runs_are_as_few_as_the_moments_allow(sent: list[Message]) -> None:
    moments = [p.received_at for p in Packets.runs(sent)]
    assert all(a != b for a, b in pairwise(moments))


def test_columns_hold_what_the_header_said() -> None:
    packets = Packets.of([Message(b"a", b"1", 0x0B, b"\x01\x02", 1, 7), Message(b"b", b"", 0, b"", 0, 7)])
    assert packets.index[:, PACKET_ID].tolist() == [0x0102, 0]
    assert packets.index[:, FLAGS].tolist() == [0x0B, 0]
    assert packets.index.dtype == packets.size.dtype == np.int32
    assert packets.received_at == 7


def test_different_moments_do_not_fit_into_one() -> None:
    with pytest.raises(ValueError, match="different moments"):
        Packets.of([Message(b"a", b"", 0, b"", 0, 1), Message(b"a", b"", 0, b"", 0, 2)])


def test_nothing_is_no_packets() -> None:
    assert Packets.runs([]) == []
    assert len(Packets.of([])) == 0
    assert Packets.of([]).messages() == []
