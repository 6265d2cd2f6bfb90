"""Ingest: link → decode → admission → log → acknowledgement. A message is acknowledged when its readings are safe."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from community.estate import Estate
from community.frame import Frame, Record
from community.refusal import Refusal
from community.vitals import State, Vitals
from gateway.admission import Admission
from gateway.admitted import Admitted
from gateway.complaints import Complaints
from gateway.decoding.profile import Announcement
from gateway.inlet import Inlet, Offer
from gateway.link.link import Batch
from gateway.log import LogUnavailable

IN_FLIGHT = 4
"""Flushes decoded while the one before is being written. Beyond, the link keeps its messages and stops reading."""

FIRST_RETRY_S = 0.05
MAX_RETRY_S = 5.0


class BatchSource(Protocol):
    """What the ingest needs of the link."""

    def batches(self) -> AsyncIterator[Batch]:
        """Batches as they come."""
        ...

    def acknowledge(self, batch: Batch) -> None:
        """The batch is safe."""
        ...

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a message at QoS 0."""
        ...


class RecordLog(Protocol):
    """What the ingest needs of the readings log."""

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        """Write one record; raises `LogUnavailable`."""
        ...


class Quarantine(Protocol):
    """Where refusals are kept."""

    async def put(self, refusals: Sequence[Refusal]) -> None:
        """Keep them."""
        ...


class Ingest:
    """Runs the way of a reading up to the log.

    Frames of one partition are written in order: the next flush is decoded while one is being written, but not
    written before it. While the log is away, writing is tried for ever (component `ingest` degraded), the queue of
    `IN_FLIGHT` flushes fills, the link stops reading, and the broker holds what follows.

    Counters: `gateway_messages`, `gateway_readings`, `gateway_events`, `gateway_ignored`,
    `gateway_refused_messages`, `gateway_refused{reason}` (a message may have several), `gateway_frames`,
    `gateway_noted{signal}` (what the gateway noted of devices), `gateway_append_retries`, `gateway_quarantine_lost`;
    for want of room `gateway_recent_lost` (messages that "what did it send last" no longer shows),
    `gateway_topics_unkept` (topics that are resolved each time they come), `gateway_announcements_lost` (they come
    again), and what `lost` tells.
    Gauge: `gateway_window_bytes`, memory of the duplicate window.
    """

    def __init__(
        self,
        link: BatchSource,
        admission: Admission,
        log: RecordLog,
        quarantine: Quarantine,
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        run_id: str,
        inlet: Inlet | None = None,
        announced: Callable[[Sequence[tuple[str, Announcement]]], None] = lambda _: None,
        outgoing: Callable[[], Iterable[tuple[str, bytes]]] = tuple,
        lost: Callable[[], Mapping[str, int]] = dict,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up an ingest.

        Args:
            run_id: another one at each start: it makes the log's message ids unique, and a retry harmless.
            inlet: where messages come in that are not from the broker.
            announced: is told the (profile, device) pairs that said they exist; must not block.
            outgoing: what profiles have to say to devices after a flush: topics and payloads.
            lost: what there was no room for in profiles since the start, by the name of its counter.
        """
        self._link = link
        self._inlet = inlet
        self._announced = announced
        self._outgoing = outgoing
        self._lost = lost
        self._lost_before: dict[str, int] = {}
        self._flushes = 0
        self._admission = admission
        self._log = log
        self._quarantine = quarantine
        self._vitals = vitals
        self._clock = clock
        self._run_id = run_id
        self._sleep = sleep
        self._complaints = Complaints(link.publish, vitals)
        self._queue: asyncio.Queue[tuple[BatchSource, int, Batch, Admitted]] = asyncio.Queue(IN_FLIGHT)
        self._degraded = False

    def set_estate(self, estate: Estate) -> None:
        """From the next flush on, these devices are known."""
        self._admission.set_estate(estate)
        self._vitals.gauge("gateway_window_bytes", self._admission.window_bytes)
        self._complaints.forget(self._admission.roster)

    def remember(self, frames: Iterable[Frame]) -> None:
        """Take readings already in the log for known, oldest first; before `run`."""
        self._admission.remember(frames)

    async def run(self) -> None:
        """Take in messages for ever."""
        self._vitals.report("ingest", State.OK, "takes messages", self._clock())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._decode(self._link), name="ingest decode")
            if self._inlet is not None:
                tasks.create_task(self._decode(self._inlet), name="ingest decode inlet")
            tasks.create_task(self._write(), name="ingest write")

    async def _decode(self, source: BatchSource) -> None:
        async for batch in source.batches():
            self._flushes += 1
            admitted = self._admission.take(batch.packets)
            self._count(batch, admitted)
            if admitted.announced:
                self._announced(admitted.announced)
            for topic, payload in self._outgoing():
                self._link.publish(topic, payload)
            await self._queue.put((source, self._flushes, batch, admitted))

    async def _write(self) -> None:
        while True:
            source, flush, batch, admitted = await self._queue.get()
            if admitted.frames:
                async with asyncio.TaskGroup() as tasks:
                    for partition, frames in admitted.frames.items():
                        tasks.create_task(self._append_all(frames, partition, f"{self._run_id}-{flush}-{partition}"))
            if admitted.refusals:
                await self._refuse(admitted.refusals)
            if isinstance(batch, Offer):
                batch.refused.update(admitted.faults)
                batch.admitted.update(admitted.by_message())
            source.acknowledge(batch)

    async def _append_all(self, frames: Sequence[Frame], partition: int, message_id: str) -> None:
        for number, frame in enumerate(frames):
            await self._append(frame, partition, f"{message_id}-{number}")

    async def _append(self, frame: Frame, partition: int, message_id: str) -> None:
        delay = FIRST_RETRY_S
        while True:
            try:
                await self._log.append(frame, partition, message_id)
            except LogUnavailable as error:
                self._degraded = True
                self._vitals.count("gateway_append_retries")
                self._vitals.report("ingest", State.DEGRADED, f"the log does not take readings: {error}", self._clock())
                await self._sleep(delay)
                delay = min(2 * delay, MAX_RETRY_S)
                continue
            self._vitals.count("gateway_frames")
            if self._degraded:
                self._degraded = False
                self._vitals.report("ingest", State.OK, "takes messages", self._clock())
            return

    async def _refuse(self, refusals: Sequence[Refusal]) -> None:
        self._complaints.tell(refusals, self._admission.roster)
        try:
            await self._quarantine.put(refusals)
        except LogUnavailable:
            # Readings wait for the log, refusals do not: they are told to the device and counted already.
            self._vitals.count("gateway_quarantine_lost", len(refusals))

    def _count(self, batch: Batch, admitted: Admitted) -> None:
        count = self._vitals.count
        count("gateway_messages", batch.count)
        for name, amount in (
            ("gateway_readings", admitted.readings),
            ("gateway_events", admitted.events),
            ("gateway_ignored", admitted.ignored),
            ("gateway_refused_messages", admitted.refused_messages),
        ):
            if amount:
                count(name, amount)
        for reason, amount in admitted.refused.items():
            count("gateway_refused", amount, reason=reason.value)
        for signal, amount in admitted.noted.items():
            count("gateway_noted", amount, signal=signal)
        for name, total in (*self._admission.lost().items(), *self._lost().items()):
            if total > self._lost_before.get(name, 0):
                count(name, total - self._lost_before.get(name, 0))
                self._lost_before[name] = total
