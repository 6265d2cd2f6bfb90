"""Where the broker can be reached, and a connection to it that comes back by itself."""

from contextlib import suppress
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.client import Client
from nats.errors import SlowConsumerError

from community.vitals import Vitals
from gateway.broker.config import MQTT_USER

RECONNECT_S = 0.1
"""Pause between attempts: the broker is on this machine, and back within a second."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """How to reach the embedded broker with the service user.

    Attributes:
        nats: URL for our own processes, `nats://127.0.0.1:4222`.
        mqtt: address and port for devices; None if the listener is off.
        user, password: the service user of our own processes.
    """

    nats: str
    mqtt: tuple[str, int] | None
    user: str
    password: str = field(repr=False)

    @property
    def mqtt_user(self) -> str:
        """Our user among the devices, for MQTT; with the same password."""
        return MQTT_USER


async def connect(endpoints: Endpoints, name: str, vitals: Vitals, *, among_devices: bool = False) -> Client:
    """A connection that reconnects for ever, and counts what it goes through.

    Counters: `nats_disconnects`, `nats_errors`, `nats_dropped` (a subscription's buffer was full), by `client`.

    Args:
        endpoints: where to.
        name: what the connection is for; a label of the counters.
        vitals: where to count.
        among_devices: into the account of the devices, to look at what the broker keeps for their sessions.

    Raises:
        OSError, nats.errors.Error: if the first attempt fails.
    """

    async def on_error(error: Exception) -> None:
        vitals.count("nats_dropped" if isinstance(error, SlowConsumerError) else "nats_errors", client=name)

    async def on_disconnect() -> None:
        vitals.count("nats_disconnects", client=name)

    return await nats.connect(
        endpoints.nats,
        user=endpoints.mqtt_user if among_devices else endpoints.user,
        password=endpoints.password,
        # What begins with "$" is not among "everything": the link need not hear our questions' answers.
        inbox_prefix="$INBOX" if among_devices else "_INBOX",
        name=f"mingluo {name}",
        connect_timeout=2,
        reconnect_time_wait=RECONNECT_S,
        max_reconnect_attempts=-1,
        ping_interval=10,
        error_cb=on_error,
        disconnected_cb=on_disconnect,
    )


async def disconnect(client: Client) -> None:
    """Close a connection, whether or not there still is a broker to say goodbye to."""
    with suppress(OSError, nats.errors.Error):
        await client.close()
