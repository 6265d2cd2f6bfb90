"""`mingluo up`: from the command to the first look, and every way it may end or be refused."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no stubs
import pytest

from community.estate_file import dump_estate
from tests.acceptance.dangers import HOMES, all_raised_once, danger, prepared, sound
from tests.acceptance.harness import Node, eventually, free_port, node
from tests.gateway.link.brokers import mosquitto, running

GONE_S = 10
"""Patience with a process that has been told to end; it takes about one second."""


def refused(*arguments: object) -> tuple[int, str]:
    """Exit code and complaint of a `mingluo` command that cannot succeed."""
    command = [sys.executable, "-m", "mingluo", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def family(pid: int) -> list[Any]:
    """The processes that this one has started."""
    return list(psutil.Process(pid).children(recursive=True))


async def whole_family(running: Node) -> list[Any]:
    """The demo's family, once it is complete: nats-server and the village."""

    def complete() -> list[Any] | None:
        commands = [" ".join(child.cmdline()) for child in family(running.pid)]
        complete = any("nats-server" in c for c in commands) and any("mingluo.demo" in c for c in commands)
        return family(running.pid) if complete else None

    found: list[Any] = await eventually(complete)
    return found


async def nobody_left(processes: list[Any]) -> None:
    await eventually(
        lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes), within=GONE_S
    )


async def open_alerts(running: Node) -> list[dict[str, Any]]:
    async with running.client() as client:
        alerts: list[dict[str, Any]] = (await client.get("/api/v1/alerts")).json()["alerts"]
        return alerts


async def test_first_start_second_start_and_the_end_of_each(tmp_path: Path) -> None:
    async with node(tmp_path / "data", "--demo") as village:
        began = time.monotonic()
        await village.start()
        assert time.monotonic() - began < 30
        greeting = "\n".join(village.output)
        assert f"console   {village.url}" in greeting
        assert f"devices   mqtt://127.0.0.1:{village.mqtt_port}" in greeting
        assert re.search(r"account   admin, password \S{12,}", greeting)

        alerts = await eventually(lambda: open_alerts(village), within=60)
        estate = (await _get(village, "/api/v1/estate"))["devices"]
        children = await whole_family(village)
        began = time.monotonic()
        assert await village.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < GONE_S
        await nobody_left(children)

        village.output.clear()
        await village.start()
        assert "password" not in "\n".join(village.output)
        assert (await _get(village, "/api/v1/estate"))["devices"] == estate
        assert {e["alert"] for e in await village.events()} >= {a["id"] for a in alerts}

        children = await whole_family(village)
        await village.kill()
        await nobody_left(children)


async def _get(running: Node, path: str) -> Any:
    async with running.client() as client:
        answer = await client.get(path)
        answer.raise_for_status()
        return answer.json()


async def test_nothing_listens_beyond_this_machine(tmp_path: Path) -> None:
    async with node(tmp_path / "data", "--demo") as village:
        await village.start()
        everyone = [psutil.Process(village.pid), *await whole_family(village)]
        listening = [c.laddr.ip for p in everyone for c in p.net_connections() if c.status == psutil.CONN_LISTEN]
        assert len(listening) >= 3  # console, devices, log
        assert set(listening) == {"127.0.0.1"}
        async with httpx.AsyncClient(base_url=village.url) as stranger:
            assert (await stranger.get("/api/v1/alerts")).status_code == 401


async def test_a_second_one_over_the_same_data_is_refused_by_name(tmp_path: Path) -> None:
    async with node(prepared(tmp_path)) as first:
        await first.start()
        code, said = await asyncio.to_thread(refused, "up", "--data-dir", first.data_dir)
        assert code == 1
        assert said.strip() == f"{first.data_dir} is in use by process {first.pid}"
        await sound([1], first.mqtt_port)
        await all_raised_once(first, [1])


