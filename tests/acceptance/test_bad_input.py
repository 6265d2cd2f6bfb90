"""A flood of broken messages: each is refused by name, the vendor sees why, and the neighbours are not touched."""

import asyncio
import base64
import json
import logging
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiomqtt
import psutil  # type: ignore[import-untyped]  # it ships no stubs

from community.refusal import PAYLOAD_KEPT, Reason
from tests.acceptance.dangers import HOMES, all_raised_once, name, prepared, sound
from tests.acceptance.harness import Node, eventually, node

CULPRITS = [HOMES.devices[name(n)] for n in (197, 198, 199, 200)]
NEIGHBOURS = range(1, 41)
COUNT, LARGE = 100_000, 400
"""Broken messages in all, and how many of them have 1 MB."""
AT_ONCE = 50
"""Unacknowledged publishes of one connection."""
MORE_MEMORY = 512 * 2**20
"""Bytes by which a process may grow in the flood. nats-server's garbage collector leaves peaks between 250 and 350 MB,
and twice the flood gave no more."""

_quiet = logging.getLogger("flood")
_quiet.setLevel(logging.ERROR)  # the client warns of every publish that waits for its turn

_HUGE = ["1e999", "-1e400", "9" * 400, "1" * 5_000, "1e308", "-1", "NaN", "-Infinity"]
_WRONG = ['"230"', "true", "[]", "{}", '{"a": 1}', '[230, "V"]', '"' + "x" * 500 + '"', '"\\ud800"']
_ODD = ["telemetri", "…", "a" * 2_000, "%s", "telemetry/x", "$SYS", "eVent"]


def mutated(topic: str, count: int, large: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` pairs of topic and payload, none of which has a reading that may come in; `large` of them have 1 MB."""
    rng = random.Random(seed)
    whole = b'{"values": {"voltage": 230.5, "current": 4.25}}'
    for number in range(count):
        name, payload = f"{topic}/telemetry", b""
        if number % (count // large) == 0:
            yield name, b'{"values": {"voltage": 1' + b"0" * 1_000_000
            continue
        match rng.randrange(6):
            case 0:
                payload = b"\xff" + rng.randbytes(rng.randrange(300))
            case 1:
                payload = whole[: rng.randrange(len(whole))]
            case 2:
                payload = (rng.choice(["[", '{"values":', '{"a":']) * rng.choice([10, 1_000, 5_000])).encode()
            case 3:
                payload = f'{{"values": {{"voltage": {rng.choice(_HUGE)}}}}}'.encode()
            case 4:
                payload = f'{{"values": {{"voltage": {rng.choice(_WRONG)}}}}}'.encode()
            case _:
                name, payload = f"{topic}/{rng.choice(_ODD)}", whole
        yield name, payload


async def flood(port: int, culprit: int, count: int, large: int) -> None:
    """Publish them at QoS 1, `AT_ONCE` under way; returns when all are acknowledged."""
    device = CULPRITS[culprit]
    async with aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=device.id,
        username=device.id,
        password=device.secret,
        timeout=60,
        max_inflight_messages=AT_ONCE,
        logger=_quiet,
    ) as client:
        waiting = mutated(HOMES.topic_of(device), count, large, culprit)

        async def publish() -> None:
            for topic, payload in waiting:
                await client.publish(topic, payload, qos=1)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(publish())


async def first_complaint(port: int, culprit: int, subscribed: asyncio.Event) -> dict[str, object]:
    """What the device's own error topic says first."""
    device = CULPRITS[culprit]
    async with aiomqtt.Client(
        "127.0.0.1", port, identifier=f"{device.id}-ear", username=device.id, password=device.secret, timeout=30
    ) as client:
        await client.subscribe(f"{HOMES.topic_of(device)}/error")
        subscribed.set()
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            complaint: dict[str, object] = json.loads(message.payload)
            return complaint
    raise AssertionError("the connection ended")


async def counter(running: Node, wanted: str) -> dict[str, float]:
    """A counter's values by its label; one without labels under an empty name."""
    async with running.client() as client:
        text = (await client.get("/api/v1/metrics")).text
    found = re.findall(rf'^mingluo_{wanted}_total(?:{{[^"]*"([^"]*)"}})? (\S+)$', text, re.MULTILINE)
    return {label: float(value) for label, value in found}


def memory(processes: Sequence[psutil.Process]) -> list[int]:
    return [p.memory_info().rss for p in processes]


async def test_broken_messages_are_refused_by_name_and_touch_nobody_else(tmp_path: Path) -> None:
    # Without the bound on each device's rate, which would hold most of them off before they are looked at.
    unbounded = {"MINGLUO_DEVICE_BURST": str(COUNT), "MINGLUO_DEVICE_RATE": str(COUNT)}
    async with node(prepared(tmp_path), environment=unbounded) as running:
        await running.start()
        broker = running.broker_pid()
        assert broker is not None
        processes = [psutil.Process(running.pid), psutil.Process(broker)]
        before, most = memory(processes), memory(processes)
        subscribed = asyncio.Event()
        complaint = asyncio.create_task(first_complaint(running.mqtt_port, 0, subscribed))
        await asyncio.wait_for(subscribed.wait(), 30)
        each = COUNT // len(CULPRITS)
        flooding = asyncio.gather(
            *(flood(running.mqtt_port, i, each, LARGE // len(CULPRITS)) for i in range(len(CULPRITS)))
        )
        # The neighbours' dangers come while it lasts, and while it lasts they become alerts.
        alarms = asyncio.create_task(sound(NEIGHBOURS, running.mqtt_port))
        while not flooding.done():
            most = [max(pair) for pair in zip(most, memory(processes), strict=True)]
            await asyncio.wait({asyncio.ensure_future(flooding)}, timeout=0.1)
        await flooding
        await alarms
        await all_raised_once(running, NEIGHBOURS)

        async def all_judged() -> bool:
            return (await counter(running, "gateway_refused_messages")).get("", 0) >= COUNT

        await eventually(all_judged, within=120, every=0.2)
        assert await counter(running, "gateway_refused_messages") == {"": COUNT}
        reasons = await counter(running, "gateway_refused")
        assert reasons.keys() <= {r.value for r in Reason}
        assert reasons.keys() >= {"not_json", "schema", "out_of_range", "too_large", "unknown_topic"}
        assert reasons["too_large"] == LARGE
        assert sum(reasons.values()) >= COUNT
        assert await counter(running, "gateway_readings") == {"": len(NEIGHBOURS)}
        assert [now - then < MORE_MEMORY for now, then in zip(most, before, strict=True)] == [True, True], (
            before,
            most,
        )

        told = await asyncio.wait_for(complaint, 30)
        assert told["reason"] in reasons
        async with running.client() as client:
            kept = (await client.get("/api/v1/quarantine", params={"device": CULPRITS[0].id})).json()["refusals"]
        assert 1 <= len(kept) <= 10
        for refusal in kept:
            assert refusal["reason"] in reasons
            assert refusal["detail"]
            assert len(base64.b64decode(refusal["payload_base64"])) == min(refusal["size"], PAYLOAD_KEPT)
        assert (await running.health())["status"] == "ok"
