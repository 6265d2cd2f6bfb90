"""The inlet: what does not come over MQTT enters the same ingest, and its sender is told what became of it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from community.refusal import PAYLOAD_KEPT, Reason
from community.vitals import Vitals
from gateway.columnar.packets import Packets
from gateway.fault import Fault
from gateway.link.link import Batch
from gateway.link.packets import Message

INLET_MOST = 1_024
"""Messages on their way through the ingest. Beyond, `put` waits: the pressure goes back to the sender's connection."""

MAX_BATCH = 256
"""Messages of one batch: as the ingest writes it before it answers, a large one makes the first wait for the last."""

MAX_PAYLOAD = 64 * 1_024
"""Bytes kept of a payload; of a larger one only the beginning goes on, and admission refuses it by its size."""


class Taken(NamedTuple):
    """What became of a message.

    Attributes:
        admitted: readings of it that are in the log.
        refusals: what of it was refused: the named reason, and a sentence for people.
    """

    admitted: int
    refusals: tuple[tuple[Reason, str], ...] = ()

    @property
    def lost(self) -> bool:
        """Whether nothing of it came in although it had something to say. A repetition is not lost: it was here."""
        return not self.admitted and any(reason is not Reason.DUPLICATE for reason, _ in self.refusals)


class Offer(Batch):
    """A batch of the inlet. The ingest fills in what became of its messages before it acknowledges.

    Attributes:
        admitted: number of a message in `messages` → readings of it in the log; absent: none.
        refused: number of a message → its faults.
    """

    __slots__ = ("_tickets", "admitted", "refused")

    def __init__(self, tickets: Sequence["_Ticket"]) -> None:
        messages = [ticket.message for ticket in tickets]
        super().__init__(None, Packets.runs(messages))
        self._tickets = tickets
        self.admitted: dict[int, int] = {}
        self.refused: dict[int, list[Fault]] = {}

    def answer(self) -> int:
        """Tell those who still wait; how many messages the batch had."""
        for number, ticket in enumerate(self._tickets):
            if not ticket.answer.done():
                faults = tuple((fault.reason, str(fault)) for fault in self.refused.get(number, ()))
                ticket.answer.set_result(Taken(self.admitted.get(number, 0), faults))
        return len(self._tickets)


class _Ticket:
    """A message, and the place where its sender waits."""

    __slots__ = ("answer", "message")

    def __init__(self, message: Message, answer: asyncio.Future[Taken]) -> None:
        self.message = message
        self.answer = answer


class Inlet:
    """A source of batches beside the link, for messages that are put in by hand.

    A message keeps its place among the `INLET_MOST` until the ingest has given its batch back, also when its sender
    has gone meanwhile: it is on its way into the log, and what is on its way takes memory.

    Counters: `inlet_messages`, `inlet_abandoned` (the sender went before the answer; the message itself is taken in,
    unless it had not been handed out yet). Gauge: `inlet_waiting`.
    """

    def __init__(self, clock: Callable[[], int], vitals: Vitals, most: int = INLET_MOST) -> None:
        """`clock` gives UTC ms, the time of receipt; at most `most` messages are on their way at once."""
        self._clock = clock
        self._vitals = vitals
        self._places = asyncio.Semaphore(most)
        self._pending: deque[_Ticket] = deque()
        self._arrived = asyncio.Event()
        self._held = 0

    async def put(self, topic: str, payload: bytes) -> Taken:
        """Wait until the message is in the log, or refused by name.

        May wait for as long as the log is away; a caller who has no patience cancels (`asyncio.timeout`). A message
        that the ingest has begun with is taken in nevertheless, so that to send it again makes a duplicate, no more.
        """
        await self._places.acquire()
        kept = payload if len(payload) <= MAX_PAYLOAD else payload[:PAYLOAD_KEPT]
        message = Message(topic.encode(errors="surrogatepass"), kept, 0, b"", len(payload), self._clock())
        ticket = _Ticket(message, asyncio.get_running_loop().create_future())
        self._pending.append(ticket)
        self._vitals.count("inlet_messages")
        self._hold(1)
        self._arrived.set()
        try:
            return await ticket.answer
        except asyncio.CancelledError:
            self._vitals.count("inlet_abandoned")
            if ticket in self._pending:
                self._pending.remove(ticket)
                self._release(1)
            raise

    async def batches(self) -> AsyncIterator[Offer]:
        """What was put, as it comes, oldest first; each must be given back to `acknowledge`. For one reader."""
        while True:
            while not self._pending:
                self._arrived.clear()
                await self._arrived.wait()
            yield Offer([self._pending.popleft() for _ in range(min(len(self._pending), MAX_BATCH))])

    def acknowledge(self, batch: Batch) -> None:
        """The batch is safe, and says what became of each message. Each once; what is no `Offer` is none of ours."""
        if isinstance(batch, Offer):
            self._release(batch.answer())

    def publish(self, topic: str, payload: bytes) -> bool:
        """Nobody listens here: who put a message is told by the answer to `put`."""
        return False

    def _hold(self, change: int) -> None:
        self._held += change
        self._vitals.gauge("inlet_waiting", self._held)

    def _release(self, places: int) -> None:
        self._hold(-places)
        for _ in range(places):
            self._places.release()
