"""Recordings played to a real broker."""

import asyncio
import json
from typing import Any

import aiomqtt
import pytest

from simulators.playback import PlaybackError, play
from tests.simulators.conftest import PATIENCE_S, clock, village

OLD = 1_700_000_000_000


def line(**fields: object) -> str:
    return json.dumps(fields)


async def test_readings_keep_their_distances_and_end_now(broker: int) -> None:
    estate = village(households=3)
    device = estate.device[0].id
    recording = [
        line(device=device, ts=OLD, values={"voltage": 230}),
        line(tick=OLD + 1_000),
        line(device=device, ts=OLD + 60_000, event="tamper", active=True),
        "",
        line(device=device, ts=OLD + 20_000, values={"voltage": 229}),  # late then, late again
    ]
    topic = estate.topic_of(estate.devices[device])
    async with aiomqtt.Client("127.0.0.1", broker, identifier="listener") as client:
        await client.subscribe(f"{topic}/#", qos=1)
        begin = clock()
        sent = await play(recording, estate, "127.0.0.1", broker, asyncio.Event(), clock, speed=1_000)
        assert sent == 3
        got: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(got) < 3:
                message = await anext(client.messages)
                assert isinstance(message.payload, bytes)
                if not str(message.topic).endswith("/status"):
                    got.append(json.loads(message.payload))
    assert [m["ts"] - got[0]["ts"] for m in got] == [0, 60_000, 20_000]
    assert begin <= got[1]["ts"] <= clock()
    assert got[1]["event"] == "tamper"
    assert got[2]["values"] == {"voltage": 229}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1"),
        (line(device="e0001", ts="yesterday", values={}), "RFC 3339"),
        (line(device="nobody", ts=OLD, values={}), "nobody"),
    ],
)
async def test_a_wrong_line_is_named(text: str, message: str) -> None:
    with pytest.raises(PlaybackError, match=message):
        await play([text], village(households=3), "127.0.0.1", 1, asyncio.Event(), clock)


async def test_slower_than_life_is_refused_and_nothing_is_nothing() -> None:
    estate = village(households=3)
    with pytest.raises(PlaybackError, match="at least 1"):
        await play([], estate, "127.0.0.1", 1, asyncio.Event(), clock, speed=0.5)
    assert await play([line(tick=OLD)], estate, "127.0.0.1", 1, asyncio.Event(), clock) == 0


async def test_stop_ends_it(broker: int) -> None:
    estate = village(households=3)
    device = estate.device[0].id
    stop = asyncio.Event()
    recording = [line(device=device, ts=OLD + i * 3_600_000, values={"voltage": 230}) for i in range(2)]
    task = asyncio.create_task(play(recording, estate, "127.0.0.1", broker, stop, clock))
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        assert await task <= 1
