"""The feed by itself: once and in order for everyone, whatever the viewer and the journal do."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from api import feed as feeds
from api.feed import Feed
from api.models import Feed as FeedModel
from community.severity import Severity
from community.vitals import State
from tests.api.house import House

Event = tuple[str, int, Any]


def frames(chunk: bytes) -> list[Event]:
    """The SSE frames in a chunk as (event, id, data); comments are left out."""
    found = []
    for frame in chunk.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
    return found


class Viewer:
    """Somebody who reads frame by frame, no faster than asked."""

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks
        self._waiting: list[Event] = []

    async def next(self) -> Event:
        """The next frame."""
        async with asyncio.timeout(10):
            while not self._waiting:
                self._waiting = frames(await anext(self._chunks))
        return self._waiting.pop(0)

    async def numbers(self, count: int) -> list[int]:
        """The numbers of the next events."""
        return [(await self.next())[1] for _ in range(count)]


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[Feed]:
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        feed.close()
        async with asyncio.timeout(10):
            await task


@asynccontextmanager
async def watching(feed: Feed, after: int | None = None) -> AsyncIterator[Viewer]:
    async with aclosing(feed.follow(after)) as chunks:
        yield Viewer(chunks)


async def test_begins_with_the_present_and_tells_what_happens(house: House) -> None:
    house.find(house=1)
    async with running(house.feed) as feed, watching(feed) as viewer:
        kind, number, data = await viewer.next()
        assert (kind, number, data["last"]) == ("hello", 1, 1)
        [event] = house.find(house=2)
        kind, number, data = await viewer.next()
        assert (kind, number) == ("alert", 2)
        assert data["event"]["alert"] == data["alert"]["id"] == event.alert
        FeedModel.model_validate(data)


async def test_resumes_behind_the_last_event_seen(house: House) -> None:
    for i in range(5):
        house.find(house=i)
    async with running(house.feed) as feed, watching(feed, after=2) as viewer:
        assert (await viewer.next())[0] == "hello"
        assert await viewer.numbers(3) == [3, 4, 5]
        house.find(house=7)
        assert await viewer.numbers(1) == [6]


async def test_no_gap_and_no_double_where_history_meets_the_present(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 3)
    for i in range(10):
        house.find(house=i)
    async with running(house.feed) as feed, watching(feed, after=0) as viewer:
        await viewer.next()
        seen: list[int] = []
        for i in range(30):  # more happens with every step of the catching up
            seen += await viewer.numbers(1)
            if i < 20:
                house.find(house=i % 10, severity=Severity.CRITICAL if i < 10 else Severity.WARNING)
        assert seen == list(range(1, 31))


async def test_slow_viewer_is_cut_off_and_the_others_are_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "RING", 4)
    house.open_window()
    async with running(house.feed) as feed, watching(feed) as slow, watching(feed) as quick:
        await slow.next()
        await quick.next()
        house.find(house=0)
        assert await slow.numbers(1) == [1]
        assert await quick.numbers(1) == [1]
        for i in range(1, 9):
            house.find(house=i)
            assert await quick.numbers(1) == [i + 1]
        kind, number, _ = await slow.next()
        assert (kind, number) == ("resync", 9)
        with pytest.raises(StopAsyncIteration):
            await slow.next()
        assert house.vitals.counter("feed_cut_off") == 1
        house.find(house=10)
        assert await quick.numbers(1) == [10]


async def test_a_number_that_was_never_given_leads_to_a_resync(house: House) -> None:
    house.find()
    async with running(house.feed) as feed, watching(feed, after=99) as viewer:
        kind, number, _ = await viewer.next()
        assert (kind, number) == ("resync", 1)
        with pytest.raises(StopAsyncIteration):
            await viewer.next()


async def test_silence_is_filled_with_signs_of_life(house: House) -> None:
    house.keep_alive_s = 0.01
    house.open_window()
    async with running(house.feed) as feed, aclosing(feed.follow(None)) as chunks:
        async with asyncio.timeout(10):
            while await anext(chunks) != feeds.KEEP_ALIVE:
                pass


async def test_another_process_wrote_and_nobody_rang(house: House) -> None:
    feed = Feed(house.journal, lambda: house.estate, house.vitals, house.clock, poll_s=0.01)
    async with running(feed), watching(feed) as viewer:
        await viewer.next()
        house.find()  # rings the house's own feed, not this one
        assert await viewer.numbers(1) == [1]


async def test_cut_journal_is_reported_and_what_was_missed_comes_later(house: House) -> None:
    feed = Feed(house.journal, lambda: house.estate, house.vitals, house.clock, poll_s=0.01, keep_alive_s=0.01)
    async with running(feed), watching(feed) as viewer:
        await viewer.next()
        house.find()
        house.journal.cut = True
        await asyncio.to_thread(house.vitals.wait_for, lambda: house.vitals.is_in("feed", State.DEGRADED))
        house.journal.cut = False
        assert await viewer.numbers(1) == [1]


async def test_closing_ends_every_stream_at_once(house: House) -> None:
    async with running(house.feed) as feed, watching(feed) as viewer:
        await viewer.next()
        assert feed.viewers == 1
        waiting = asyncio.ensure_future(viewer.next())
        feed.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
    assert feed.viewers == 0


def test_waking_a_feed_that_does_not_run_is_harmless(house: House) -> None:
    house.feed.wake()
    house.feed.close()
    assert house.feed.viewers == 0
