"""Nothing lost, nothing doubled: twenty kills in the middle of twenty incidents change no event, and no history."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from community.estate_file import dump_estate
from tests.acceptance.harness import Node, eventually, node
from tests.acceptance.kept import all_kept, kept_within, now, recordings
from tests.acceptance.publishers import Progress, publish_village
from tests.acceptance.scenario import estate, messages, start_time

KILLS = 20
BROKER_TOO = range(3, KILLS, 5)
"""At these of the kills it is the broker that dies, and mingluo with it or alone."""


@pytest.fixture(scope="module")
def start() -> int:
    return start_time(time.time_ns() // 1_000_000)


def import_estate(tmp: Path) -> Path:
    """A data directory with the scenario's estate in it."""
    file = tmp / "estate.toml"
    file.write_text(dump_estate(estate()))
    data = tmp / "data"
    command = [sys.executable, "-m", "mingluo", "estate", "import", str(file), "--data-dir", str(data)]
    subprocess.run(command, check=True, capture_output=True)
    return data


def told(events: list[dict[str, Any]]) -> Counter[str]:
    """Events as they compare: all that is known, but for the order among devices (number) and receipt."""
    return Counter(
        json.dumps({k: v for k, v in e.items() if k not in ("number", "evidence")}, sort_keys=True) for e in events
    )


def replayed(tmp: Path, start: int) -> list[dict[str, Any]]:
    """What `mingluo replay` makes of the same readings."""
    homes = estate()
    lines = [
        (m.ts, json.dumps(m.recorded(device.id))) for device in homes.device for m in messages(homes, device, start)
    ]
    file = tmp / "readings.jsonl"
    # A tick keeps replay from making its own: nothing here is about silence.
    file.write_text("\n".join([f'{{"tick": {start}}}', *(line for _, line in sorted(lines))]))
    (tmp / "estate.toml").write_text(dump_estate(homes))
    command = [sys.executable, "-m", "mingluo", "replay", str(file), "--estate", str(tmp / "estate.toml")]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


async def run_scenario(running: Node, start: int, *, pause_s: float = 0.0) -> tuple[Progress, asyncio.Task[None]]:
    homes = estate()
    progress = Progress()
    village = [(d, messages(homes, d, start)) for d in homes.device]
    return progress, asyncio.create_task(publish_village(village, running.mqtt_port, progress, pause_s=pause_s))


async def settled(running: Node, wanted: int) -> list[dict[str, Any]]:
    """The events, once as many are there as must come; with more or fewer the comparison tells which."""

    async def enough() -> list[dict[str, Any]] | None:
        events = await running.events()
        return events if len(events) >= wanted else None

    try:
        found: list[dict[str, Any]] = await eventually(enough, within=30, every=0.2)
    except TimeoutError:
        found = await running.events()
    return found


async def test_kills_change_no_event(tmp_path: Path, start: int) -> None:
    begun = now()
    expected = replayed(tmp_path, start)
    kinds = Counter((e["rule"], e["event"]) for e in expected)
    assert sum(n for (_, event), n in kinds.items() if event == "raised") >= 20, kinds

    dice = random.Random(20)
    homes = estate()
    total = sum(len(messages(homes, d, start)) for d in homes.device)
    moments = sorted(dice.sample(range(total // 50, total - total // 50), KILLS))
    async with node(import_estate(tmp_path)) as running:
        await running.start()
        progress, publishing = await run_scenario(running, start, pause_s=0.02)
        for number, moment in enumerate(moments):
            await progress.reach(moment, publishing, running.died)
            if number in BROKER_TOO:
                os.kill(await eventually(running.broker_pid), signal.SIGKILL)
                if number % 2:
                    continue  # the supervisor brings it back alone
            await running.kill()
            await running.start(wait=False)
        await progress.reach(total, publishing, running.died)
        await publishing
        events = await settled(running, len(expected))
        assert told(events) == told(expected)
        assert [e["number"] for e in events] == sorted({e["number"] for e in events})
        end = await all_kept(running, total)
        await running.stop()
        log, kept = (kept_within(found, begun, end) for found in await recordings(running, begun, end))
    assert sum(device is not None for device, *_ in kept) == total
    assert kept == log
