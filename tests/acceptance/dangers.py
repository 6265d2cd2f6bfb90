"""Smoke alarms, each of another home: easily published, and easily counted as alerts."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from community.estate import Device
from community.estate_file import dump_estate
from tests.acceptance.harness import Node, eventually
from tests.acceptance.publishers import Progress, publish_village
from tests.acceptance.scenario import Message, estate

HOMES = estate()


def prepared(tmp: Path, data: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """A data directory with the scenario's 200 homes in it."""
    file = tmp / "estate.toml"
    file.write_text(dump_estate(HOMES))
    data = data or tmp / "data"
    command = [sys.executable, "-m", "mingluo", "estate", "import", str(file), "--data-dir", str(data)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **(environment or {})})
    return data


def name(number: int) -> str:
    """The device of this number, from 1 to 200."""
    return f"d{number:04}"


def danger(device: Device) -> Message:
    """A smoke alarm, now."""
    return Message(f"{HOMES.topic_of(device)}/event", time.time_ns() // 1_000_000, {}, "smoke_alarm")


async def sound(numbers: Iterable[int], port: int) -> None:
    """Every one of these devices gives its alarm at QoS 1, again and again until it is acknowledged."""
    devices = [HOMES.devices[name(n)] for n in numbers]
    await publish_village([(d, [danger(d)]) for d in devices], port, Progress())


async def raised(running: Node) -> Counter[str]:
    """How often an alert was raised for each device."""
    return Counter(e["device"] for e in await running.events() if e["event"] == "raised")


async def all_raised_once(running: Node, numbers: Iterable[int], *, within: float = 60) -> None:
    """Each of these devices has its alert, once, and no other device has one."""
    wanted = Counter(name(n) for n in numbers)

    async def complete() -> bool:
        return (await raised(running)).keys() >= wanted.keys()

    await eventually(complete, within=within, every=0.2)
    assert await raised(running) == wanted
