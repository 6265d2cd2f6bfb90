"""Devices at the real broker: who gets in, and what they can say and hear."""

import asyncio
import random
from collections.abc import AsyncIterator

import aiomqtt
import pytest
from nats.aio.client import Client

from gateway.broker.auth import GATEWAY_CLIENT_ID, Credential
from gateway.broker.callout import AuthCallout
from gateway.broker.server import BrokerServer
from tests.gateway.conftest import PATIENCE_S, WatchedVitals, clock

DEVICES = {f"d{i}": Credential(f"secret-{i}", f"mingluo/v1/xijiang/h{i}/d{i}") for i in range(300)}
SUBACK_FAILURE = 128


@pytest.fixture(autouse=True)
async def callout(broker: BrokerServer, client: Client, vitals: WatchedVitals) -> AsyncIterator[AuthCallout]:
    service = AuthCallout(client, broker.issuer, DEVICES.get, vitals, clock)
    await service.start()
    yield service
    await service.stop()


def device(broker: BrokerServer, user: str, password: str, identifier: str | None = None) -> aiomqtt.Client:
    assert broker.endpoints.mqtt is not None
    host, port = broker.endpoints.mqtt
    return aiomqtt.Client(host, port, username=user, password=password, identifier=identifier, timeout=PATIENCE_S)


def gateway(broker: BrokerServer) -> aiomqtt.Client:
    return device(broker, broker.endpoints.mqtt_user, broker.endpoints.password, GATEWAY_CLIENT_ID)


async def receive(client: aiomqtt.Client) -> tuple[str, bytes]:
    async with asyncio.timeout(PATIENCE_S):
        message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    return str(message.topic), message.payload


async def test_a_wrong_password_is_refused_at_connect(broker: BrokerServer, vitals: WatchedVitals) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with device(broker, "d1", "secret-2"):
            pass
    assert vitals.counter("broker_auth_refused", reason="wrong_password") == 1
    assert vitals.counter("broker_auth_granted") == 0


async def test_the_gateways_client_id_cannot_be_taken(broker: BrokerServer, vitals: WatchedVitals) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with device(broker, "d1", "secret-1", GATEWAY_CLIENT_ID):
            pass
    assert vitals.counter("broker_auth_refused", reason="reserved_client_id") == 1


async def test_only_own_topics_reach_the_gateway(broker: BrokerServer) -> None:
    async with gateway(broker) as listener, device(broker, "d1", "secret-1") as d1:
        await listener.subscribe("mingluo/v1/#", qos=1)
        for foreign in ("h2/d2/telemetry", "h1/d1/command", "h1/d1/error", "h1/d10/telemetry"):
            await d1.publish(f"mingluo/v1/xijiang/{foreign}", b"forged", qos=1)
        # The broker keeps the order of one connection: what comes first after these shows that they did not come.
        await d1.publish("mingluo/v1/xijiang/h1/d1/telemetri", b"mistyped", qos=1)
        assert await receive(listener) == ("mingluo/v1/xijiang/h1/d1/telemetri", b"mistyped")
        for own in ("telemetry", "event", "status", "command/reply"):
            await d1.publish(f"mingluo/v1/xijiang/h1/d1/{own}", own.encode(), qos=1)
            assert await receive(listener) == (f"mingluo/v1/xijiang/h1/d1/{own}", own.encode())


async def test_a_megabyte_arrives_to_be_refused_by_name(broker: BrokerServer) -> None:
    async with gateway(broker) as listener, device(broker, "d1", "secret-1") as d1:
        await listener.subscribe("mingluo/v1/#", qos=1)
        await d1.publish("mingluo/v1/xijiang/h1/d1/telemetry", bytes(1_000_000), qos=1)
        assert len((await receive(listener))[1]) == 1_000_000


