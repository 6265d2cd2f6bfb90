"""The historian: a second reader of the log, which writes readings to the history.

Alerts never wait for it. Its store may be down, slow or full for a day: the log keeps what it has not read, its lag is
shown, and it catches up in ever larger batches. It has threads of its own, so that a store that hangs takes none from
the desk.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from community.clock import SECOND
from community.frame import Frame, Record
from community.vitals import State, Vitals
from gateway.history.batch import Batch, batch_of
from gateway.history.quality import NOTED, Flag, Standing
from gateway.history.store import HistoryStore, HistoryUnavailable, Tended

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

GATHER_S = 1.0
"""A batch is gathered for this long, so that a store commits about once a second ..."""
FULL_ROWS = 50_000
"""... unless so many readings wait; then it is written at once."""
WAITING_ROWS = 2 * FULL_ROWS
WAITING_BYTES = 64 * 2**20
"""Readings, or bytes of them, that are read ahead. At either bound the rest stays in the log."""
TEND_EVERY_S = 10.0
RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
"""First and longest pause before a store that failed is asked again; each pause is twice the one before."""


class LogReads(Protocol):
    """What the historian needs of the readings log."""

    def read(self, after: int) -> AsyncIterator[tuple[int, str, Record]]:
        """Position, subject and record of everything behind `after`, as it is stored."""


class Historian:
    """Reads the log behind the store's position, and writes.

    Attributes:
        position: of the last record that the store has, as far as is known.
    """

    def __init__(
        self,
        log: LogReads,
        store: HistoryStore,
        vitals: Vitals,
        clock: Callable[[], int],
        devices: Callable[[], list[str]],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`devices`: of the estate; what stands against them is asked of the store once, at the beginning."""
        self._log = log
        self._store = store
        self._vitals = vitals
        self._clock = clock
        self._devices = devices
        self._sleep = sleep
        self._standing = Standing()
        self._waiting: deque[tuple[int, Record]] = deque()
        self._rows = self._bytes = 0
        self._came, self._taken = asyncio.Event(), asyncio.Event()
        self._ended = False
        self._kept_until: int | None = None
        self._writer = ThreadPoolExecutor(1, "history-write")
        self._tender = ThreadPoolExecutor(1, "history-tend")
        self.position = 0

    async def run(self) -> None:
        """Write history for as long as the log goes on."""
        try:
            self.position = await self._patiently(self._store.position)
            self._standing = await self._patiently(self._stood)
            self._vitals.gauge("historian_position", self.position)
            reading = asyncio.create_task(self._read(), name="history read")
            tending = asyncio.create_task(self._tend(), name="history tend")
            try:
                await self._write(reading)
            finally:
                for task in (reading, tending):
                    task.cancel()
                await asyncio.wait({reading, tending})
            reading.result()
        finally:
            self._writer.shutdown(wait=False, cancel_futures=True)
            self._tender.shutdown(wait=False, cancel_futures=True)

    async def _read(self) -> None:
        try:
            async for position, _subject, record in self._log.read(self.position):
                self._waiting.append((position, record))
                if isinstance(record, Frame):
                    self._rows += len(record)
                    self._bytes += len(record.value_matrix)
                self._came.set()
                while self._rows >= WAITING_ROWS or self._bytes >= WAITING_BYTES:
                    self._taken.clear()
                    await self._taken.wait()
        finally:
            self._ended = True
            self._came.set()

    async def _write(self, reading: "asyncio.Task[None]") -> None:
        while True:
            await self._came.wait()
            if self._rows < FULL_ROWS and not self._ended:
                await self._sleep(GATHER_S)
            if not self._waiting:
                if reading.done():
                    return
                self._came.clear()
                if self._ended:
                    await asyncio.wait({reading})
                    self._came.set()
                continue
            records = self._take()
            batch = await asyncio.to_thread(batch_of, records, self._standing)
            await self._patiently(lambda batch=batch: self._store.write(batch))  # type: ignore[misc]  # bound now
            self._kept(batch)

    def _take(self) -> list[tuple[int, Record]]:
        records = list(self._waiting)
        self._waiting.clear()
        self._rows = self._bytes = 0
        self._taken.set()
        return records

    def _kept(self, batch: Batch) -> None:
        self.position = batch.position
        if len(batch.ticks):
            self._kept_until = int(batch.ticks[-1])
        self._vitals.count("historian_readings", len(batch))
        self._vitals.count("historian_values", batch.value_count)
        self._vitals.gauge("historian_position", self.position)
        self._tell_lag()

    def _tell_lag(self) -> float:
        """How far what is kept lies behind the clock, s; 0 before the first tick."""
        lag = 0.0 if self._kept_until is None else max(0, self._clock() - self._kept_until) / SECOND
        self._vitals.gauge("historian_lag_seconds", lag)
        return lag

    async def _tend(self) -> None:
        while True:
            await self._sleep(TEND_EVERY_S)
            loop = asyncio.get_running_loop()
            try:
                done = await loop.run_in_executor(self._tender, self._store.tend, self._clock())
                usage = await loop.run_in_executor(self._tender, self._store.usage)
            except Exception as error:
                # The history is not worth a life: a fault in it is told, and the rest of the house goes on.
                self._vitals.count("history_tend_failed")
                self._vitals.report("history_upkeep", State.DEGRADED, _said(error), self._clock())
                continue
            self._count(done)
            if usage.bytes is not None:
                self._vitals.gauge("history_bytes", usage.bytes)
            early = "the disk space set for it is used up: the oldest readings go before their time"
            state, detail = (State.DEGRADED, early) if done.early else (State.OK, "")
            self._vitals.report("history_upkeep", state, detail, self._clock())

    def _count(self, done: Tended) -> None:
        self._vitals.count("history_rolled_up", done.rolled_up)
        for resolution, rows in (done.removed_rows or {}).items():
            self._vitals.count("history_rows_removed", rows, resolution=resolution.value)

    def _stood(self) -> Standing:
        flags: dict[str, Flag] = {}
        for device, last in self._store.last(self._devices()).items():
            on = [flag for event, flag in NOTED.items() if event in last and last[event].value == 1]
            if on:
                flags[device] = Flag(sum(on))
        return Standing(flags)

    async def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask the store, in the writer's thread, until it answers; what it has not taken stays in the log."""
        pause = RETRY_S
        while True:
            try:
                answer = await asyncio.get_running_loop().run_in_executor(self._writer, ask)
            except Exception as error:  # as in `_tend`
                self._vitals.count("historian_waits")
                lag = self._tell_lag()
                unforeseen = "" if isinstance(error, HistoryUnavailable) else f"{type(error).__name__}: "
                detail = f"waiting, {lag:.0f} s behind: {unforeseen}{_said(error)}"
                self._vitals.report("history", State.DEGRADED, detail, self._clock())
                await self._sleep(pause)
                pause = min(2 * pause, LONGEST_RETRY_S)
                continue
            self._vitals.report("history", State.OK, "writes", self._clock())
            return answer


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
