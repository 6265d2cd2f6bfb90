"""Devices and our own processes do not hear one another on the broker, whatever a device calls itself."""

import asyncio
from collections.abc import AsyncIterator

import aiomqtt
import pytest
from nats.aio.client import Client

from gateway.broker.auth import subject_of
from gateway.broker.config import MQTT_MAX_ACK_PENDING
from gateway.broker.connection import connect, disconnect
from gateway.broker.redelivery import Redelivery
from gateway.broker.server import BrokerServer
from gateway.decoding.registry import Profiles
from gateway.link.filters import everything
from gateway.link.link import Link
from gateway.link.options import LinkOptions
from tests.gateway.conftest import WatchedVitals, clock


def mqtt(broker: BrokerServer) -> tuple[str, int]:
    """Where devices connect."""
    assert broker.endpoints.mqtt is not None
    return broker.endpoints.mqtt


@pytest.fixture
async def link(broker: BrokerServer, vitals: WatchedVitals) -> AsyncIterator[Link]:
    """The gateway's link, listening to everything."""
    host, port = mqtt(broker)
    user, password = broker.endpoints.mqtt_user, broker.endpoints.password
    filters = ("#", "$oc/devices/#")
    it = Link(LinkOptions(host=host, port=port, username=user, password=password, topic_filters=filters), clock, vitals)
    running = asyncio.create_task(it.run())
    await vitals.until(lambda: it.connected_since is not None)
    yield it
    running.cancel()
    await asyncio.wait({running})


async def heard(link: Link, last: bytes) -> list[bytes]:
    """Topics in order, until this payload comes."""
    found: list[bytes] = []
    async with asyncio.timeout(10):
        async for batch in link.batches():
            for message in batch.messages:
                found.append(message.topic)
                if message.payload == last:
                    return found
    raise AssertionError("the link has ended")


def device(broker: BrokerServer, number: int = 0) -> aiomqtt.Client:
    """A client among the devices that may publish anything."""
    host, port = mqtt(broker)
    user, password = broker.endpoints.mqtt_user, broker.endpoints.password
    return aiomqtt.Client(host, port, username=user, password=password, identifier=f"d{number}")


async def test_everything_means_what_devices_say_and_nothing_of_ours(
    broker: BrokerServer, client: Client, link: Link, vitals: WatchedVitals
) -> None:
    await client.publish("readings.0", b"ours")
    await client.jetstream().account_info()  # its answer goes to an inbox
    among = await connect(broker.endpoints, "among", vitals, among_devices=True)
    assert await Redelivery(among).session_kept()
    await disconnect(among)
    topics = ["tele/plug.1/SENSOR", "/product/device/properties/report", "$oc/devices/d/sys/up", "村/门"]
    async with device(broker) as d:
        for topic in topics:
            await d.publish(topic, b"x", qos=0)
        await d.publish("end", b"last", qos=0)
    assert [t.decode() for t in await heard(link, b"last")] == [*topics, "end"]


async def test_a_device_named_like_the_log_does_not_write_into_it(
    broker: BrokerServer, client: Client, link: Link
) -> None:
    stream = client.jetstream()
    await stream.add_stream(name="LOG", subjects=["readings.>"])
    async with device(broker) as d:
        await d.publish("readings/0", b"forged", qos=1)
        await d.publish("end", b"last", qos=1)
    assert await heard(link, b"last") == [b"readings/0", b"end"]
    assert (await stream.stream_info("LOG")).state.messages == 0


@pytest.mark.parametrize(
    "topic_filter", ["/a", "a//b", "a/", "/+/x", "a.b/+", "/", "$oc/d.1", "村/+/门", "..", "a/#", "/#"]
)
async def test_grants_name_subjects_as_the_broker_does(
    broker: BrokerServer, vitals: WatchedVitals, topic_filter: str
) -> None:
    among = await connect(broker.endpoints, "among", vitals, among_devices=True)
    async with device(broker) as d:
        await d.subscribe(topic_filter, qos=1)
        consumers = await among.jetstream().consumers_info("$MQTT_msgs")
    await disconnect(among)
    assert f"$MQTT.msgs.{subject_of(topic_filter)}" in [c.config.filter_subject for c in consumers]


def test_all_profiles_at_once_fit_into_a_session() -> None:
    filters = everything(f for profile in Profiles().values() for f in profile.subscribe)
    consumers = sum(2 if f.endswith("/#") else 1 for f in filters)
    assert consumers * MQTT_MAX_ACK_PENDING <= 65_535


async def test_as_many_filters_as_are_promised_are_granted(broker: BrokerServer, vitals: WatchedVitals) -> None:
    host, port = mqtt(broker)
    user, password = broker.endpoints.mqtt_user, broker.endpoints.password
    filters = ("#", "$oc/#", "$thing/#", "$sys/#")
    it = Link(LinkOptions(host=host, port=port, username=user, password=password, topic_filters=filters), clock, vitals)
    running = asyncio.create_task(it.run())
    await vitals.until(lambda: it.connected_since is not None)
    assert it.refused == ()
    await it.resubscribe((*filters, "$aws/#"))
    assert list(it.refused) == ["$aws/#"]
    assert it.connected_since is not None
    running.cancel()
    await asyncio.wait({running})


async def test_many_topics_keep_their_order_though_acknowledgements_are_late(broker: BrokerServer, link: Link) -> None:
    """With a filter each it would not: a session that is full turns messages away for a second."""

    async def publish(number: int) -> None:
        async with device(broker, number) as d:
            await asyncio.gather(*(d.publish(f"t{number}/x", b"%d" % i, qos=1) for i in range(200)))

    sending = asyncio.gather(*(publish(number) for number in range(4)))
    found: dict[bytes, list[int]] = {}
    late = []
    async with asyncio.timeout(20):
        async for batch in link.batches():
            late.append(batch)
            for m in batch.messages:
                assert not m.dup
                found.setdefault(m.topic, []).append(int(m.payload))
            if sum(map(len, found.values())) == 800:
                break
    await sending
    for batch in late:
        link.acknowledge(batch)
    assert all(numbers == sorted(numbers) for numbers in found.values())
