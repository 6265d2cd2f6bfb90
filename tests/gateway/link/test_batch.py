"""Batches: what is counted, held and acknowledged is what came."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.columnar.packets import Packets
from gateway.columnar.split import Splitter
from gateway.link import packets
from gateway.link.batch import Batch
from gateway.link.packets import LEAST_MAX_PACKET

arrivals = st.lists(st.lists(st.tuples(st.binary(max_size=20), st.none() | st.integers(1, 65_535)), max_size=5))


@given(arrivals)
def test_a_batch_is_the_sum_of_its_arrivals(sent: list[list[tuple[bytes, int | None]]]) -> None:
    splitter, batch, held = Splitter(LEAST_MAX_PACKET), Batch(None), 0
    for moment, arrival in enumerate(sent):
        data = b"".join(packets.publish(b"t", payload, packet_id=number) for payload, number in arrival)
        found: list[Packets] = splitter.feed(data, moment)[0] if data else []
        batch.extend(found)
        held += len(data)
    flat = [message for arrival in sent for message in arrival]
    assert batch.count == len(flat)
    assert batch.size == held
    assert [m.payload for m in batch.messages] == [payload for payload, _ in flat]
    assert [m.received_at for m in batch.messages] == [n for n, arrival in enumerate(sent) for _ in arrival]
    assert batch.packet_ids.tolist() == [number for _, number in flat if number is not None]


def test_a_batch_of_no_connection_belongs_to_none() -> None:
    assert Batch(None).belongs_to(None)
    assert Batch(None).packet_ids.tolist() == []
