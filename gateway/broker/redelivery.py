"""In which order the embedded broker gives out again what was not acknowledged.

MQTT 3.1.1 (4.4, 4.6) wants a client that comes back to be sent first what it has not acknowledged, in the old order.
nats-server does so only once `ack_wait` has passed since the first delivery: whoever connects earlier is sent new
messages first and the old ones behind them, and a device's readings would reach the log in the wrong order.
"""

import asyncio
from collections.abc import Awaitable, Callable

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import api

from gateway.broker.config import MQTT_ACK_WAIT_S

MESSAGES = "$MQTT_msgs"
"""The stream in which the broker keeps QoS 1 messages for its sessions; there is a consumer of it for each."""
LOOKS_AGAIN_S = 0.6
"""A broker that has just started looks for what is due after at most `ack_wait`; this much is for the look itself."""


class Redelivery:
    """Tells when to connect. Give `settle` to the link as `before_connect`."""

    def __init__(self, client: Client, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """`client` must be connected among the devices, where their sessions are kept."""
        self._client = client
        self._sleep = sleep

    async def settle(self) -> None:
        """Wait, if anything is unacknowledged, until the broker will give that out before anything new."""
        if await self._unacknowledged():
            await self._sleep(MQTT_ACK_WAIT_S + LOOKS_AGAIN_S)

    async def session_kept(self, filter_subject: str = "$MQTT.msgs.>") -> bool:
        """Whether the broker keeps messages for the gateway already.

        Before its first subscription it does not: it takes a device's QoS 1 message, acknowledges it, and drops it.

        Raises:
            OSError, nats.errors.Error: the broker does not say.
        """
        return any(c.config.filter_subject == filter_subject for c in await self._consumers())

    async def _unacknowledged(self) -> bool:
        try:
            return any(consumer.num_ack_pending for consumer in await self._consumers())
        except (OSError, TimeoutError, nats.errors.Error):
            return True  # not known: a needless wait is the lesser evil

    async def _consumers(self) -> list[api.ConsumerInfo]:
        try:
            return await self._client.jetstream().consumers_info(MESSAGES)
        except nats.js.errors.NotFoundError:
            return []  # no session has ever been
