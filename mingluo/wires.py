"""What goes over the embedded broker: our own connections, the log, quarantine."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nats.aio.client import Client

from community.vitals import Vitals
from gateway.broker.connection import connect, disconnect
from gateway.broker.redelivery import Redelivery
from gateway.broker.server import BrokerServer
from gateway.log import ReadingsLog
from gateway.refusal_log import RefusalLog
from mingluo import options
from mingluo.patience import patiently
from mingluo.settings import Settings


@dataclass(frozen=True, slots=True)
class Wires:
    """What goes over the embedded broker."""

    broker: BrokerServer
    client: Client
    log: ReadingsLog
    quarantine: RefusalLog


async def open_wires(
    stack: AsyncExitStack, settings: Settings, remembered: int, vitals: Vitals, clock: Callable[[], int]
) -> Wires:
    """Start the broker and open what goes over it; `stack` closes it again.

    Args:
        remembered: the highest position of the log that anybody remembers.

    Raises:
        BrokerError, LogUnavailable, OSError: why that cannot be.
    """
    broker = BrokerServer(options.broker(settings), vitals, clock)
    endpoints = await broker.start()
    stack.push_async_callback(broker.stop)
    client = await patiently(lambda: connect(endpoints, "log", vitals))
    stack.push_async_callback(disconnect, client)
    log = ReadingsLog(client, options.log(settings), vitals, clock)
    await patiently(lambda: log.open(beyond=remembered))
    quarantine = RefusalLog(client, vitals)
    await patiently(quarantine.open)
    return Wires(broker, client, log, quarantine)


async def redelivery_of(stack: AsyncExitStack, wires: Wires, vitals: Vitals) -> Redelivery:
    """A connection among the devices' sessions: what the broker delivers again is told there."""
    endpoints = wires.broker.endpoints
    client = await patiently(lambda: connect(endpoints, "sessions", vitals, among_devices=True))
    stack.push_async_callback(disconnect, client)
    return Redelivery(client)
