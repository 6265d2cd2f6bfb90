"""`mingluo payloads tail`: the last messages of a device of the running system, and what became of each."""

import asyncio
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any

import nats.errors
import typer
from nats.aio.client import Client

from community.recent import RecentMessage
from community.vitals import Vitals
from gateway.broker.connection import connect, disconnect
from gateway.recent import ask
from mingluo.cli.database import Config, DataDir
from mingluo.cli.io import emit, people, refuse
from mingluo.cli.load import read_settings
from mingluo.cli.running import running_system
from mingluo.run_file import RunFile

EVERY_S = 1.0
"""How often `--follow` asks."""

PATIENCE_S = 5.0


def tail(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Id of a device in the estate.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes; Ctrl-C ends it.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Print the last ten messages of a device of the running system, oldest first, one JSON object a line.

    Each with its outcome (accepted, event, quarantined, ignored), what came in of it, and what was refused and why.
    Payloads are cut to 512 bytes. What came before the system's last start is forgotten; refused messages of that
    time are in quarantine.
    """
    running = running_system(read_settings(config, data_dir=data_dir))
    # As a part of a NATS subject it may not hold dots or wildcards; nor may an id.
    if not device.replace("_", "").replace("-", "").isalnum() or not device.isascii():
        refuse(f"{device!r} is no device id: letters, digits, _ and -")
    try:
        asyncio.run(_tail(running, device, follow))
    except KeyboardInterrupt:
        pass
    except (OSError, nats.errors.Error) as error:
        refuse(f"the gateway does not answer: {error or type(error).__name__}")


async def _tail(running: RunFile, device: str, follow: bool) -> None:
    client = await connect(running.endpoints, "tail", Vitals())
    try:
        found = False
        async for message in _new(client, device, follow):
            found = True
            emit(shown(message))
            sys.stdout.flush()  # who follows through a pipe waits for each line
        if not found:
            people.print(f"nothing from {device} since the start of the system, or no such device", markup=False)
    finally:
        await disconnect(client)


async def _new(client: Client, device: str, follow: bool) -> AsyncIterator[RecentMessage]:
    # By time first: a gateway that was started anew counts from 1 again.
    last = (0, 0)
    while True:
        fresh = [m for m in await ask(client, device, PATIENCE_S) if (m.at, m.number) > last]
        if last[1] and fresh and fresh[0].number > last[1] + 1:
            people.print(f"{fresh[0].number - last[1] - 1} messages between were not kept", style="yellow")
        for message in fresh:
            yield message
            last = (message.at, message.number)
        if not follow:
            return
        await asyncio.sleep(EVERY_S)


def shown(message: RecentMessage) -> dict[str, Any]:
    """The line of a message: as `payloads check` prints it, with the message itself."""
    text = message.text
    return {
        "at": message.at,
        "number": message.number,
        "topic": message.topic,
        "outcome": message.outcome,
        "profile": message.profile,
        "values": message.values,
        "events": [{"name": event.name, "active": event.active} for event in message.events],
        "faults": [{"reason": fault.reason, "detail": fault.detail} for fault in message.faults],
        "retained": message.retained,
        "size": message.size,
        **({"payload": text} if text is not None else {"payload_base64": b64encode(message.payload).decode()}),
    }
