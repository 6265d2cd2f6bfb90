"""Ingest with a link and a log that do what the test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from community.frame import Frame, Record
from community.refusal import Refusal
from community.vitals import State, Vitals
from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.ingest import IN_FLIGHT, Ingest
from gateway.journal import Journal
from gateway.link.link import Batch
from gateway.link.packets import Message
from gateway.log import LogUnavailable, Unavailable
from tests.gateway.link.fake_broker import until
from tests.gateway.village import NOW, dated, estate, message, topic


class FakeLink:
    """Hands out what the test gives it; keeps what it was told."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Batch] = asyncio.Queue()
        self.acknowledged: list[Batch] = []
        self.published: list[tuple[str, bytes]] = []

    def give(self, *messages: Message) -> Batch:
        """A batch that arrives now."""
        batch = Batch(None, Packets.runs(messages))
        self.waiting.put_nowait(batch)
        return batch

    async def batches(self) -> AsyncIterator[Batch]:
        """As the link does."""
        while True:
            yield await self.waiting.get()

    def acknowledge(self, batch: Batch) -> None:
        """Keep it."""
        self.acknowledged.append(batch)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Keep it."""
        self.published.append((topic, payload))
        return True


class FakeLog:
    """Takes records while `there`; each message id once, as the real one does."""

    def __init__(self) -> None:
        self.there = True
        self.lose_receipt_of_next = False
        self.records: dict[str, tuple[int | None, Record]] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        """Store."""
        await self.gate.wait()
        assert message_id is not None
        if not self.there:
            raise LogUnavailable(next(iter(Unavailable)))
        self.records.setdefault(message_id, (partition, record))
        if self.lose_receipt_of_next:
            self.lose_receipt_of_next = False
            raise LogUnavailable(next(iter(Unavailable)))
        return len(self.records)

    def values(self) -> list[dict[str, float]]:
        """Values of every reading stored."""
        return [r.values for _, f in self.records.values() if isinstance(f, Frame) for r in f.readings()]


class FakeQuarantine:
    """Keeps refusals, or is away."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.there = True

    async def put(self, refusals: Sequence[Refusal]) -> None:
        """Keep them."""
        if not self.there:
            raise LogUnavailable(next(iter(Unavailable)))
        self.refusals.extend(refusals)


class House:
    """An ingest with everything around it."""

    def __init__(self) -> None:
        self.link, self.log, self.quarantine, self.vitals = FakeLink(), FakeLog(), FakeQuarantine(), Vitals()
        self.retries: list[float] = []
        self.ingest = Ingest(
            self.link, Admission(estate()), self.log, self.quarantine, self.vitals, lambda: NOW,
            run_id="run", sleep=self._sleep,
        )  # fmt: skip

    async def _sleep(self, seconds: float) -> None:
        self.retries.append(seconds)
        await asyncio.sleep(0)

    async def acknowledged(self, *batches: Batch) -> None:
        """Wait until these, and no others, are acknowledged, in this order."""
        await until(lambda: len(self.link.acknowledged) >= len(batches))
        assert self.link.acknowledged == list(batches)


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """A running one."""
    it = House()
    running = asyncio.create_task(it.ingest.run())
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.wait([running])


def reading(value: float, number: int = 0, ts: int = NOW) -> Message:
    """A reading of CO."""
    return message(dated(ts, co=value), topic(number))


def bad(items: Iterable[int], number: int = 0, at: int = NOW) -> list[Message]:
    """Messages that are refused."""
    return [message(f"bad {i}", topic(number), at=at) for i in items]


async def test_it_acknowledges_only_what_is_in_the_log() -> None:
    async with house() as h:
        h.log.gate.clear()
        batch = h.link.give(reading(1), reading(2, 1))
        await until(lambda: h.vitals.counter("gateway_readings") == 2)
        assert h.link.acknowledged == []
        h.log.gate.set()
        await h.acknowledged(batch)
        assert sorted(v["co"] for v in h.log.values()) == [1, 2]
        assert len({partition for partition, _ in h.log.records.values()}) == 2, "two communities, two partitions"