@pytest.mark.parametrize(
    "topic",
    [
        "#", "mingluo/v1/#", "mingluo/v1/xijiang/h2/d2/command", "mingluo/v1/xijiang/h2/d2/telemetry",
        "+/+/+/+/+/command",
        "$MQTT/msgs/#", "$MQTT/sub/#", "$MQTT/#", "$JS/#", "$SYS/#", "_INBOX/#", "readings/#", "quarantine/#",
    ],
)  # fmt: skip
async def test_a_device_cannot_listen_to_others(broker: BrokerServer, topic: str) -> None:
    async with device(broker, "d1", "secret-1") as d1:
        (code,) = await d1.subscribe(topic, qos=1)
        assert getattr(code, "value", code) == SUBACK_FAILURE


async def test_a_device_reads_its_own_commands_and_errors(broker: BrokerServer) -> None:
    async with (
        gateway(broker) as sender,
        device(broker, "d1", "secret-1") as d1,
        device(broker, "d2", "secret-2") as d2,
    ):
        for name, who in (("1", d1), ("2", d2)):
            for level in ("command", "error"):
                (code,) = await who.subscribe(f"mingluo/v1/xijiang/h{name}/d{name}/{level}", qos=1)
                assert getattr(code, "value", code) == 1
        await sender.publish("mingluo/v1/xijiang/h1/d1/command", b"for d1", qos=1)
        await sender.publish("mingluo/v1/xijiang/h2/d2/command", b"for d2", qos=1)
        await sender.publish("mingluo/v1/xijiang/h1/d1/error", b"why", qos=1)
        assert await receive(d2) == ("mingluo/v1/xijiang/h2/d2/command", b"for d2")
        assert await receive(d1) == ("mingluo/v1/xijiang/h1/d1/command", b"for d1")
        assert await receive(d1) == ("mingluo/v1/xijiang/h1/d1/error", b"why")


def field(text: str) -> bytes:
    return len(text).to_bytes(2) + text.encode()


async def test_a_last_will_is_delivered(broker: BrokerServer) -> None:
    topic = "mingluo/v1/xijiang/h1/d1/status"
    async with gateway(broker) as listener:
        await listener.subscribe("mingluo/v1/#", qos=1)
        assert broker.endpoints.mqtt is not None
        reader, writer = await asyncio.open_connection(*broker.endpoints.mqtt)
        # By hand, since a library's client says goodbye: user, password, will at QoS 1, clean session, 60 s.
        body = field("MQTT") + b"\x04\xce\x00\x3c" + b"".join(map(field, ("d1", topic, "gone", "d1", "secret-1")))
        writer.write(bytes([0x10, len(body)]) + body)
        assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
        writer.close()
        assert await receive(listener) == (topic, b"gone")


async def test_a_changed_secret_holds_from_the_next_connection_on(
    broker: BrokerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEVICES, "d1", Credential("new-secret", DEVICES["d1"].topic))
    with pytest.raises(aiomqtt.MqttError):
        async with device(broker, "d1", "secret-1"):
            pass
    async with device(broker, "d1", "new-secret"):
        pass


async def test_three_hundred_devices_connect_at_once(broker: BrokerServer, vitals: WatchedVitals) -> None:
    async def connect(i: int) -> None:
        async with device(broker, f"d{i}", f"secret-{i}") as d:
            await d.publish(f"mingluo/v1/xijiang/h{i}/d{i}/telemetry", b"{}", qos=1)

    order = list(range(300))
    random.Random(1).shuffle(order)
    await asyncio.gather(*map(connect, order))
    assert vitals.counter("broker_auth_granted") == 300
    assert vitals.counter("broker_auth_refused") == 0


async def test_a_failing_look_up_refuses_one_device_and_answers_on(
    broker: BrokerServer, client: Client, vitals: WatchedVitals, callout: AuthCallout
) -> None:
    await callout.stop()

    def look_up(user: str) -> Credential | None:
        if user == "d1":
            raise LookupError("estate out of order")
        return DEVICES.get(user)

    service = AuthCallout(client, broker.issuer, look_up, vitals, clock)
    await service.start()
    with pytest.raises(aiomqtt.MqttError):
        async with device(broker, "d1", "secret-1"):
            pass
    async with device(broker, "d2", "secret-2"):
        pass
    assert vitals.counter("broker_auth_refused", reason="failed") == 1
