"""Devices as a careful vendor builds them: each message is sent again until the broker has acknowledged it."""

import asyncio
import json
from collections.abc import Iterable, Sequence

import aiomqtt

from community.estate import Device
from tests.acceptance.scenario import Message

RECONNECT_S = 0.1


class Progress:
    """How many messages have been acknowledged; awaited by those who want to strike in the middle."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self._changed = asyncio.Event()

    def count(self) -> None:
        self.acknowledged += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def reach(self, number: int, *needed: asyncio.Task[None]) -> None:
        """Wait until so many are acknowledged; raises the fault of a task that is needed for it."""
        while self.acknowledged < number:
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({changed, *needed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            for task in needed:
                if task.done():
                    task.result()
                    assert self.acknowledged >= number, f"{task.get_name()} ended early"


async def publish_all(
    device: Device, messages: Sequence[Message], port: int, progress: Progress, *, pause_s: float = 0.0
) -> None:
    """Publish at QoS 1, in order, one at a time, through every interruption."""
    left = list(messages)
    while left:
        try:
            async with aiomqtt.Client(
                "127.0.0.1", port, identifier=device.id, username=device.id, password=device.secret, timeout=5
            ) as client:
                while left:
                    await client.publish(left[0].topic, json.dumps(left[0].body()), qos=1)
                    left.pop(0)
                    progress.count()
                    await asyncio.sleep(pause_s)
        except aiomqtt.MqttError:
            await asyncio.sleep(RECONNECT_S)


async def publish_village(
    devices: Iterable[tuple[Device, Sequence[Message]]], port: int, progress: Progress, *, pause_s: float = 0.0
) -> None:
    """All devices at once, each over its own connection."""
    async with asyncio.TaskGroup() as tasks:
        for device, messages in devices:
            tasks.create_task(publish_all(device, messages, port, progress, pause_s=pause_s))