async def test_the_log_may_be_away_for_long_and_nothing_is_lost_nor_doubled_nor_out_of_order() -> None:
    async with house() as h:
        h.log.there = False
        batches = [h.link.give(reading(i)) for i in range(3)]
        await until(lambda: len(h.retries) >= 12)
        assert h.link.acknowledged == []
        assert h.retries[0] < h.retries[1] < h.retries[2]
        assert max(h.retries) <= 5
        assert [c.state for c in h.vitals.components()] == [State.DEGRADED]
        h.log.there, h.log.lose_receipt_of_next = True, True
        await h.acknowledged(*batches)
        assert [v["co"] for v in h.log.values()] == [0, 1, 2]
        assert [c.state for c in h.vitals.components()] == [State.OK]


async def test_while_the_log_is_away_only_a_few_batches_are_taken() -> None:
    async with house() as h:
        h.log.gate.clear()
        for i in range(20):
            h.link.give(reading(i))
        # One in the writer, the queue, and one that waits for a place in it.
        await until(lambda: h.vitals.counter("gateway_messages") == IN_FLIGHT + 2)
        for _ in range(20):
            await asyncio.sleep(0)
        assert h.vitals.counter("gateway_messages") == IN_FLIGHT + 2
        h.log.gate.set()
        await until(lambda: len(h.link.acknowledged) == 20)


async def test_refusals_are_kept_told_to_the_device_and_acknowledged() -> None:
    async with house() as h:
        batch = h.link.give(*bad(range(3)), reading(5, 1))
        await h.acknowledged(batch)
        assert [r.reason.value for r in h.quarantine.refusals] == ["not_json"] * 3
        ((where, body),) = h.link.published
        assert where == topic(leaf="error")
        told = json.loads(body)
        assert told.keys() == {"reason", "detail", "topic", "at"}
        assert (told["reason"], told["topic"], told["at"]) == ("not_json", topic(), NOW)
        assert h.vitals.counter("gateway_refused", reason="not_json") == 3
        assert h.vitals.counter("gateway_refused_messages") == 3


async def test_a_device_is_told_at_most_once_a_second() -> None:
    async with house() as h:
        batches = [h.link.give(*bad([i], at=NOW + i * 400)) for i in range(6)]
        await h.acknowledged(*batches)
        assert [json.loads(body)["at"] - NOW for _, body in h.link.published] == [0, 1_200]
        assert h.vitals.counter("gateway_errors_suppressed") == 4
        assert h.vitals.counter("gateway_errors_told") == 2


async def test_nobody_is_told_of_a_stranger_s_message() -> None:
    async with house() as h:
        await h.acknowledged(h.link.give(message("{}", "mingluo/v1/c0/h0/stranger/telemetry")))
        assert h.link.published == []
        assert [r.device for r in h.quarantine.refusals] == [None]


async def test_a_quarantine_that_is_away_holds_nothing_up() -> None:
    async with house() as h:
        h.quarantine.there = False
        await h.acknowledged(h.link.give(*bad(range(2))))
        assert h.vitals.counter("gateway_quarantine_lost") == 2


async def test_a_new_estate_holds_from_the_next_batch_on() -> None:
    async with house() as h:
        first = h.link.give(reading(1, 7))
        await h.acknowledged(first)
        h.ingest.set_estate(estate(homes=8))
        await h.acknowledged(first, h.link.give(reading(1, 7)))
        assert len(h.log.values()) == 1


async def test_what_the_log_has_already_is_not_written_again() -> None:
    async with house() as h:
        frame = Admission(estate()).take(Packets.runs([reading(1)])).frames.popitem()[1][0]
        h.ingest.remember([frame])
        await h.acknowledged(h.link.give(reading(1)))
        assert h.log.records == {}


async def test_what_there_was_no_room_for_is_counted_once() -> None:
    totals = {"homeassistant_refused": 0}
    link, log, vitals, journal = FakeLink(), FakeLog(), Vitals(), Journal()
    admission = Admission(estate(), journal=journal)
    ingest = Ingest(link, admission, log, FakeQuarantine(), vitals, lambda: NOW, run_id="r", lost=lambda: totals)
    running = asyncio.create_task(ingest.run())
    try:
        for number, (refused, lost) in enumerate([(2, 0), (2, 5), (7, 5)], 1):
            totals["homeassistant_refused"], journal.lost = refused, lost
            link.give(reading(1, ts=NOW + number))
            await until(lambda number=number: len(link.acknowledged) == number)  # type: ignore[misc]  # bound now
            assert vitals.counter("homeassistant_refused") == refused
            assert vitals.counter("gateway_recent_lost") == lost
    finally:
        running.cancel()
        await asyncio.wait([running])
