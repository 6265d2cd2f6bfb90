"""The intake: a frame is taken once, however often it is sent, and whoever sent it learns when it is safe."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import NamedTuple

from community.clock import MINUTE
from community.refusal import Reason
from community.vitals import Vitals
from gateway.gb26875.frame import Frame
from gateway.inlet import Taken

MOST_WAITING = 1_024
"""Frames on their way into the log. Beyond, connections are no longer read."""

REMEMBER = MINUTE
"""How long a frame that was taken is known again: three retries at 10 s, and their time on the wire."""

MOST_REMEMBERED = 16_384
"""About 200 bytes each."""

Put = Callable[[str, bytes], Awaitable[Taken]]
"""`Inlet.put`."""

_Key = tuple[int, int, int, bytes]
"""Transmitter, serial number, command, digest of the unit."""


class Verdict(NamedTuple):
    """What became of a frame.

    Attributes:
        good: it is in the log, was there before, or has nothing for it; it is confirmed. Otherwise it is denied.
        known: something of it was let in, so its transmitter is one of the estate's.
    """

    good: bool
    known: bool


class Intake:
    """Puts frames into the inlet.

    A retry of a frame that is still on its way waits with the first one; of one that is safe, it is confirmed again
    and not taken twice. What counts as the same: transmitter, serial number, command and unit, since units exist whose
    serial number stands still. A heartbeat has nothing else, so it is the same only while it is on its way.

    A frame goes on its way even when its connection is lost: it may be the last word of a burning house.

    Counters: `gb26875_taken`, `gb26875_refused`, `gb26875_repeated`, `gb26875_unlisted` (a frame names somebody who
    is not in the estate).
    """

    def __init__(self, put: Put, clock: Callable[[], int], vitals: Vitals) -> None:
        """`put` is that of the inlet, `clock` gives UTC ms."""
        self._put = put
        self._clock = clock
        self._vitals = vitals
        self._places = asyncio.Semaphore(MOST_WAITING)
        self._waiting: dict[_Key, asyncio.Task[Verdict]] = {}
        self._taken: OrderedDict[_Key, int] = OrderedDict()
        self._news: set[asyncio.Task[None]] = set()

    async def take(self, frame: Frame) -> Verdict:
        """What became of the frame; waits until that is known.

        To cancel it does not cancel the frame.
        """
        digest = blake2b(frame.unit, digest_size=16).digest()
        key = (frame.transmitter, frame.serial, frame.command, digest)
        now = self._clock()
        while self._taken:
            first = next(iter(self._taken))
            if now - self._taken[first] <= REMEMBER:
                break
            del self._taken[first]
        if key in self._taken:
            self._vitals.count("gb26875_repeated")
            return Verdict(good=True, known=True)
        if key not in self._waiting:
            await self._places.acquire()
            if key not in self._waiting:
                self._waiting[key] = asyncio.create_task(self._run(key, frame), name="gb26875 intake")
                return await asyncio.shield(self._waiting[key])
            self._places.release()
        self._vitals.count("gb26875_repeated")
        return await asyncio.shield(self._waiting[key])

    def tell(self, transmitter: int, online: bool) -> None:
        """Put what the server itself knows: whether the transmitter is there. At most one for each of the watched."""
        payload = b'{"online": 1}' if online else b'{"online": 0}'
        task = asyncio.create_task(self._tell(f"gb26875/{transmitter}/link", payload), name="gb26875 news")
        self._news.add(task)
        task.add_done_callback(self._news.discard)

    async def close(self) -> None:
        """Give up what is on its way; those who sent it have had no confirmation and send it again."""
        tasks = [*self._waiting.values(), *self._news]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, key: _Key, frame: Frame) -> Verdict:
        try:
            verdict = await self._into_log(frame)
            self._vitals.count("gb26875_taken" if verdict.good else "gb26875_refused")
            if verdict.known and frame.unit:
                self._taken[key] = self._clock()
                if len(self._taken) > MOST_REMEMBERED:
                    self._taken.popitem(last=False)
            return verdict
        finally:
            del self._waiting[key]
            self._places.release()

    async def _into_log(self, frame: Frame) -> Verdict:
        topic = f"gb26875/{frame.transmitter}"
        taken = await self._put(topic, frame.raw)
        verdict = Verdict(not taken.lost, _let_in(taken))
        if any(reason is Reason.UNKNOWN_DEVICE for reason, _ in taken.refusals):
            # Somebody forgot to enter a detector: its alarm is then the transmitter's (`profiles/gb26875.toml`).
            self._vitals.count("gb26875_unlisted")
            again = await self._put(f"{topic}/unlisted", frame.raw)
            verdict = Verdict(verdict.good or not again.lost, verdict.known or _let_in(again))
        return verdict

    async def _tell(self, topic: str, payload: bytes) -> None:
        await self._put(topic, payload)


def _let_in(taken: Taken) -> bool:
    return taken.admitted > 0 or any(reason is Reason.DUPLICATE for reason, _ in taken.refusals)
