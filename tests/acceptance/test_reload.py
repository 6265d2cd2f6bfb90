"""Rules that change while everything is killed: the events are those that the log, read in order, comes to."""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from alerts.desk import Desk
from alerts.journal_memory import MemoryJournal
from community.database import open_database
from community.estate import Estate
from community.estate_store import EstateStore
from community.recording import read_recording
from community.vitals import Vitals
from rules.replay import replay
from rules.store import RulebookStore
from tests.acceptance.dangers import prepared
from tests.acceptance.harness import Node, eventually, node
from tests.acceptance.publishers import Progress, publish_village
from tests.acceptance.scenario import estate, messages, start_time

MOMENTS = (0.05, 0.32, 0.4, 0.48, 0.56, 0.7)
"""When rulebooks are applied, in shares of the messages. Incidents begin at 0.28, under the first of them: it takes a
second or two to be in force; and they end at 0.61."""
RELOADS = len(MOMENTS)
ENGINES = {"raised", "escalated", "de-escalated", "cleared"}
STANDARD = 'extends = "standard"\n'
OTHERS = (
    'rule = "residual.*"\nmode = "shadow"\nreason = "a trial"',
    'rule = "voltage.*"\nenabled = false',
    'rule = "smoke.alarm"\nmode = "shadow"\nreason = "a trial"',
)
"""Overrides of the whole village: alerts that stand come to their end with them, and begin again without."""


def rulebook(number: int) -> str:
    """The rulebook of this reload: the pack, and now and then something else beside it."""
    if number % 2:
        return STANDARD
    return f'{STANDARD}[[override]]\nplace = "village"\n{OTHERS[number // 2 % len(OTHERS)]}\n'


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


def replayed(recording: bytes, data_dir: Path) -> tuple[list[dict[str, Any]], int]:
    """Events, and findings in rehearsal, of the log under the rulebooks and estates that it names."""
    database = open_database(f"sqlite:///{data_dir / 'mingluo.db'}")
    rulebooks, estates = RulebookStore(database), EstateStore(database)
    journal = MemoryJournal()
    desk = Desk(journal, (), Vitals(), lambda: 0)
    records = read_recording(recording.splitlines())
    for position, findings in replay(records, rulebooks.version(0), Estate(), estates.version, rulebooks.version):
        desk.handle(0, position, findings)
    database.dispose()
    return [e.line() for e in journal.events(0, 1_000_000)], len(journal.rehearsed(limit=1_000_000))


async def taken_over(running: Node, version: int) -> None:
    """The rulebook of this version is in force."""

    async def holds() -> bool:
        try:
            async with running.client() as client:
                return bool((await client.get("/api/v1/rulebook")).json()["version"] == version)
        except httpx.HTTPError:  # still starting
            return False

    await eventually(holds)


async def all_told(running: Node) -> bool:
    """Whether the monitor has told all that the log holds."""
    recording = await mingluo("log", "export", "--data-dir", running.data_dir)
    expected, _ = replayed(recording, running.data_dir)
    return len(await running.events()) >= len(expected)


async def test_kills_around_reloads_neither_lose_nor_double(tmp_path: Path) -> None:
    homes = estate()
    start = start_time(time.time_ns() // 1_000_000)
    village = [(d, messages(homes, d, start)) for d in homes.device]
    total = sum(len(told) for _, told in village)
    dice = random.Random(6)
    async with node(prepared(tmp_path)) as running:
        await running.start()
        progress = Progress()
        publishing = asyncio.create_task(publish_village(village, running.mqtt_port, progress, pause_s=0.25))
        for number, moment in enumerate(MOMENTS):
            await progress.reach(round(total * moment), publishing, running.died)
            file = tmp_path / f"rules-{number}.toml"
            file.write_text(rulebook(number))
            await mingluo("rules", "apply", file, "--data-dir", running.data_dir)
            await asyncio.sleep(dice.uniform(0, 1.5))  # the system looks once a second: before, in, or after that
            await running.kill()
            await running.start(wait=False)
        await progress.reach(total, publishing, running.died)
        await publishing
        await taken_over(running, 1 + RELOADS)
        await eventually(lambda: all_told(running), within=60, every=0.5)
        live = await running.events()
        async with running.client() as client:
            page = (await client.get("/api/v1/rulebook/rehearsal?limit=500")).json()
        recording = await mingluo("log", "export", "--data-dir", running.data_dir)

    expected, rehearsed = replayed(recording, running.data_dir)
    assert told(live) == told(expected)
    assert [e["number"] for e in live] == sorted({e["number"] for e in live})
    assert len(page["findings"]) == rehearsed > 0
    changes = [json.loads(line)["rulebook"] for line in recording.splitlines() if line.startswith(b'{"rulebook"')]
    assert changes == sorted(
        set(changes)
    )  # each at one position; one that was killed at once may have been passed over
    assert (changes[0], changes[-1]) == (1, 1 + RELOADS)
    reasons = Counter(e["evidence"]["proof"] for e in expected)
    assert {"reading", "rule changed"} <= set(reasons), reasons
