"""Simulated devices against a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from community.estate import DeviceKind, Estate
from simulators.device import RING, Line, Outgoing
from simulators.fleet import Fleet, run_fleet
from simulators.incidents import Incident, IncidentKind
from simulators.world import World
from tests.simulators.conftest import PATIENCE_S, WatchedVitals, clock, village


@asynccontextmanager
async def listening(port: int, topics: str = "mingluo/v1/#") -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", port, identifier="listener") as client:
        await client.subscribe(topics, qos=1)
        yield client


async def until(client: aiomqtt.Client, **wanted: Any) -> tuple[str, dict[str, Any]]:
    """The next message whose topic ends with `level` and whose payload has the other fields."""
    level = wanted.pop("level")
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if str(message.topic).endswith(level) and message.payload:
                payload = json.loads(message.payload)
                if all(payload.get(key) == value for key, value in wanted.items()):
                    return str(message.topic), payload
    raise AssertionError("the listener was disconnected")


class LeapingClock:
    """The wall clock, with leaps: an incident lasts until the test has seen what it does, however slow the machine."""

    def __init__(self) -> None:
        self.leap_ms = 0

    def __call__(self) -> int:
        return clock() + self.leap_ms


@asynccontextmanager
async def running(
    estate: Estate, world: World, port: int, vitals: WatchedVitals, time: Callable[[], int] = clock
) -> AsyncIterator[Fleet]:
    fleet = Fleet(estate, world, Line("127.0.0.1", port), time, vitals=vitals)
    stop = asyncio.Event()
    task = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await task


async def test_devices_say_that_they_are_there_report_and_take_their_leave(broker: int, vitals: WatchedVitals) -> None:
    estate = village(households=4)
    device = estate.device[0]
    own = estate.topic_of(device)
    async with listening(broker, f"{own}/#") as client:
        async with running(estate, World(estate, clock()), broker, vitals):
            topic, _ = await until(client, level="/status", status="online")
            assert topic == f"{own}/status"
            _, one = await until(client, level="/telemetry")
            _, two = await until(client, level="/telemetry")
            assert two["seq"] > one["seq"]
            assert two["ts"] > one["ts"]
            assert {"voltage", "current", "residual_current", "terminal_temperature"} <= one["values"].keys()
            await vitals.until("simulator_connects", len(estate.device))
        await until(client, level="/status", status="offline")


async def test_events_are_told_when_they_begin_and_when_they_end(broker: int, vitals: WatchedVitals) -> None:
    estate = village(households=3)
    detector = next(d for d in estate.device if d.kind is DeviceKind.SMOKE)
    now = clock()
    until_when = now + 600_000
    tamper = Incident(
        detector.household, IncidentKind.DEVICE_EVENT, now, until_when, device=detector.id, event="tamper"
    )
    time = LeapingClock()
    async with listening(broker) as client, running(estate, World(estate, now, [tamper]), broker, vitals, time):
        topic, _ = await until(client, level="/event", event="tamper", active=True)
        assert topic == f"{estate.topic_of(detector)}/event"
        time.leap_ms = 600_000
        await until(client, level="/event", event="tamper", active=False)


async def test_a_cut_line_brings_the_last_will_and_late_readings(broker: int, vitals: WatchedVitals) -> None:
    estate = village(households=3)
    device = estate.device[0]
    now = clock()
    cut_from, cut_until = now + 600_000, now + 1_200_000
    cut = Incident(device.household, IncidentKind.OFFLINE, cut_from, cut_until)
    time = LeapingClock()
    async with (
        listening(broker, f"{estate.topic_of(device)}/#") as client,
        running(estate, World(estate, now, [cut]), broker, vitals, time),
    ):
        await until(client, level="/status", status="online")
        time.leap_ms = 600_000
        await until(client, level="/status", status="offline")
        time.leap_ms = 1_200_000
        await until(client, level="/status", status="online")
        times: list[int] = []
        while not times or times[-1] < cut_until:
            _, telemetry = await until(client, level="/telemetry")
            times.append(telemetry["ts"])
    assert any(cut_from <= ts < cut_until for ts in times)
    assert times == sorted(times)


async def test_a_device_answers_commands_and_hears_refusals(broker: int, vitals: WatchedVitals) -> None:
    estate = village(households=3)
    topic = estate.topic_of(estate.device[0])
    async with listening(broker, f"{topic}/#") as client, running(estate, World(estate, clock()), broker, vitals):
        await vitals.until("simulator_connects", len(estate.device))
        await client.publish(f"{topic}/command", b'{"id": 7, "command": "report"}', qos=1)
        _, reply = await until(client, level="/command/reply", id=7)
        assert reply["ok"] is True
        await client.publish(f"{topic}/command", b'{"id": 8, "command": "dance"}', qos=1)
        _, reply = await until(client, level="/command/reply", id=8)
        assert reply == {"id": 8, "ok": False, "reason": "unknown_command"}
        await client.publish(f"{topic}/command", b"{", qos=1)
        await until(client, level="/command/reply", reason="not_json")
        await client.publish(f"{topic}/error", b'{"reason": "schema"}')
        await vitals.until("simulator_errors", 1)


async def test_without_a_broker_devices_keep_trying_and_forget_only_the_oldest(vitals: WatchedVitals) -> None:
    estate = village(households=3)
    stop = asyncio.Event()
    fleet = Fleet(estate, World(estate, clock()), Line("127.0.0.1", 1), clock, vitals=vitals)
    task = asyncio.create_task(fleet.run(stop))
    await vitals.until("simulator_disconnects", 2 * len(estate.device))
    device = fleet.devices[estate.device[0].id]
    for number in range(RING + 10):
        device.offer(Outgoing("telemetry", b"%d" % number, 0))
    assert device.unsent == RING
    assert vitals.counter("simulator_forgotten") >= 10
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await task


async def test_the_whole_demo_village_connects(broker: int, vitals: WatchedVitals) -> None:
    estate = village(households=200, interval_s=5)
    stop = asyncio.Event()
    task = asyncio.create_task(
        run_fleet(estate, World(estate, clock()), "127.0.0.1", broker, stop, clock, vitals=vitals)
    )
    await vitals.until("simulator_connects", 400)
    await vitals.until("simulator_sent", 100)
    assert vitals.counter("simulator_disconnects") == 0
    assert vitals.counter("simulator_forgotten") == 0
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await task
