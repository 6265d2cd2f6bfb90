"""What was not acknowledged comes again before anything new, as MQTT wants it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import aiomqtt
import pytest
from nats.aio.client import Client

from community.vitals import Vitals
from gateway.broker.connection import connect, disconnect
from gateway.broker.redelivery import Redelivery
from gateway.broker.server import BrokerServer
from gateway.link.link import Link
from gateway.link.options import LinkOptions
from tests.gateway.conftest import WatchedVitals

TOPIC = "mingluo/v1/c/h/d/telemetry"


@pytest.fixture
async def client(broker: BrokerServer, vitals: WatchedVitals) -> AsyncIterator[Client]:
    """A connection into the account of the devices."""
    connection = await connect(broker.endpoints, "test", vitals, among_devices=True)
    yield connection
    await disconnect(connection)


def link_to(broker: BrokerServer, client: Client, vitals: Vitals) -> Link:
    endpoints = broker.endpoints
    assert endpoints.mqtt is not None
    host, port = endpoints.mqtt
    options = LinkOptions(
        host=host, port=port, username=endpoints.mqtt_user, password=endpoints.password, topic_filters=("#",)
    )
    return Link(options, count().__next__, vitals, before_connect=Redelivery(client).settle)


async def publish(broker: BrokerServer, *bodies: str) -> None:
    endpoints = broker.endpoints
    assert endpoints.mqtt is not None
    async with aiomqtt.Client(*endpoints.mqtt, username=endpoints.mqtt_user, password=endpoints.password) as device:
        for body in bodies:
            await device.publish(TOPIC, body, qos=1)


async def receive(link: Link, number: int) -> list[str]:
    """The first so many messages, none of them acknowledged."""
    found: list[str] = []
    async with asyncio.timeout(10):
        async for batch in link.batches():
            found += [m.payload.decode() for m in batch.messages]
            if len(found) >= number:
                return found
    raise AssertionError("the link has ended")


async def test_the_old_order_is_kept_over_a_new_connection(
    broker: BrokerServer, client: Client, vitals: WatchedVitals
) -> None:
    first = link_to(broker, client, vitals)
    running = asyncio.create_task(first.run())
    await vitals.until(lambda: first.connected_since is not None)
    await publish(broker, "1", "2", "3")
    assert await receive(first, 3) == ["1", "2", "3"]
    running.cancel()
    await asyncio.wait({running})

    await publish(broker, "4", "5")
    second = link_to(broker, client, vitals)
    running = asyncio.create_task(second.run())
    assert await receive(second, 5) == ["1", "2", "3", "4", "5"]
    running.cancel()
    await asyncio.wait({running})


async def test_with_nothing_open_nobody_waits(broker: BrokerServer, client: Client) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    await Redelivery(client, sleep).settle()
    assert waits == []


async def test_the_broker_keeps_messages_from_the_first_subscription_on(
    broker: BrokerServer, client: Client, vitals: WatchedVitals
) -> None:
    redelivery = Redelivery(client)
    assert not await redelivery.session_kept()
    await publish(broker, "taken, acknowledged, and dropped: nobody may publish now")
    link = link_to(broker, client, vitals)
    running = asyncio.create_task(link.run())
    await link.subscribed()
    assert await redelivery.session_kept()
    running.cancel()
    await asyncio.wait({running})
    assert await redelivery.session_kept(), "it is kept while the gateway is away"
    await publish(broker, "kept")
    again = link_to(broker, client, vitals)
    running = asyncio.create_task(again.run())
    assert await receive(again, 1) == ["kept"]
    running.cancel()
    await asyncio.wait({running})
