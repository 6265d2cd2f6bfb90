"""The database or the broker is cut: shown and named, nothing acknowledged is lost, and it recovers by itself."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.acceptance.dangers import all_raised_once, prepared, sound
from tests.acceptance.harness import Node, eventually, node

BEFORE, DURING, AFTER = range(1, 6), range(6, 11), range(11, 16)
EVERY = range(1, 16)


@contextlib.contextmanager
def tmpfs(directory: Path, size: str) -> Iterator[Path]:
    """A small file system of its own; skips where mounting is not allowed."""
    directory.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a tmpfs (root on Linux)")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


@contextlib.contextmanager
def full(directory: Path) -> Iterator[None]:
    """Not a byte is left in this file system while the block lasts."""
    filler = directory / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65_536, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def immutable(files: list[Path]) -> Iterator[None]:
    """Files that nobody may write, not even who has them open; skips where there is no such thing."""
    try:
        subprocess.run(["chattr", "+i", *files], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs files that can be made immutable (root on ext4)")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


async def shown(running: Node, component: str, *words: str) -> None:
    """The health page says what is wrong: to everybody the state, and to those who are signed in why."""

    async def named() -> bool:
        state, why = (await running.reasons()).get(component, ("ok", ""))
        return state != "ok" and any(word in why for word in words)

    await eventually(named, within=30, every=0.02)


async def recovered(running: Node) -> None:
    """All is well again, in the same process."""

    async def well() -> bool:
        return bool((await running.health())["status"] == "ok")

    await eventually(well, within=60)


@contextlib.asynccontextmanager
async def begun(running: Node) -> AsyncIterator[None]:
    """Alarms before the block; in it, alarms may be given; behind it, all is well and nothing lost or doubled."""
    await running.start()
    pid = running.pid
    await sound(BEFORE, running.mqtt_port)
    await all_raised_once(running, BEFORE)
    yield
    await recovered(running)
    await sound(AFTER, running.mqtt_port)
    await all_raised_once(running, EVERY)
    assert running.pid == pid
    await recovered(running)


async def test_database_locked_by_another_process(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    async with node(data) as running, begun(running):
        other = sqlite3.connect(data / "mingluo.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await sound(DURING, running.mqtt_port)
        await shown(running, "journal", "locked")
        other.execute("ROLLBACK")
        other.close()


async def test_database_on_a_full_disk(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "8m") as disk:
        environment = {"MINGLUO_DATABASE_URL": f"sqlite:///{disk / 'mingluo.db'}"}
        data = prepared(tmp_path, environment=environment)
        async with node(data, environment=environment) as running, begun(running):
            with full(disk):
                await sound(DURING, running.mqtt_port)
                await shown(running, "journal", "full", "disk I/O error")


async def test_database_files_that_cannot_be_written(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    async with node(data) as running, begun(running):
        with immutable(sorted(data.glob("mingluo.db*"))):
            await sound(DURING, running.mqtt_port)
            await shown(running, "journal", "readonly", "disk I/O error", "unable to open")


async def test_broker_killed(tmp_path: Path) -> None:
    async with node(prepared(tmp_path)) as running, begun(running):
        sounding = asyncio.create_task(sound(DURING, running.mqtt_port))
        seen = asyncio.create_task(shown(running, "broker", "ended with -9"))
        while not seen.done():  # it is back within a fraction of a second, so once may be too short to be seen
            if broker := running.broker_pid():
                os.kill(broker, signal.SIGKILL)
            await asyncio.wait({seen}, timeout=0.1)
        await seen
        await sounding


async def test_everything_on_a_full_disk(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "64m") as disk:
        data = prepared(tmp_path, disk / "data")
        # On so small a disk the history would take in nothing from the beginning; here it is to run into the end too.
        environment = {"MINGLUO_HISTORY_MIN_FREE_BYTES": "0"}
        async with node(data, environment=environment) as running, begun(running):
            with full(disk):
                sounding = asyncio.create_task(sound(DURING, running.mqtt_port))
                await shown(running, "broker", "No space left")
                await shown(running, "journal", "full", "disk I/O error")
            await sounding
