"""Orders on their way: sent, repeated while nobody answers, and matched with what comes back."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from community.vitals import Vitals
from gateway.gb26875.frame import Frame, encode
from gateway.gb26875.orders import Answer, Order, Outcome
from gateway.gb26875.session import Session

MAX_PENDING = 256
"""Orders that wait for their answer at once; beyond, another one is answered `busy`."""

There = Callable[[int], tuple[Session, Frame] | None]
"""Where a transmitter is now: its connection, and the last frame that came over it. None: it is not connected."""


class Ordering:
    """Gives orders. Counters: `gb26875_orders{answer}`, `gb26875_unexpected` (answers to nothing)."""

    def __init__(
        self,
        there: There,
        next_serial: Callable[[int], int],
        stamp: Callable[[Frame], bytes],
        vitals: Vitals,
        *,
        address: int,
        reply_s: float,
        retries: int,
    ) -> None:
        """Set up.

        Args:
            there: where a transmitter is.
            next_serial: the running number of our next command to it.
            stamp: our time, as the sender of a frame writes times.
            vitals: where it counts.
            address: our own address on the wire, for units that do not say how they call us.
            reply_s: how long an answer is waited for, s.
            retries: how often an order is repeated.
        """
        self._there = there
        self._next_serial = next_serial
        self._stamp = stamp
        self._vitals = vitals
        self._address = address
        self._reply_s = reply_s
        self._retries = retries
        self._pending: dict[tuple[int, int], asyncio.Future[Outcome]] = {}

    async def order(self, transmitter: int, order: Order) -> Outcome:
        """Send an order, and repeat it while it is denied or not answered."""
        outcome = await self._order(transmitter, order)
        self._vitals.count("gb26875_orders", answer=outcome.answer.value)
        return outcome

    def answered(self, session: Session, frame: Frame, answer: Answer, said: Sequence[Mapping[str, Any]] = ()) -> None:
        """A frame came that answers; only on the connection that the order went out on does it count."""
        for transmitter in (frame.source, frame.destination):
            waiting = self._pending.get((transmitter, frame.serial))
            there = self._there(transmitter)
            if waiting is not None and not waiting.done() and there is not None and there[0] is session:
                waiting.set_result(Outcome(answer, tuple(said)))
                return
        self._vitals.count("gb26875_unexpected")

    async def _order(self, transmitter: int, order: Order) -> Outcome:
        if self._there(transmitter) is None:
            return Outcome(Answer.ABSENT)
        if len(self._pending) >= MAX_PENDING:
            return Outcome(Answer.BUSY)
        serial = self._next_serial(transmitter)
        key = (transmitter, serial)
        outcome = Outcome(Answer.SILENT)
        for _ in range(1 + self._retries):
            there = self._there(transmitter)
            if there is None:
                return Outcome(Answer.ABSENT)
            session, heard = there
            waiting = self._pending[key] = asyncio.get_running_loop().create_future()
            try:
                if not session.write(self._framed(heard, serial, order)):
                    return Outcome(Answer.ABSENT)
                async with asyncio.timeout(self._reply_s):
                    outcome = await waiting
            except TimeoutError:
                outcome = Outcome(Answer.SILENT)
            finally:
                del self._pending[key]
            if outcome.answer in (Answer.CONFIRMED, Answer.ANSWERED):
                break
        return outcome

    def _framed(self, heard: Frame, serial: int, order: Order) -> bytes:
        # The addresses and the framing are those of the last frame, turned round: units compare them with their own.
        return encode(
            heard._replace(
                serial=serial,
                time=self._stamp(heard),
                source=heard.destination or self._address,
                destination=heard.source,
                command=order.command,
                unit=order.unit,
            )
        )
