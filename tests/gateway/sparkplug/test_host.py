"""Our STATE, as an edge node sees it through real brokers. Comments name requirements of Sparkplug 3.0."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from community.vitals import State
from gateway.broker.server import BrokerServer
from gateway.sparkplug.host import HostApplication, HostOptions
from tests.gateway.conftest import WatchedVitals
from tests.gateway.link import brokers
from tests.gateway.sparkplug.edge import NOW

STATE = "spBv1.0/STATE/mingluo"


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.server)])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """Port of a running broker of each kind."""
    number = brokers.free_port()
    make = brokers.nats_server if request.param == "nats" else brokers.mosquitto
    with brokers.running(make(tmp_path, number), tmp_path, number):
        yield number


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def online(port: int, vitals: WatchedVitals, *, begin: int = NOW) -> AsyncIterator[asyncio.Task[None]]:
    """A host application that has said it is online."""
    ticks = count(begin)
    options = HostOptions(host="127.0.0.1", port=port, timeout_s=5)
    host = HostApplication(options, lambda: next(ticks), vitals, sleep=no_sleep)
    task = asyncio.create_task(host.run())
    births = vitals.counter("sparkplug_births")
    try:
        await vitals.until(lambda: vitals.counter("sparkplug_births") > births)
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def edge(port: int) -> AsyncIterator[aiomqtt.Client]:
    """An edge node that waits for its primary host."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="edge") as client:
        await client.subscribe(STATE, qos=1)
        yield client


async def heard(client: aiomqtt.Client) -> tuple[dict[str, Any], aiomqtt.Message]:
    """The next STATE."""
    async with asyncio.timeout(10):
        message = await anext(client.messages)
    assert isinstance(message.payload, bytes)
    return json.loads(message.payload), message


async def kept(port: int) -> dict[str, Any]:
    """The STATE that the broker keeps for who comes later. nats-server may do so a moment after it has confirmed it."""
    async with asyncio.timeout(10), edge(port) as client:
        while True:
            try:
                async with asyncio.timeout(0.3):
                    state, message = await heard(client)
            except TimeoutError:
                await client.subscribe(STATE, qos=1)  # asks for it once more
                continue
            assert message.retain
            return state


async def test_an_edge_node_sees_us_come_and_go(port: int, vitals: WatchedVitals) -> None:
    async with edge(port) as client:
        async with online(port, vitals):
            birth, message = await heard(client)
            # tck-id-host-topic-phid-birth-payload, -birth-qos; -birth-payload-timestamp: of the will
            assert birth == {"online": True, "timestamp": NOW}
            assert message.qos == 1
        death, _ = await heard(client)
        # tck-id-host-topic-phid-death-payload
        assert death["online"] is False
        assert death["timestamp"] > NOW
    assert [s for c, s, _ in vitals.reports if c == "sparkplug"][:1] == [State.OK]


async def test_who_comes_later_is_told_what_holds(port: int, vitals: WatchedVitals) -> None:
    # tck-id-host-topic-phid-birth-retain, -death-retain
    async with online(port, vitals):
        assert (await kept(port))["online"] is True
    assert (await kept(port))["online"] is False


async def test_an_offline_of_an_earlier_connection_is_answered(port: int, vitals: WatchedVitals) -> None:
    async with edge(port) as client, online(port, vitals):
        await heard(client)
        await client.publish(STATE, json.dumps({"online": False, "timestamp": NOW - 9}), qos=1, retain=True)
        assert (await heard(client))[0] == {"online": False, "timestamp": NOW - 9}
        assert (await heard(client))[0] == {"online": True, "timestamp": NOW}
    assert vitals.counter("sparkplug_reconnects") == 0


async def test_whoever_speaks_in_our_name_later_than_we_is_outdone(port: int, vitals: WatchedVitals) -> None:
    # Nodes believe the latest time: the birth, and the will with it, must be later than what they have heard.
    async with edge(port) as client, online(port, vitals):
        await heard(client)
        await client.publish(STATE, json.dumps({"online": False, "timestamp": NOW + 10**6}), qos=1, retain=True)
        while (await heard(client))[0]["timestamp"] < NOW + 10**6:
            pass
        last, _ = await heard(client)
        while not last["online"]:
            last, _ = await heard(client)
        assert last["timestamp"] > NOW + 10**6
    assert "somebody else" in next(d for c, s, d in vitals.reports if (c, s) == ("sparkplug", State.DOWN))


async def test_a_state_kept_from_a_clock_that_ran_ahead_is_outdone(port: int, vitals: WatchedVitals) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(STATE, json.dumps({"online": True, "timestamp": NOW + 10**6}), qos=1, retain=True)
    await kept(port)
    async with edge(port) as client, online(port, vitals):
        last, _ = await heard(client)
        while not (last["online"] and last["timestamp"] > NOW + 10**6):
            last, _ = await heard(client)


