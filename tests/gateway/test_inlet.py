"""The inlet with an ingest that does what the test wants."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from community.refusal import PAYLOAD_KEPT, Reason
from community.vitals import Vitals
from gateway.fault import Fault
from gateway.inlet import MAX_BATCH, MAX_PAYLOAD, Inlet, Offer, Taken
from gateway.link.link import Batch

NOW = 1_795_341_600_000


class Ingest:
    """Takes batches out of an inlet one by one."""

    def __init__(self, inlet: Inlet) -> None:
        self.inlet = inlet
        self._batches: AsyncIterator[Offer] = inlet.batches()

    async def next(self) -> Offer:
        """The next batch."""
        async with asyncio.timeout(5):
            return await anext(self._batches)


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


@pytest.fixture
def inlet(vitals: Vitals) -> Inlet:
    return Inlet(lambda: NOW, vitals, most=4)


async def turns(count: int = 10) -> None:
    """Let everything that is ready go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_it_answers_only_when_the_batch_is_given_back(inlet: Inlet, vitals: Vitals) -> None:
    putting = asyncio.create_task(inlet.put("gb26875/7", b"\x40\x40"))
    batch = await Ingest(inlet).next()
    (message,) = batch.messages
    assert (message.topic, message.payload, message.size, message.received_at) == (b"gb26875/7", b"\x40\x40", 2, NOW)
    assert (message.packet_id, message.dup, message.retained) == (b"", False, False)
    await turns()
    assert not putting.done()
    batch.admitted[0] = 3
    inlet.acknowledge(batch)
    assert await putting == Taken(3)
    assert vitals.counter("inlet_messages") == 1


async def test_each_is_told_its_own(inlet: Inlet) -> None:
    puts = [asyncio.create_task(inlet.put(f"t/{i}", b"x")) for i in range(3)]
    await turns()
    batch = await Ingest(inlet).next()
    assert [m.topic for m in batch.messages] == [b"t/0", b"t/1", b"t/2"]
    batch.admitted[0] = 1
    batch.refused[1] = [Fault(Reason.UNKNOWN_DEVICE, "", "no such device")]
    batch.refused[2] = [Fault(Reason.DUPLICATE, "", "was here")]
    inlet.acknowledge(batch)
    first, second, third = await asyncio.gather(*puts)
    assert second == Taken(0, ((Reason.UNKNOWN_DEVICE, "no such device"),))
    assert [first.lost, second.lost, third.lost] == [False, True, False]


async def test_a_message_with_a_bad_part_is_not_lost() -> None:
    assert not Taken(1, ((Reason.OUT_OF_RANGE, "values.voltage: ..."),)).lost
    assert not Taken(0).lost, "it said nothing that we keep"


async def test_beyond_its_places_it_makes_the_sender_wait(inlet: Inlet) -> None:
    puts = [asyncio.create_task(inlet.put(f"t/{i}", b"x")) for i in range(9)]
    await turns()
    ingest = Ingest(inlet)
    sizes: list[int] = []
    while sum(sizes) < 9:
        batch = await ingest.next()
        sizes.append(len(batch.messages))
        await turns()
        inlet.acknowledge(batch)
        await turns()
    assert sizes == [4, 4, 1]
    assert all(t == Taken(0) for t in await asyncio.gather(*puts))


async def test_a_batch_has_its_bound(vitals: Vitals) -> None:
    inlet = Inlet(lambda: NOW, vitals)
    puts = [asyncio.create_task(inlet.put("t", b"x")) for _ in range(MAX_BATCH + 1)]
    await turns()
    ingest = Ingest(inlet)
    assert len((await ingest.next()).messages) == MAX_BATCH
    assert len((await ingest.next()).messages) == 1
    for put in puts:
        put.cancel()
    await asyncio.wait(puts)


async def test_who_goes_before_the_ingest_looked_takes_the_message_along(inlet: Inlet, vitals: Vitals) -> None:
    gone = asyncio.create_task(inlet.put("t/gone", b"x"))
    await turns()
    gone.cancel()
    await asyncio.wait([gone])
    stays = [asyncio.create_task(inlet.put(f"t/{i}", b"x")) for i in range(4)]
    await turns()
    batch = await Ingest(inlet).next()
    assert [m.topic for m in batch.messages] == [b"t/0", b"t/1", b"t/2", b"t/3"], "the place was free again"
    inlet.acknowledge(batch)
    await asyncio.gather(*stays)
    assert vitals.counter("inlet_abandoned") == 1


async def test_who_goes_later_leaves_the_message_and_its_place_until_it_is_safe(inlet: Inlet) -> None:
    puts = [asyncio.create_task(inlet.put(f"t/{i}", b"x")) for i in range(4)]
    ingest = Ingest(inlet)
    await turns()
    batch = await ingest.next()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await inlet.put("t/late", b"x")
    for put in puts:
        put.cancel()
    await asyncio.wait(puts)
    late = asyncio.create_task(inlet.put("t/late", b"x"))
    await turns()
    inlet.acknowledge(batch)
    after = await ingest.next()
    assert [m.topic for m in after.messages] == [b"t/late"]
    inlet.acknowledge(after)
    assert await late == Taken(0)


async def test_waiting_for_a_place_may_be_given_up(inlet: Inlet, vitals: Vitals) -> None:
    puts = [asyncio.create_task(inlet.put(f"t/{i}", b"x")) for i in range(6)]
    await turns()
    puts[4].cancel()
    await asyncio.wait([puts[4]])
    ingest = Ingest(inlet)
    topics: list[bytes] = []
    for _ in range(2):
        batch = await ingest.next()
        topics += [m.topic for m in batch.messages]
        inlet.acknowledge(batch)
        await turns()
    assert topics == [b"t/0", b"t/1", b"t/2", b"t/3", b"t/5"]
    assert [(n, v) for n, _, v in vitals.gauges()] == [("inlet_waiting", 0)]
    assert vitals.counter("inlet_abandoned") == 0


async def test_of_a_giant_only_the_beginning_goes_on(inlet: Inlet) -> None:
    put = asyncio.create_task(inlet.put("t", b"x" * (MAX_PAYLOAD + 1)))
    batch = await Ingest(inlet).next()
    assert (batch.messages[0].size, len(batch.messages[0].payload)) == (MAX_PAYLOAD + 1, PAYLOAD_KEPT)
    inlet.acknowledge(batch)
    await put


def test_what_is_not_its_own_is_left_alone(inlet: Inlet) -> None:
    inlet.acknowledge(Batch(None))
    assert not inlet.publish("t", b"x")
