"""The link against a broker that does what the test wants."""

from functools import partial

import numpy as np

from community.vitals import State, Vitals
from gateway.link import packets
from gateway.link.link import Link
from gateway.link.options import LinkOptions
from tests.gateway.link.fake_broker import CONNACK_SESSION, until
from tests.gateway.link.linked import arrived, component, linked, one
from tests.gateway.village import NOW


async def test_it_asks_for_a_persistent_session_and_everything_at_qos_1() -> None:
    async with linked() as (link, broker, vitals):
        caller = await broker.caller()
        connect = await caller.next(1)
        assert connect == packets.connect("mingluo-gateway", 30, None, None)
        assert connect[9] & 0x02 == 0, "clean session must be off"
        caller.send(b"\x20\x02\x00\x00")
        assert await caller.next(8) == packets.subscribe(1, ["mingluo/v1/#"], 1)
        assert link.connected_since is None
        caller.send(b"\x90\x03\x00\x01\x01")
        await until(lambda: link.connected_since == NOW)
        assert component(vitals)[0] is State.OK


async def test_nothing_is_acknowledged_before_it_is_told_and_then_in_one_write() -> None:
    async with linked() as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        caller.send(b"".join(packets.publish("a", b"x", packet_id=i) for i in (5, 6, 7)) + packets.publish("b", b"y"))
        batch = await one(link)
        assert [m.topic for m in batch.messages] == [b"a", b"a", b"a", b"b"]
        assert vitals.counter("link_acknowledged") == 0
        link.acknowledge(batch)
        assert await caller.next(4) + await caller.next(4) + await caller.next(4) == packets.pubacks(
            np.array([5, 6, 7], np.int32)
        )
        assert vitals.counter("link_acknowledged") == 3
        assert vitals.counter("link_messages") == 4


async def test_an_acknowledgement_of_an_old_connection_is_not_sent_on_the_new_one() -> None:
    async with linked() as (link, broker, vitals):
        first = await broker.caller()
        await first.accept()
        first.send(packets.publish("a", b"x", packet_id=5))
        old = await one(link)
        first.drop()
        second = await broker.caller()
        await second.accept(CONNACK_SESSION)
        second.send(packets.publish("a", b"y", packet_id=9))
        new = await one(link)
        link.acknowledge(old)
        link.acknowledge(new)
        assert await second.next(4) == b"\x40\x02\0\x09"
        assert vitals.counter("link_acknowledgements_void") == 1
        assert vitals.counter("link_reconnects") == 1
        assert vitals.counter("link_sessions_lost") == 0


async def test_a_broker_that_forgot_our_session_is_counted() -> None:
    async with linked() as (link, broker, vitals):
        first = await broker.caller()
        await first.accept()
        await until(lambda: link.connected_since is not None)
        first.drop()
        await until(lambda: link.connected_since is None)
        await (await broker.caller()).accept()
        await until(lambda: link.connected_since is not None)
        assert vitals.counter("link_sessions_lost") == 1


async def test_when_full_it_stops_reading_until_something_is_acknowledged() -> None:
    async with linked(max_held_messages=10) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        caller.send(b"".join(packets.publish("a", b"x", packet_id=i) for i in range(1, 11)))
        batch = await one(link)
        assert len(batch.messages) == 10
        caller.send(packets.publish("late", b"x", packet_id=99))
        caller.send(b"\xf0\x00")  # would close the connection if it were read
        assert link.publish("still", b"there")
        await caller.next(3)
        assert vitals.counter("link_messages") == 10
        assert link.connected_since is not None
        link.acknowledge(batch)
        await until(lambda: vitals.counter("link_reconnects") == 1)
        await broker.caller()


async def test_bytes_are_held_until_their_last_message_is_acknowledged() -> None:
    async with linked(max_held_bytes=1_000) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        head, tail = packets.publish("a", b"x" * 2_000)[:-1], b"x"
        caller.send(head)
        await until(lambda: vitals.counter("link_bytes") >= len(head))
        caller.send(tail)
        batch = await one(link)
        assert batch.size == len(head) + 1, "also those that came before the last byte did"
        assert batch.count == 1
        caller.send(b"\xf0\x00")  # would close the connection if it were read
        assert link.publish("still", b"there")
        await caller.next(3)
        assert link.connected_since is not None
        link.acknowledge(batch)
        await until(lambda: vitals.counter("link_reconnects") == 1)
        await broker.caller()


async def test_garbage_closes_the_connection_by_name_and_it_comes_back() -> None:
    async with linked() as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        caller.send(b"\xf0\x00")
        await until(lambda: link.connected_since is None)
        await caller.ended()
        assert component(vitals) == (State.DOWN, "malformed packet: packet type 15 is not for a client")
        await (await broker.caller()).accept()
        await until(lambda: component(vitals)[0] is State.OK)


async def test_a_refusal_names_itself() -> None:
    async with linked() as (link, broker, vitals):
        caller = await broker.caller()
        await caller.next(1)
        caller.send(b"\x20\x02\x00\x05")
        await broker.caller()
        assert link.connected_since is None
        assert component(vitals) == (State.DOWN, "CONNECT refused: not authorized")


async def test_a_refused_subscription_names_itself() -> None:
    async with linked() as (_, broker, vitals):
        caller = await broker.caller()
        await caller.next(1)
        caller.send(b"\x20\x02\x00\x00")
        await caller.next(8)
        caller.send(b"\x90\x03\x00\x01\x80")
        await broker.caller()
        assert component(vitals) == (State.DOWN, "the broker refused every subscription: mingluo/v1/#")


async def test_a_broker_that_does_not_answer_is_left() -> None:
    async with linked(timeout_s=0.05) as (_, broker, vitals):
        caller = await broker.caller()
        await caller.next(1)
        await broker.caller()
        assert component(vitals)[0] is State.DOWN


async def test_a_silent_broker_is_pinged_and_then_left() -> None:
    async with linked(keep_alive_s=1) as (_, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        assert await caller.next(12) == packets.PINGREQ
        await broker.caller()
        assert component(vitals)[1] == "nothing heard for 1 s"


async def test_publishing_without_a_connection_is_counted_as_lost() -> None:
    vitals = Vitals()
    link = Link(LinkOptions(host="127.0.0.1"), lambda: NOW, vitals)
    assert not link.publish("t", b"x")
    assert vitals.counter("link_publish_dropped") == 1


async def test_it_leaves_politely() -> None:
    async with linked() as (link, broker, _):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
    # After the block the server is gone, but what the link wrote last was read by then or lies in the buffer.
    assert (await caller.ended()).endswith(packets.DISCONNECT)


async def test_messages_wait_in_batches_of_one_connection_while_nobody_reads() -> None:
    async with linked() as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        for i in range(1, 4):
            caller.send(packets.publish("a", b"x", packet_id=i))
            await until(partial(arrived, vitals, i))
        assert len((await one(link)).messages) == 3
