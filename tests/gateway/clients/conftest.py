"""A gateway behind each broker, with accounts for devices, and each client."""

import asyncio
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.broker.auth import Credential
from gateway.broker.callout import AuthCallout
from gateway.broker.connection import connect, disconnect
from gateway.broker.server import BrokerOptions, BrokerServer
from gateway.broker.tls import BrokerTls
from gateway.link.options import LinkOptions
from tests.gateway.clients.clients import HERE, MQTTJS, Account, Client, Mosquitto, Scripted, needs
from tests.gateway.conftest import WatchedVitals, clock
from tests.gateway.link import brokers
from tests.gateway.link.test_brokers import Gateway, authority, gateway
from tests.gateway.village import topic

__all__ = ["authority"]  # a fixture that the tests here use too

SECRETS = {f"d{i}": f"secret of d{i}" for i in range(4)}
OURS = "gateway"


@dataclass(frozen=True)
class Scene:
    """A broker with a gateway behind it.

    Attributes:
        gateway: what came in, and what was refused.
        device: account of device d0.
        ours: account that may publish commands.
    """

    gateway: Gateway
    device: Account
    ours: Account


@asynccontextmanager
async def embedded(
    directory: Path, tls: BrokerTls | None = None, certificate: Path | None = None
) -> AsyncIterator[tuple[LinkOptions, Account, Account]]:
    """The embedded broker with the accounts of the village's devices; `certificate` (and .key) is the gateway's."""
    vitals = WatchedVitals()
    local = ("127.0.0.1", 0)
    options = BrokerOptions(directory, mqtt=local, client=local, store_max_bytes=2**30, tls=tls)
    key = None if certificate is None else certificate.with_suffix(".key")
    context = None if tls is None else tls.own_context(certificate, key)
    async with BrokerServer(options, vitals, clock) as server:
        client = await connect(server.endpoints, "test", vitals)
        known = {name: Credential(secret, topic(int(name[1:]), "").rstrip("/")) for name, secret in SECRETS.items()}
        callout = AuthCallout(client, server.issuer, known.get, vitals, clock)
        await callout.start()
        assert server.endpoints.mqtt is not None
        host, port = server.endpoints.mqtt
        user, password = server.endpoints.mqtt_user, server.endpoints.password
        try:
            yield (
                LinkOptions(host=host, port=port, username=user, password=password, tls=context),
                Account(port=port, user="d0", password=SECRETS["d0"]),
                Account(port=port, user=user, password=password),
            )
        finally:
            await callout.stop()
            await disconnect(client)


@asynccontextmanager
async def mosquitto(
    directory: Path, more: str = "", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[LinkOptions, Account, Account]]:
    """Mosquitto with a password file, and more lines of configuration; `tls` is for the gateway."""
    passwords = directory / "passwords"
    passwords.touch(0o600)
    tool = needs("mosquitto_passwd", "mosquitto")
    for name, secret in ((OURS, OURS), *SECRETS.items()):
        process = await asyncio.create_subprocess_exec(tool, "-b", str(passwords), name, secret)
        assert await process.wait() == 0
    port = brokers.free_port()
    lines = f"allow_anonymous false\npassword_file {passwords}\n{more}"
    with brokers.running(brokers.mosquitto(directory, port, lines), directory, port):
        yield (
            LinkOptions(host="127.0.0.1", port=port, username=OURS, password=OURS, tls=tls),
            Account(port=port, user="d0", password=SECRETS["d0"]),
            Account(port=port, user=OURS, password=OURS),
        )


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.server)])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    """A gateway that runs behind the broker."""
    kind = embedded if request.param == "embedded" else mosquitto
    async with kind(tmp_path) as (options, device, ours), gateway(options) as running:
        yield Scene(running, device, ours)


@pytest.fixture(scope="session")
def mqttjs(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """MQTT.js at its pinned version, in a folder of its own."""
    npm, node = needs("npm", "npm"), needs("node", "nodejs")
    folder = tmp_path_factory.mktemp("mqttjs")
    command = [
        npm,
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        MQTTJS,
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=90)
    except subprocess.TimeoutExpired:
        pytest.skip(f"needs {MQTTJS}, and npm's registry does not answer")
    if done.returncode:
        pytest.skip(f"needs {MQTTJS}, which npm could not install: {done.stderr.decode()[-200:]}")
    # Node looks for packages beside the script.
    script = shutil.copy(HERE / "with_mqttjs.cjs", folder)
    return Scripted("mqttjs", [node, str(script)])


@pytest.fixture(
    params=[
        "paho",
        "aiomqtt",
        pytest.param("mosquitto", marks=pytest.mark.server),
        pytest.param("mqttjs", marks=pytest.mark.server),
    ]
)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """Each client."""
    match request.param:
        case "mosquitto":
            needs("mosquitto_pub", "mosquitto-clients")
            return Mosquitto(tmp_path)
        case "mqttjs":
            found: Client = request.getfixturevalue("mqttjs")
            return found
        case name:
            return Scripted(name, [sys.executable, str(HERE / f"with_{name}.py")])
