"""What the link is subscribed to: changed while messages come, and granted in part."""

import asyncio

from community.vitals import State
from gateway.link import packets
from tests.gateway.link.fake_broker import CONNACK, CONNACK_SESSION, until
from tests.gateway.link.linked import component, linked, one


async def test_of_many_subscriptions_each_that_is_refused_is_named_and_the_others_are_heard() -> None:
    whose = {"a/+": "profile tuya"}
    async with linked(filters=("a/+", "b/#", "c/d"), whose=whose) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.next(1)
        caller.send(CONNACK)
        assert await caller.grant(refused=["a/+", "c/d"]) == ["a/+", "b/#", "c/d"]
        await until(lambda: component(vitals)[0] is State.OK)
        told = (State.DEGRADED, "the broker refuses: a/+ (profile tuya); c/d")
        assert component(vitals, "subscriptions") == told
        assert link.refused == ("a/+", "c/d")
        assert ("link_filters_refused", (), 2) in vitals.gauges()
        caller.send(packets.publish("b/x", b"x", packet_id=1))
        assert (await one(link)).count == 1
        # Asked again, only for what is missing; what is granted then is no longer told.
        asking = asyncio.create_task(link.resubscribe(("a/+", "b/#", "c/d")))
        assert await caller.grant(refused=["a/+"]) == ["a/+", "c/d"]
        await asking
        assert component(vitals, "subscriptions")[1] == "the broker refuses: a/+ (profile tuya)"
        asking = asyncio.create_task(link.resubscribe(("a/+", "b/#", "c/d")))
        assert await caller.grant() == ["a/+"]
        await asking
        assert component(vitals, "subscriptions") == (State.OK, "all 3 are granted")
        assert vitals.counter("link_reconnects") == 0


async def test_of_very_many_refused_ones_the_first_are_named() -> None:
    async with linked(filters=("a", *(f"b/{i}" for i in range(8)))) as (_, broker, vitals):
        caller = await broker.caller()
        await caller.next(1)
        caller.send(CONNACK)
        await caller.grant(refused=[f"b/{i}" for i in range(8)])
        await until(lambda: component(vitals)[0] is State.OK)
        assert component(vitals, "subscriptions")[1].endswith("b/4; and 3 more")


async def test_a_subscription_without_an_answer_of_its_own_is_not_granted() -> None:
    async with linked(filters=("a", "b")) as (link, broker, _):
        caller = await broker.caller()
        await caller.next(1)
        caller.send(CONNACK)
        await caller.next(8)
        caller.send(b"\x90\x03\x00\x01\x01")
        await until(lambda: link.connected_since is not None)
        assert link.refused == ("b",)


async def test_what_an_earlier_start_subscribed_to_is_given_up() -> None:
    async with linked(filters=("a", "b"), former=("b", "old/#")) as (link, broker, _):
        caller = await broker.caller()
        await caller.accept()
        assert await caller.release() == ["old/#"]
        await until(lambda: link.connected_since is not None)
        caller.drop()
        second = await broker.caller()
        await second.accept()  # and nothing to give up this time
        await until(lambda: link.connected_since is not None)


async def test_a_session_that_has_too_many_gives_up_the_old_ones_first() -> None:
    async with linked(filters=("a", "b"), former=("old/#",)) as (link, broker, _):
        caller = await broker.caller()
        await caller.next(1)
        caller.send(CONNACK_SESSION)
        await caller.grant(refused=["b"])
        assert await caller.release() == ["old/#"]
        assert await caller.grant() == ["b"]
        await until(lambda: link.connected_since is not None)


async def test_resubscribing_takes_the_new_before_it_gives_up_the_old() -> None:
    async with linked(filters=("a", "b")) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        changing = asyncio.create_task(link.resubscribe(("b", "c", "d")))
        assert await caller.grant() == ["c", "d"]
        assert await caller.release() == ["a"]
        await changing
        caller.drop()
        second = await broker.caller()
        await second.next(1)
        second.send(CONNACK_SESSION)
        assert await second.grant() == ["b", "c", "d"]
        await until(lambda: component(vitals)[0] is State.OK)


async def test_what_a_refused_filter_should_have_taken_the_place_of_is_kept() -> None:
    async with linked(filters=("a/x", "b")) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        changing = asyncio.create_task(link.resubscribe(("a/#", "c")))
        assert await caller.grant(refused=["a/#"]) == ["a/#", "c"]
        assert await caller.release() == ["b"]  # perhaps the session has too many
        assert await caller.grant(refused=["a/#"]) == ["a/#"]
        await changing
        assert link.refused == ("a/#",)
        asking = asyncio.create_task(link.resubscribe(("a/#", "c")))
        assert await caller.grant() == ["a/#"]
        assert await caller.release() == ["a/x"], "not needed any more"
        await asking
        assert component(vitals)[0] is State.OK


async def test_when_nothing_is_granted_any_more_the_link_is_down() -> None:
    async with linked(filters=("a",)) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        changing = asyncio.create_task(link.resubscribe(("b",)))
        await caller.grant(refused=["b"])
        await caller.release()
        await caller.grant(refused=["b"])
        await changing
        await until(lambda: component(vitals) == (State.DOWN, "the broker refused every subscription: b"))


async def test_resubscribing_without_a_connection_is_for_the_next_one() -> None:
    async with linked(filters=("a",)) as (link, broker, _):
        caller = await broker.caller()
        await link.resubscribe(("b",))
        await caller.next(1)
        caller.send(CONNACK)
        assert await caller.grant() == ["b"]
        assert await caller.release() == ["a"]


async def test_a_connection_lost_while_resubscribing_is_made_up_for_by_the_next() -> None:
    async with linked(filters=("a",)) as (link, broker, _):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        changing = asyncio.create_task(link.resubscribe(("b",)))
        await caller.next(8)
        caller.drop()
        await changing
        second = await broker.caller()
        await second.next(1)
        second.send(CONNACK_SESSION)
        assert await second.grant() == ["b"]
        assert await second.release() == ["a"]
        await until(lambda: link.connected_since is not None)


async def test_a_broker_that_does_not_answer_a_resubscription_is_left() -> None:
    async with linked(timeout_s=0.05) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        await link.resubscribe(("b",))
        await until(lambda: component(vitals) == (State.DOWN, "no SUBACK within 0.05 s"))
        await broker.caller()


async def test_while_it_is_full_no_answer_is_expected() -> None:
    async with linked(max_held_messages=1, timeout_s=0.25) as (link, broker, vitals):
        caller = await broker.caller()
        await caller.accept()
        await until(lambda: link.connected_since is not None)
        caller.send(packets.publish("a", b"x", packet_id=1))
        batch = await one(link)
        changing = asyncio.create_task(link.resubscribe(("b",)))
        await caller.grant()
        done, _ = await asyncio.wait({changing}, timeout=0.6)  # twice as long as an answer may take
        assert not done
        link.acknowledge(batch)
        assert await caller.release() == ["mingluo/v1/#"]
        await changing
        assert vitals.counter("link_reconnects") == 0
