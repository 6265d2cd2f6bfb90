"""The transmission units, as a request meets them: the estate's and those heard of, and orders that are noted."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from api.problems import Unavailable
from api.transmitters import NobodyListens, Transmitter, UnknownTransmitter
from community.estate import Estate
from community.transmitter_orders import GivenOrder, TransmitterOrders
from gateway.gb26875 import orders
from gateway.gb26875.orders import Outcome
from gateway.gb26875.server import Gb26875Server

PROFILE = "gb26875"


@dataclass
class BehindTransmitters:
    """Transmitters and orders to them.

    Attributes:
        store: where orders are noted before they are sent.
        estate: the estate in force.
        clock: UTC ms.
        server: where transmitters connect; the roof sets it once it listens.
    """

    store: TransmitterOrders
    estate: Callable[[], Estate]
    clock: Callable[[], int]
    server: Gb26875Server | None = None

    @property
    def listening(self) -> bool:
        """Whether transmitters can connect."""
        return self.server is not None

    def all(self) -> Sequence[Transmitter]:
        """Those of the estate and those heard of, by address."""
        found = {
            int(device.own_address): Transmitter(int(device.own_address), device.id)
            for device in self.estate().device
            if device.profile == PROFILE and device.own_address.isascii() and device.own_address.isdecimal()
        }
        for seen in self.server.transmitters() if self.server is not None else ():
            known = found.get(seen.address)
            device = known.device if known is not None else None
            found[seen.address] = Transmitter(
                seen.address, device, seen.online, seen.connected, seen.heard, seen.attended
            )
        return [found[address] for address in sorted(found)]

    async def order(self, address: int, wish: Mapping[str, Any], actor: str) -> GivenOrder:
        """Give an order; see `api.transmitters.Transmitters`.

        Raises:
            Unavailable: it cannot be noted now, and was not sent; or what became of it cannot be.
        """
        if self.server is None:
            raise NobodyListens
        if all(unit.address != address for unit in self.all()):
            raise UnknownTransmitter
        given_at = self.clock()
        try:
            number = await asyncio.to_thread(self.store.give, address, wish, actor, given_at)
        except SQLAlchemyError as error:
            raise Unavailable("the database does not take it now; nothing was sent") from error
        outcome = await _send(self.server, address, wish)
        answered_at = self.clock()
        try:
            await asyncio.to_thread(self.store.answered, number, outcome.answer.value, outcome.said, answered_at)
        except SQLAlchemyError as error:
            answer = outcome.answer.value
            raise Unavailable(f"the order was sent ({answer}), but that could not be noted") from error
        return GivenOrder(number, address, wish, actor, given_at, outcome.answer.value, answered_at, outcome.said)

    async def orders(self, address: int, limit: int, before: int | None) -> Sequence[GivenOrder]:
        """Orders given to a transmitter; see `api.transmitters.Transmitters`.

        Raises:
            Unavailable: the database is away.
        """
        try:
            return await asyncio.to_thread(self.store.last, address, limit, before)
        except SQLAlchemyError as error:
            raise Unavailable("the database, which keeps the orders, does not answer now") from error


async def _send(server: Gb26875Server, address: int, wish: Mapping[str, Any]) -> Outcome:
    match wish:
        case {"order": "set_clock"}:
            return await server.set_clock(address)
        case {"order": "guard_check", "minutes": int(minutes)}:
            return await server.order(address, orders.guard_check(minutes))
        case {"order": "read_state"}:
            return await server.order(address, orders.read_state())
        case {"order": "read_time"}:
            return await server.order(address, orders.read_time())
        case {"order": "read_system", "system_type": int(kind), "system_address": int(number)}:
            return await server.order(address, orders.read_system(kind, number))
        case _:
            raise AssertionError(f"the window lets nothing else through: {wish}")
