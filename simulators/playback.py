"""Plays a recording of readings to a broker again, each device over its own connection."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, NamedTuple

import msgspec

from community.clock import parse_time
from community.estate import Estate
from community.vitals import Vitals
from simulators.device import Line, Outgoing, SimulatedDevice


class PlaybackError(ValueError):
    """The recording cannot be played; the message names the line."""


class _Played(NamedTuple):
    ts: int
    device: str
    level: str
    fields: dict[str, Any]


async def play(
    lines: Iterable[str],
    estate: Estate,
    host: str,
    port: int,
    stop: asyncio.Event,
    clock: Callable[[], int],
    *,
    speed: float = 1,
    tls: ssl.SSLContext | None = None,
    vitals: Vitals | None = None,
) -> int:
    """Publish a recording (JSON lines as `mingluo replay` reads them; ticks are left out) as if it happened now.

    The order is that of the lines, so a reading that came late comes late again. Readings keep the distances in event
    time that they were recorded with, and the last of them happens when it is sent. So a recording played at 10 times
    its speed begins as a backlog, and durations mean what they meant.

    Args:
        speed: at least 1; how many times faster than recorded.

    Returns:
        Number of messages sent before `stop`.

    Raises:
        PlaybackError: for a line that is no reading, a device that the estate does not know, or a speed below 1.
    """
    if speed < 1:
        raise PlaybackError(f"speed {speed} would send readings from the future; expected at least 1")
    messages = _read(lines, estate)
    if not messages:
        return 0
    counts = vitals if vitals is not None else Vitals()
    random = Random(1)
    devices = {
        name: SimulatedDevice(
            estate.devices[name], estate.topic_of(estate.devices[name]), Line(host, port, tls), counts, _refuse, random
        )
        for name in {m.device for m in messages}
    }
    finished = asyncio.Event()
    sent = 0
    async with asyncio.TaskGroup() as group:
        for device in devices.values():
            group.create_task(device.run(finished))
        try:
            sent = await _send(messages, devices, stop, clock, speed)
        finally:
            finished.set()
    return sent


async def _send(
    messages: list[_Played],
    devices: dict[str, SimulatedDevice],
    stop: asyncio.Event,
    clock: Callable[[], int],
    speed: float,
) -> int:
    first, last = min(m.ts for m in messages), max(m.ts for m in messages)
    begin = clock()
    end = begin + int((last - first) / speed)
    for number, message in enumerate(messages):
        due = begin + int((message.ts - first) / speed)
        device = devices[message.device]
        while not stop.is_set() and ((early := due - clock()) > 0 or device.unsent > _AHEAD):
            try:
                await asyncio.wait_for(stop.wait(), max(early / 1_000, 0.01))
            except TimeoutError:
                continue
        if stop.is_set():
            return number
        fields = {"ts": end - (last - message.ts), "seq": number, **message.fields}
        device.offer(Outgoing(message.level, msgspec.json.encode(fields), 1))
    for device in devices.values():
        await device.drained(stop)
    return len(messages)


_AHEAD = 100
"""Messages that may wait for one device: playback is held up rather than losing any of its ring."""


def _read(lines: Iterable[str], estate: Estate) -> list[_Played]:
    messages = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = msgspec.json.decode(line, type=dict[str, Any])
            if "device" not in item:
                continue
            level = "event" if "event" in item else "telemetry"
            kept = ("event", "active") if level == "event" else ("values",)
            fields = {key: item[key] for key in kept if key in item}
            messages.append(_Played(parse_time(item.get("ts")), item["device"], level, fields))
        except (msgspec.DecodeError, ValueError) as error:
            raise PlaybackError(f"line {number}: {error}") from None
        if messages[-1].device not in estate.devices:
            raise PlaybackError(f"line {number}: no device {messages[-1].device!r} in the estate")
    return messages


def _refuse(_: bytes) -> bytes:
    return msgspec.json.encode({"ok": False, "reason": "a recording answers no commands"})
