"""Replay equals live: the exported log of a live run gives the events that the live run gave."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.dangers import prepared
from tests.acceptance.harness import eventually, node
from tests.acceptance.publishers import Progress, publish_village
from tests.acceptance.scenario import INCIDENTS, estate, messages, start_time

ENGINES = {"raised", "escalated", "de-escalated", "cleared"}


async def mingluo(*arguments: object) -> bytes:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mingluo", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return said


def told(events: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """The engine's events with all that is known of them, evidence too; not the number, which only a journal has."""
    return Counter(
        json.dumps({k: v for k, v in e.items() if k != "number"}, sort_keys=True)
        for e in events
        if e["event"] in ENGINES
    )


async def test_replay_equals_live(tmp_path: Path) -> None:
    homes = estate()
    start = start_time(time.time_ns() // 1_000_000)
    village = [(d, messages(homes, d, start)) for d in homes.device]
    async with node(prepared(tmp_path)) as running:
        await running.start()
        await publish_village(village, running.mqtt_port, Progress())

        async def all_over() -> list[dict[str, Any]] | None:
            events = await running.events()
            return events if sum(e["event"] == "cleared" for e in events) >= INCIDENTS else None

        await eventually(all_over, within=30, every=0.2)
        while_running = await mingluo("log", "export", "--data-dir", running.data_dir)
        live = await running.events()
        await running.stop()
        after = await mingluo("log", "export", "--data-dir", running.data_dir)

    assert len(after) >= len(while_running)
    assert after.startswith(while_running)
    expected = told(live)
    assert {json.loads(e)["event"] for e in expected} >= {"raised", "cleared"}
    assert all(json.loads(e)["evidence"] for e in expected)
    for name, recording in (("running", while_running), ("stopped", after)):
        file = tmp_path / f"{name}.jsonl"
        file.write_bytes(recording)
        out = await mingluo("replay", file, "--estate", tmp_path / "estate.toml")
        replayed = [json.loads(line) for line in out.splitlines()]
        assert told(replayed) == expected