@pytest.mark.parametrize("said", ["OFFLINE", "{", "[]", '{"online": 0}', '{"online": false, "timestamp": "now"}'])
async def test_what_is_no_state_of_version_3_changes_nothing(vitals: WatchedVitals, tmp_path: Path, said: str) -> None:
    number = brokers.free_port()
    with brokers.running(brokers.nats_server(tmp_path, number), tmp_path, number):
        async with edge(number) as client, online(number, vitals):
            await heard(client)
            await client.publish(STATE, said, qos=1)
            # What comes behind it is answered: so it has been read, and passed over.
            await client.publish(STATE, json.dumps({"online": False, "timestamp": NOW - 9}), qos=1)
            await vitals.until(lambda: vitals.counter("sparkplug_births") == 2)
        assert vitals.counter("sparkplug_reconnects") == 0


async def test_the_last_will_speaks_when_we_cannot(port: int, vitals: WatchedVitals) -> None:
    # tck-id-operational-behavior-host-application-connect-will-retained, -will-qos, -will-payload
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with edge(port) as client:
        relay = await asyncio.start_server(lambda r, w: _relay(r, w, reader, writer), "127.0.0.1", 0)
        there = relay.sockets[0].getsockname()[1]
        ticks = count(NOW)
        options = HostOptions(host="127.0.0.1", port=there, timeout_s=5)
        host = asyncio.create_task(HostApplication(options, lambda: next(ticks), vitals, sleep=no_sleep).run())
        try:
            assert (await heard(client))[0] == {"online": True, "timestamp": NOW}
            relay.close()
            writer.transport.abort()  # as a cable that is cut: no goodbye comes through
            will, message = await heard(client)
            assert will == {"online": False, "timestamp": NOW}
            assert message.qos == 1
        finally:
            host.cancel()
            await asyncio.wait([host])


async def _relay(
    r: asyncio.StreamReader, w: asyncio.StreamWriter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carries bytes between a client and a broker, both ways, until either end is gone."""

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                sink.write(data)
        except OSError:
            pass
        finally:
            sink.close()

    await asyncio.gather(carry(r, writer), carry(reader, w))


async def test_a_broker_that_dies_and_comes_back_hears_of_us(tmp_path: Path, vitals: WatchedVitals) -> None:
    number = brokers.free_port()
    command = brokers.nats_server(tmp_path, number)
    with brokers.running(command, tmp_path, number) as process:
        async with online(number, vitals):
            process.kill()
            process.wait()
            await vitals.until(lambda: vitals.counter("sparkplug_reconnects") >= 2)
            assert vitals.components()[0].state is State.DOWN
            with brokers.running(command, tmp_path, number):
                await vitals.until(lambda: vitals.components()[0].state is State.OK)
                assert (await kept(number))["online"] is True


async def test_we_are_not_online_before_we_listen(vitals: WatchedVitals) -> None:
    # tck-id-host-topic-phid-birth-sub-required
    listening = asyncio.Event()
    slept = asyncio.Event()

    async def sleep(_: float) -> None:
        slept.set()
        await asyncio.sleep(0.001)

    options = HostOptions(host="127.0.0.1", port=brokers.free_port(), timeout_s=1)
    host = HostApplication(options, lambda: NOW, vitals, before_birth=listening.wait, sleep=sleep)
    task = asyncio.create_task(host.run())
    await asyncio.sleep(0)
    assert vitals.reports == []
    listening.set()
    await slept.wait()
    assert vitals.counter("sparkplug_reconnects") == 1
    task.cancel()
    await asyncio.wait([task])


async def test_delays_grow_while_nothing_answers(vitals: WatchedVitals) -> None:
    delays: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) == 5:
            enough.set()
            await asyncio.Event().wait()

    options = HostOptions(host="127.0.0.1", port=brokers.free_port(), timeout_s=1, max_back_off_s=1)
    host = HostApplication(replace(options, host_id="x"), lambda: NOW, vitals, sleep=sleep, jitter=lambda: 1.0)
    task = asyncio.create_task(host.run())
    await enough.wait()
    assert delays == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert [(c.name, c.state) for c in vitals.components()] == [("sparkplug", State.DOWN)]
    task.cancel()
    await asyncio.wait([task])


async def test_the_embedded_broker_lets_us_in_with_the_gateways_own_account(
    broker: BrokerServer, vitals: WatchedVitals
) -> None:
    ends = broker.endpoints
    assert ends.mqtt is not None
    options = HostOptions(host=ends.mqtt[0], port=ends.mqtt[1], username=ends.mqtt_user, password=ends.password)
    task = asyncio.create_task(HostApplication(options, lambda: NOW, vitals).run())
    await vitals.until(lambda: ("sparkplug", State.OK) in [(name, state) for name, state, _ in vitals.reports])
    assert vitals.counter("sparkplug_births") == 1
    task.cancel()
    await asyncio.wait([task])


async def test_a_wrong_password_is_reported(broker: BrokerServer, vitals: WatchedVitals) -> None:
    ends = broker.endpoints
    assert ends.mqtt is not None
    options = HostOptions(host=ends.mqtt[0], port=ends.mqtt[1], username=ends.mqtt_user, password="guessed")
    task = asyncio.create_task(HostApplication(options, lambda: NOW, vitals, sleep=no_sleep).run())
    await vitals.until(lambda: vitals.counter("sparkplug_reconnects") >= 1)
    down = [detail for name, state, detail in vitals.reports if (name, state) == ("sparkplug", State.DOWN)]
    assert "code:" in down[0]
    assert vitals.counter("sparkplug_births") == 0
    task.cancel()
    await asyncio.wait([task])