async def test_taken_ports_are_left_to_their_owners_and_others_are_told(tmp_path: Path) -> None:
    with socket.socket() as http, socket.socket() as mqtt:
        async with node(prepared(tmp_path)) as it:
            for taken, port in ((http, it.http_port), (mqtt, it.mqtt_port)):
                taken.bind(("127.0.0.1", port))
                taken.listen()
            await it.start(wait=False)
            await eventually(lambda: any("Ctrl-C" in line for line in it.output))
            said = "\n".join(it.output)
            assert f"port {it.http_port} is taken" in said
            assert f"port {it.mqtt_port} is taken" in said
            it.http_port, it.mqtt_port = (
                int(re.search(rf"{word} .*:(\d+)$", said, re.MULTILINE)[1])  # type: ignore[index]  # it is there
                for word in ("console ", "devices ")
            )
            await eventually(it._healthy)
            await sound([1], it.mqtt_port)
            await all_raised_once(it, [1])


def test_every_fault_of_the_settings_is_told_on_a_line(tmp_path: Path) -> None:
    file = tmp_path / "mingluo.toml"
    file.write_text('log_sync_s = -1\nhttpp = "127.0.0.1:1"\n[[webhook]]\nname = "A"\nurl = "x"\nsecret = "short"\n')
    code, said = refused("up", "--config", file, "--data-dir", tmp_path / "data")
    assert code == 1
    lines = said.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "log_sync_s", "webhook.0.name", "webhook.0.url", "webhook.0.secret", "httpp",
    ]  # fmt: skip
    assert not (tmp_path / "data").exists()
    file.write_text("data_dir = \n")
    code, said = refused("up", "--config", file)
    assert code == 1
    assert "line 1" in said


def test_every_fault_of_a_rulebook_is_told_on_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('version = "1"\n\n[[rule]]\nid = "x.y"\nkind = "threshhold"\n\n[[rule]]\nkind = "flag"\n')
    code, said = refused("up", "--rules", file, "--data-dir", tmp_path / "data")
    assert code == 1
    lines = said.strip().splitlines()
    assert len(lines) >= 2
    assert all(re.match(rf"{re.escape(str(file))}:\d+:", line) for line in lines), said
    code, said = refused("up", "--rules", tmp_path / "absent.toml", "--data-dir", tmp_path / "data")
    assert code == 1
    assert "absent.toml" in said


def test_every_fault_of_an_estate_is_told_on_its_line_and_nothing_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    broken = (
        dump_estate(HOMES)
        .replace('"electrical_protector"', '"toaster"', 1)
        .replace('place = "village"', 'place = "x"', 1)
    )
    file.write_text(broken)
    for command in (("estate", "check", file), ("estate", "import", file, "--data-dir", tmp_path / "data")):
        code, said = refused(*command)
        assert code == 1
        faults = [(int(line.split(":")[1]), line) for line in said.strip().splitlines()]
        for line, complaint in faults:
            assert any(word in complaint for word in ("toaster", '"x"', "'x'")), complaint
            text = broken.splitlines()[line - 1]
            assert "toaster" in text or '"x"' in text
        assert len(faults) == 2
    assert not (tmp_path / "data").exists()


@pytest.mark.server
async def test_devices_through_an_external_broker(tmp_path: Path) -> None:
    port = free_port()
    with running(mosquitto(tmp_path, port), tmp_path, port):
        async with node(prepared(tmp_path), "--mqtt-url", f"mqtt://127.0.0.1:{port}") as it:
            await it.start()
            await eventually(lambda: any(f"mqtt://127.0.0.1:{port}" in line for line in it.output))
            await sound([1, 2, 3], port)
            await all_raised_once(it, [1, 2, 3])
            nats = psutil.Process(it.broker_pid())
            assert len([c for c in nats.net_connections() if c.status == psutil.CONN_LISTEN]) == 1
            assert danger(HOMES.device[0]).topic.startswith("mingluo/v1/village/")
