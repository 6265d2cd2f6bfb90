"""The page for vendors, done as it stands: from `make demo` to a reading, its fate, and clients in Python."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.harness import Node, eventually, node

PAGE = (Path(__file__).parents[2] / "docs" / "vendors.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.server


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Node]:
    """What `make demo` starts, elsewhere."""
    if shutil.which("mosquitto_pub") is None:
        pytest.skip("needs the Debian package mosquitto-clients")
    async with node(tmp_path / "demo", "--demo") as it:
        await it.start()
        yield it


def here(text: str, demo: Node) -> str:
    """The page's command for this system: its data directory, its port, this Python's commands."""
    changed = (
        ("data/demo", str(demo.data_dir)),
        ("-p 1883", f"-p {demo.mqtt_port}"),
        ('"127.0.0.1", 1883', f'"127.0.0.1", {demo.mqtt_port}'),
        ("$PWD/.venv/bin", str(Path(sys.executable).parent)),
    )
    for old, new in changed:
        text = text.replace(old, new)
    return text


async def run(*command: str, directory: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return out.decode()


async def test_from_the_first_reading_to_a_client_of_ones_own(demo: Node, tmp_path: Path) -> None:
    commands = [here(block, demo) for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)]
    register, send, look, mistake = commands
    path = f'export PATH="{Path(sys.executable).parent}:$PATH"\n'

    async def tailed() -> list[dict[str, Any]]:
        told = await run("bash", "-ec", path + look, directory=tmp_path)
        return [json.loads(line) for line in told.splitlines()]

    await run("bash", "-ec", register, directory=tmp_path)
    # The running system looks for another estate every few seconds; until then the device is a stranger.
    await eventually(lambda: _sent(send, tmp_path), every=0.5)
    (first,) = await eventually(tailed)
    assert first["outcome"] == "accepted"
    assert first["values"] == {"voltage": 229.8, "residual_current": 11.2}

    lines = (await run("bash", "-ec", path + mistake, directory=tmp_path)).splitlines()
    assert json.loads(lines[0])["outcome"] == "accepted"
    wrong = (await eventually(lambda: _more_than(tailed, 1)))[-1]
    assert wrong["outcome"] == "quarantined"
    assert {f["reason"] for f in wrong["faults"]} == {"out_of_range", "unknown_signal"}

    for program in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        before = (await tailed())[-1]["number"]
        said = await run(sys.executable, "-c", here(program, demo), directory=tmp_path)
        assert "refused" not in said
        fresh = [m for m in await tailed() if m["number"] > before]
        assert {m["outcome"] for m in fresh} == {"accepted", "event"}, fresh  # readings, and the birth

    async with demo.client() as client:
        answer = (await client.get("/api/v1/devices/try01/messages")).json()["messages"]
    assert [m["number"] for m in reversed(answer)] == [m["number"] for m in await tailed()]


async def _sent(command: str, directory: Path) -> bool:
    process = await asyncio.create_subprocess_exec(
        "bash", "-ec", command, cwd=directory, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait() == 0


async def _more_than(tailed: Any, count: int) -> Any:
    found = await tailed()
    return found if len(found) > count else None
