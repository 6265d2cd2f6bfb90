"""Whether a nats-server does its task: asked from outside, as its users meet it."""

import asyncio
from enum import StrEnum

import nats
import nats.errors
import nats.js.errors

from gateway.broker.connection import Endpoints


class Look(StrEnum):
    """What a look found.

    SERVES: ports are open, and the store takes and gives.
    STORE_OFF: it answers, and says that its store (JetStream) is off: after a write error, e.g. on a full disk.
    SILENT: no answer, or one that cannot be told.
    """

    SERVES = "serves"
    STORE_OFF = "store_off"
    SILENT = "silent"


async def look(endpoints: Endpoints, client: tuple[str, int]) -> Look:
    """Whether devices find an open port, a client can connect, and the store's service is up.

    Args:
        endpoints: how to reach it.
        client: address and port for our own processes.
    """

    async def quiet(_error: Exception) -> None:
        return None  # a refused attempt is the answer no, not an error

    try:
        # Knock first: the client library takes seconds to say that nobody is there.
        for address in filter(None, (client, endpoints.mqtt)):
            _, writer = await asyncio.open_connection(*address)
            writer.close()
        connection = await nats.connect(
            endpoints.nats,
            user=endpoints.user,
            password=endpoints.password,
            name="mingluo look",
            allow_reconnect=False,
            connect_timeout=2,
            error_cb=quiet,
        )
        try:
            await connection.jetstream().account_info()
        finally:
            await connection.close()
    except nats.js.errors.ServiceUnavailableError:
        return Look.STORE_OFF
    except (OSError, nats.errors.Error):
        return Look.SILENT
    return Look.SERVES
