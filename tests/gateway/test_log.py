"""The readings log at a real broker: order, no gap, no repetition, whatever dies."""

import asyncio
from dataclasses import replace

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest
from nats.aio.client import Client

from community.frame import EstateChange, Frame, Reading, Record, RulebookChange, Tick
from community.vitals import State
from gateway.broker.config import BrokerOptions
from gateway.broker.connection import connect
from gateway.broker.server import BrokerServer
from gateway.log import Entry, LogLimits, LogUnavailable, ReadingsLog, RecordTooLarge, Unavailable, subject_of
from tests.gateway.conftest import PATIENCE_S, WatchedVitals, clock

LIMITS = LogLimits(max_bytes=64 * 2**20)


@pytest.fixture
async def log(client: Client, vitals: WatchedVitals) -> ReadingsLog:
    opened = ReadingsLog(client, LIMITS, vitals, clock)
    await opened.open()
    return opened


def frame(ts: int, rows: int = 1) -> Frame:
    return Frame.from_readings([Reading("d1", ts + i, ts + i, {"voltage": 230.0}) for i in range(rows)])


async def everything(log: ReadingsLog, after: int = 0, **how: object) -> list[tuple[int, str, Record]]:
    async with asyncio.timeout(PATIENCE_S):
        return [entry async for entry in log.read(after, follow=False, **how)]  # type: ignore[arg-type]  # passed on


