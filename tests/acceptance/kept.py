"""Whether the history has what the log has."""

import json
import time
from collections import Counter

from community.clock import HOUR
from tests.acceptance.harness import Node, eventually
from tests.acceptance.test_replay import mingluo


def now() -> int:
    return time.time_ns() // 1_000_000


async def all_kept(running: Node, readings: int) -> int:
    """Wait until the history has so many readings, and all else of before then; the moment, UTC ms."""

    async def has_them() -> bool:
        async with running.client() as client:
            status = (await client.get("/api/v1/history/status")).json()
        return status["rows"] is not None and status["rows"]["raw"] >= readings

    # A device hears from the broker, which may be ahead of the log.
    await eventually(has_them, within=60, every=0.2)
    moment = now()
    later = {"format": "jsonl", "start": str(moment), "end": str(moment + HOUR)}

    async def has_a_tick_of_later() -> bool:
        async with running.client() as client:
            return b'{"tick"' in (await client.get("/api/v1/history/export", params=later)).content

    await eventually(has_a_tick_of_later, within=30, every=0.2)
    return moment


async def recordings(running: Node, begin: int, end: int) -> tuple[bytes, bytes]:
    """What log (all of it) and history (of this time) have."""
    log = await mingluo("log", "export", "--data-dir", running.data_dir)
    span = ("--from", begin, "--to", end)
    return log, await mingluo("history", "export", "--format", "jsonl", *span, "--data-dir", running.data_dir)


def kept_within(recording: bytes, begin: int, end: int) -> Counter[tuple[object, ...]]:
    """Readings received in this time, and the ticks of it; how often each is there."""
    found: Counter[tuple[object, ...]] = Counter()
    for line in map(json.loads, recording.splitlines()):
        if begin <= line.get("tick", line.get("received_at", line.get("ts", end))) < end:
            found[line.get("device"), line.get("tick", line.get("ts")), str(line.get("values"))] += 1
    return found
