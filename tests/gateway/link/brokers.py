"""Real brokers for the link's tests: each on free ports of localhost, ended with the test."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def nats_server(directory: Path, port: int, *, denied: str | None = None) -> list[str]:
    """Command of a plain nats-server with its MQTT listener on `port`.

    With `denied`, a NATS subject such as `a.>`, the user `gateway` (password `secret`) may not subscribe to it.
    """
    config = directory / "nats.conf"
    config.write_text(
        f"server_name: test\nlisten: 127.0.0.1:{free_port()}\nmax_payload: 2MB\n"
        f'jetstream {{ store_dir: "{directory / "store"}" }}\n'
        # It sends unacknowledged messages again after this time, also to a session that has come back.
        f'mqtt {{ listen: 127.0.0.1:{port}, max_ack_pending: 20000, ack_wait: "1s" }}\n'
    )
    if denied is not None:
        user = f'user: gateway, password: secret, permissions: {{ subscribe: {{ deny: "{denied}" }} }}'
        with config.open("a") as file:
            file.write(f"authorization {{ users: [ {{ {user} }} ] }}\n")
    binary = Path(sys.executable).parent / "nats-server"
    return [str(binary), "-c", str(config)]


def mosquitto(directory: Path, port: int, lines: str = "") -> list[str]:
    """Command of a Mosquitto on `port`; skips where the package is absent."""
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if binary is None:
        pytest.skip("needs the Debian package mosquitto")
    config = directory / "mosquitto.conf"
    # Started by root it would become a user that may not read the test's certificates; others may not set it.
    config.write_text(
        f"user root\nlistener {port} 127.0.0.1\n{lines or 'allow_anonymous true'}\nmax_queued_messages 0\n"
    )
    return [binary, "-c", str(config)]


@contextmanager
def running(command: list[str], directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The broker, accepting connections on `port`."""
    with (directory / "broker.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 10
            while True:
                assert process.poll() is None, (directory / "broker.log").read_text()
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, (directory / "broker.log").read_text()
                    time.sleep(0.02)  # a starting process tells nobody that it listens
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