async def append_until_safe(log: ReadingsLog, record: Record, message_id: str) -> int:
    """As the gateway does: the same record with the same id until it is known to be stored."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await log.append(record, message_id=message_id)
            except LogUnavailable:
                await asyncio.sleep(0.02)  # pace of the retries; nothing is awaited by it


async def test_records_come_back_in_order_with_their_positions(log: ReadingsLog) -> None:
    assert await everything(log) == []
    assert await log.first_position() == 1
    assert await log.last_position() == 0
    positions = [
        await log.append(frame(1_000), 3),
        await log.append(Tick(2_000, 500)),
        await log.append(EstateChange(7)),
    ]
    assert positions == [1, 2, 3]
    (one, two, three) = await everything(log)
    assert one[:2] == (1, "readings.3")
    assert isinstance(one[2], Frame)
    assert list(one[2].readings()) == [Reading("d1", 1_000, 1_000, {"voltage": 230.0})]
    assert two == (2, "readings.tick", Tick(2_000, 500))
    assert three == (3, "readings.estate", EstateChange(7))
    assert await everything(log, 2) == [three]
    assert (await log.first_position(), await log.last_position()) == (1, 3)


async def test_a_reader_sees_its_partitions_and_every_tick(log: ReadingsLog) -> None:
    await log.append_many(
        [Entry(frame(1), 1), Entry(frame(2), 2), Entry(Tick(3)), Entry(frame(4), 1), Entry(frame(5), 11)]
    )
    assert [p for p, _, _ in await everything(log, partitions=[1])] == [1, 3, 4]
    assert [p for p, _, _ in await everything(log, partitions=[])] == [3]


async def test_every_reader_sees_changes_of_estate_and_rulebook(log: ReadingsLog) -> None:
    await log.append_many([Entry(EstateChange(1)), Entry(frame(2), 2), Entry(RulebookChange(5))])
    assert await everything(log, partitions=[7]) == [
        (1, "readings.estate", EstateChange(1)),
        (3, "readings.rulebook", RulebookChange(5)),
    ]


async def test_reading_may_begin_at_a_time(log: ReadingsLog) -> None:
    await log.append_many([Entry(Tick(n)) for n in range(3)])
    assert [r async for r in log.read(0, follow=False, since_ms=0)] == await everything(log)
    assert [r async for r in log.read(0, follow=False, since_ms=4_000_000_000_000)] == []
    assert [p async for p, _, _ in log.read(2, follow=False, since_ms=4_000_000_000_000)] == [3]  # a position wins


async def test_many_appends_at_once_keep_their_order(log: ReadingsLog) -> None:
    batches = await asyncio.gather(
        *(log.append_many([Entry(Tick(100 * i + j)) for j in range(100)]) for i in range(20)),
        *(log.append(Tick(9_000 + i)) for i in range(50)),
    )
    assert [p for b in batches[:20] if isinstance(b, list) for p in b] == list(range(1, 2_001))
    assert [r.ts for _, _, r in await everything(log, 2_000) if isinstance(r, Tick)] == list(range(9_000, 9_050))


async def test_a_repeated_append_returns_the_first_position(log: ReadingsLog) -> None:
    assert await log.append(Tick(1), message_id="a") == 1
    assert await log.append(Tick(2), message_id="b") == 2
    assert await log.append(Tick(1), message_id="a") == 1
    assert len(await everything(log)) == 2


async def test_a_waiting_reader_gets_what_is_appended(log: ReadingsLog) -> None:
    async with asyncio.timeout(PATIENCE_S):
        reader = aiter(log.read(0))
        waiting = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0)
        for i in range(1, 300):
            await log.append(Tick(i))
            assert (await waiting)[0] == i
            waiting = asyncio.ensure_future(anext(reader))
        waiting.cancel()


@pytest.mark.parametrize("ids", ["follow", "batch"])
async def test_a_killed_broker_costs_neither_gap_nor_repetition(
    log: ReadingsLog, broker: BrokerServer, vitals: WatchedVitals, ids: str
) -> None:
    total, kills = 600, 3
    seen: list[tuple[int, int]] = []

    async def read() -> None:
        async for position, _, record in log.read(0):
            assert isinstance(record, Tick)
            seen.append((position, record.ts))
            if record.ts == total - 1:
                return

    async with asyncio.timeout(4 * PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        positions = []
        for i in range(total):
            if i and i % (total // (kills + 1)) == 0:
                psutil.Process(broker.pid).kill()
            positions.append(await append_until_safe(log, Tick(i), f"{ids}-{i}"))
    assert seen == [(p, i) for i, p in enumerate(positions)]
    await vitals.until(lambda: vitals.counter("broker_restarts") == kills)


async def test_without_a_broker_an_append_says_so(
    log: ReadingsLog, broker: BrokerServer, options: BrokerOptions, vitals: WatchedVitals
) -> None:
    await broker.stop()
    await vitals.until(lambda: vitals.counter("nats_disconnects", client="test") == 1)
    with pytest.raises(LogUnavailable) as refused:
        await log.append(Tick(1))
    assert refused.value.reason is Unavailable.DISCONNECTED
    with pytest.raises(LogUnavailable):
        await log.last_position()


async def test_the_log_outlives_an_orderly_restart(options: BrokerOptions, vitals: WatchedVitals) -> None:
    for expected in (1, 2):
        async with BrokerServer(options, vitals, clock) as server:
            client = await connect(server.endpoints, "test", vitals)
            log = ReadingsLog(client, LIMITS, vitals, clock)
            await log.open()
            assert await log.append(Tick(expected)) == expected
            assert [r for _, _, r in await everything(log)] == [Tick(i) for i in range(1, expected + 1)]
            await client.close()


async def test_a_full_log_takes_no_more_and_keeps_all(client: Client, vitals: WatchedVitals) -> None:
    log = ReadingsLog(client, replace(LIMITS, max_bytes=100_000), vitals, clock)
    await log.open()
    stored = 0

    async def fill() -> None:
        nonlocal stored
        while True:
            stored = await log.append(frame(stored, 100), 0)

    with pytest.raises(LogUnavailable) as refused:
        await fill()
    assert refused.value.reason is Unavailable.FULL
    assert len(await everything(log)) == stored

    # What nobody has read stays; what everybody has read makes room.
    assert await log.make_room(passed=0) == 0
    assert "the engine has only passed 0" in next(c.detail for c in vitals.components() if c.name == "log_reader")
    removed = await log.make_room(passed=stored)
    assert 0 < removed < stored
    assert await log.first_position() == removed + 1
    assert await log.append(frame(1, 100), 0) == stored + 1
    assert await log.make_room(passed=stored) == 0


async def test_room_is_made_of_what_the_history_has_and_of_the_rest_only_in_need(
    client: Client, vitals: WatchedVitals
) -> None:
    limits = replace(LIMITS, max_bytes=100_000)
    log = ReadingsLog(client, limits, vitals, clock)
    await log.open()
    size = await log.append(frame(0, 100), 0) and (await client.jetstream().stream_info("READINGS")).state.bytes
    wanted = int(0.85 * limits.max_bytes / size)
    for i in range(wanted - 1):
        await log.append(frame(i + 1, 100), 0)

    # Above 80 % only what the history has goes, though the engine has passed all.
    assert await log.make_room(passed=wanted, kept=3) == 3
    assert await log.make_room(passed=wanted, kept=3) == 0
    assert vitals.counter("log_records_unkept") == 0

    # Above 95 % the readings that are to come count for more than those the history has not read.
    stored = wanted
    while (await client.jetstream().stream_info("READINGS")).state.bytes <= 0.95 * limits.max_bytes:
        stored = await log.append(frame(stored, 100), 0)
    removed = await log.make_room(passed=stored, kept=3)
    assert removed > 0
    assert vitals.counter("log_records_unkept") == removed
    assert "that the history had not read" in next(c.detail for c in vitals.components() if c.name == "log_reader")
    # What the engine has not evaluated never goes.
    first = await log.first_position()
    while (await client.jetstream().stream_info("READINGS")).state.bytes <= 0.95 * limits.max_bytes:
        stored = await log.append(frame(stored, 100), 0)
    assert await log.make_room(passed=first, kept=3) == 1


async def test_a_reader_that_comes_too_late_is_told(log: ReadingsLog, client: Client, vitals: WatchedVitals) -> None:
    await log.append_many([Entry(Tick(i)) for i in range(1, 11)])
    await client.jetstream().purge_stream("READINGS", seq=6)
    assert [p for p, _, _ in await everything(log, 2)] == [6, 7, 8, 9, 10]
    assert vitals.counter("log_records_lost") == 3
    assert ("log_reader", State.DEGRADED, "records 3 to 5 left the log before they were read") in vitals.reports
    assert len(await everything(log, 0)) == 5  # from wherever it begins: nothing is missed
    assert vitals.counter("log_records_lost") == 3


async def test_an_unreadable_record_is_skipped_and_counted(
    log: ReadingsLog, client: Client, vitals: WatchedVitals
) -> None:
    await log.append(Tick(1))
    for junk in (b"junk", b"", b"\x81\xa4kind\xa6martin"):
        await client.jetstream().publish("readings.tick", junk)
    await log.append(Tick(2))
    assert [p for p, _, _ in await everything(log)] == [1, 5]
    assert vitals.counter("log_unreadable") == 3


async def test_positions_go_on_behind_what_the_journal_has_seen(client: Client, vitals: WatchedVitals) -> None:
    log = ReadingsLog(client, LIMITS, vitals, clock)
    await log.open(beyond=500)
    assert await log.first_position() == 501
    assert await log.append(Tick(1)) == 501
    # A power cut took the log's last second, but the journal remembers 510.
    await log.open(beyond=510)
    assert await log.append(Tick(2)) == 511
    assert vitals.counter("log_records_lost") == 9
    assert [p for p, _, _ in await everything(log, 500)] == [501, 511]
    assert vitals.counter("log_unreadable") == 0


async def test_limits_can_be_changed(client: Client, vitals: WatchedVitals) -> None:
    for size in (2**20, 2**21):
        await ReadingsLog(client, replace(LIMITS, max_bytes=size), vitals, clock).open()
        assert (await client.jetstream().stream_info("READINGS")).config.max_bytes == size


async def test_the_tail_begins_at_a_time(log: ReadingsLog, monkeypatch: pytest.MonkeyPatch) -> None:
    await log.append(Tick(1))
    assert await log.tail(0) == [Tick(1)]
    assert await log.tail(clock() + 60_000) == []
    await log.append_many([Entry(Tick(i)) for i in range(2, 12)])
    monkeypatch.setattr("gateway.log.TAIL_RECORDS", 5)
    assert await log.tail(clock() - 60_000) == [Tick(i) for i in range(7, 12)]


async def test_an_oversized_record_is_refused_by_name(log: ReadingsLog) -> None:
    with pytest.raises(RecordTooLarge):
        await log.append_many([Entry(Tick(1)), Entry(frame(0, 100_000), 0)])
    assert await log.last_position() == 0


def test_only_frames_have_partitions() -> None:
    assert subject_of(frame(1), 5) == "readings.5"
    with pytest.raises(ValueError, match="needs a partition"):
        subject_of(frame(1), None)
    with pytest.raises(ValueError, match="nothing else"):
        subject_of(Tick(1), 5)
