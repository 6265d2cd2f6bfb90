"""The broker's life: start, ports, death and return, end."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest

from community.vitals import State
from gateway.broker.binary import BrokerError, find_binary, parse_version
from gateway.broker.config import BrokerOptions, Ports, render_config
from gateway.broker.connection import connect
from gateway.broker.orphan import end_orphan
from gateway.broker.ports import choose_ports
from gateway.broker.server import BrokerServer
from tests.gateway.conftest import PATIENCE_S, WatchedVitals, clock


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield s.getsockname()[1]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


async def test_nothing_listens_beyond_this_machine(broker: BrokerServer) -> None:
    listening = [c for c in psutil.Process(broker.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert len(listening) == 2
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}


async def test_the_mqtt_listener_can_be_off(options: BrokerOptions, vitals: WatchedVitals) -> None:
    async with BrokerServer(replace(options, mqtt=None), vitals, clock) as server:
        assert server.endpoints.mqtt is None
        listening = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert len(listening) == 1


async def test_its_files_are_the_owners_only(broker: BrokerServer, options: BrokerOptions) -> None:
    assert options.directory.stat().st_mode & 0o077 == 0
    assert options.config_file.stat().st_mode & 0o077 == 0


async def test_taken_ports_are_left_to_their_owner_and_it_is_said(
    options: BrokerOptions, vitals: WatchedVitals
) -> None:
    with taken_port() as mqtt, taken_port() as nats:
        wanted = replace(options, mqtt=("127.0.0.1", mqtt), client=("127.0.0.1", nats))
        async with BrokerServer(wanted, vitals, clock) as server:
            assert server.endpoints.mqtt is not None
            used = server.endpoints.mqtt[1]
            assert used != mqtt
            assert len(server.notes) == 2
            assert f"port {used} instead of {mqtt}, port {mqtt} is taken" in server.notes[0]
    # The ports are free again, but devices have been told the other one.
    async with BrokerServer(wanted, vitals, clock) as again:
        assert again.endpoints.mqtt == ("127.0.0.1", used)
        assert "as at the last start" in again.notes[0]


def test_another_wish_ends_the_memory_of_ports(options: BrokerOptions, tmp_path: Path) -> None:
    memory = tmp_path / "ports.json"
    with taken_port() as mqtt:
        first, _ = choose_ports(replace(options, mqtt=("127.0.0.1", mqtt)), memory)
        assert first.mqtt != mqtt
    other = free_port()
    second, notes = choose_ports(replace(options, mqtt=("127.0.0.1", other)), memory)
    assert second.mqtt == other
    assert notes == []


async def test_a_killed_broker_returns_on_its_ports(
    broker: BrokerServer, options: BrokerOptions, vitals: WatchedVitals
) -> None:
    before, pid = broker.endpoints, broker.pid
    psutil.Process(pid).kill()
    await vitals.until(lambda: vitals.counter("broker_restarts") == 1)
    assert broker.endpoints == before
    assert broker.pid != pid
    states = [state for name, state, _ in vitals.reports if name == "broker"]
    assert states == [State.OK, State.DOWN, State.OK]
    assert "ended with -9" in next(detail for name, state, detail in vitals.reports if state is State.DOWN)
    client = await connect(broker.endpoints, "test", vitals)
    await client.close()


async def test_a_stop_is_final(options: BrokerOptions, vitals: WatchedVitals) -> None:
    server = BrokerServer(options, vitals, clock)
    await server.start()
    process = psutil.Process(server.pid)
    await server.stop()
    assert not process.is_running()
    assert server.pid is None
    assert vitals.counter("broker_restarts") == 0


async def test_a_broker_that_does_not_react_is_killed(options: BrokerOptions, vitals: WatchedVitals) -> None:
    server = BrokerServer(options, vitals, clock)
    await server.start()
    process = psutil.Process(server.pid)
    process.suspend()
    await server.stop()
    assert not process.is_running()


async def test_a_broken_configuration_names_what_the_server_said(options: BrokerOptions, vitals: WatchedVitals) -> None:
    (options.data_dir / "broker").mkdir()
    (options.data_dir / "broker" / "store").write_text("a file where a directory must be")
    with pytest.raises(BrokerError, match=r"nats-server ended at start: .*storage directory"):
        await BrokerServer(options, vitals, clock).start()


PARENT = """
import asyncio, sys, time
from pathlib import Path
from community.vitals import Vitals
from gateway.broker.server import BrokerOptions, BrokerServer

async def main():
    options = BrokerOptions(Path(sys.argv[1]), mqtt=None, client=("127.0.0.1", 0))
    server = BrokerServer(options, Vitals(), lambda: time.time_ns() // 10**6)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child's life to its parent's")
async def test_the_broker_dies_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        child = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(child.wait, PATIENCE_S)


async def test_an_orphan_of_ours_is_ended_first(options: BrokerOptions, vitals: WatchedVitals) -> None:
    """As on a system where a killed parent leaves its broker running."""
    options.directory.mkdir()
    options.config_file.write_text(render_config(options, Ports(free_port(), free_port()), "A" * 56, "u", "p"))
    orphan = await asyncio.create_subprocess_exec(find_binary(), "-c", options.config_file)
    (options.directory / "pid").write_text(str(orphan.pid))
    async with BrokerServer(options, vitals, clock) as server:
        assert orphan.returncode is not None or await asyncio.wait_for(orphan.wait(), PATIENCE_S) is not None
        assert str(orphan.pid) in server.notes[0]


async def test_a_stranger_with_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    (tmp_path / "pid").write_text(str(stranger.pid))
    assert end_orphan(tmp_path / "pid", tmp_path / "nats-server.conf") is None
    assert stranger.returncode is None
    stranger.send_signal(signal.SIGKILL)
    await stranger.wait()


@pytest.mark.parametrize("pid", ["", "nonsense", "999999999"])
def test_a_stale_pid_file_is_no_obstacle(tmp_path: Path, pid: str) -> None:
    (tmp_path / "pid").write_text(pid)
    assert end_orphan(tmp_path / "pid", tmp_path / "nats-server.conf") is None


def test_versions() -> None:
    assert parse_version("nats-server: v2.15.1\n", Path("nats-server")) == "2.15.1"
    with pytest.raises(BrokerError, match=r"version 2\.9\.25; at least 2\.12\.0"):
        parse_version("nats-server: v2.9.25", Path("nats-server"))
    with pytest.raises(BrokerError, match="does not tell its version"):
        parse_version("hello", Path("nats-server"))


def test_the_configuration_states_the_operators_decisions(tmp_path: Path) -> None:
    text = render_config(BrokerOptions(tmp_path, sync_s=0), Ports(4222, 1883), "AISSUER", "svc", 'quo"ted')
    assert "sync_interval: always" in text
    assert r'password: "quo\"ted"' in text
    assert 'sync_interval: "1000ms"' in render_config(BrokerOptions(tmp_path), Ports(4222, 1883), "A", "u", "p")
