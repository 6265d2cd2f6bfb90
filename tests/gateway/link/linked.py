"""A running link to a broker that does what the test wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from community.vitals import State, Vitals
from gateway.link.link import Batch, Link
from gateway.link.options import LinkOptions
from tests.gateway.link.fake_broker import FakeBroker, fake_broker
from tests.gateway.village import NOW


@asynccontextmanager
async def linked(
    *,
    keep_alive_s: int = 30,
    max_held_messages: int = 20_000,
    max_held_bytes: int = 2**20,
    timeout_s: float = 5,
    filters: tuple[str, ...] = ("mingluo/v1/#",),
    former: tuple[str, ...] = (),
    whose: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Link, FakeBroker, Vitals]]:
    """A running link to a fake broker."""
    vitals = Vitals()
    async with fake_broker() as broker:
        options = LinkOptions(
            host="127.0.0.1",
            port=broker.port,
            back_off_s=0.001,
            max_back_off_s=0.01,
            wake_s=0.001,
            keep_alive_s=keep_alive_s,
            max_held_messages=max_held_messages,
            max_held_bytes=max_held_bytes,
            topic_filters=filters,
            former_filters=former,
            timeout_s=timeout_s,
        )
        link = Link(options, lambda: NOW, vitals, whose=lambda f: (whose or {}).get(f, ""))
        running = asyncio.create_task(link.run())
        try:
            yield link, broker, vitals
        finally:
            running.cancel()
            await asyncio.wait([running])


async def one(link: Link) -> Batch:
    """The next batch."""
    async with asyncio.timeout(5):
        return await anext(aiter(link.batches()))


def arrived(vitals: Vitals, count: int) -> bool:
    """Whether so many messages have come."""
    return vitals.counter("link_messages") == count


def component(vitals: Vitals, name: str = "link") -> tuple[State, str]:
    """State and detail of the link, or of its subscriptions."""
    (found,) = (c for c in vitals.components() if c.name == name)
    return found.state, found.detail
