"""Quarantine at a real broker."""

import asyncio

import pytest
from nats.aio.client import Client

from community.refusal import PAYLOAD_KEPT, Reason, Refusal
from gateway.broker.server import BrokerServer
from gateway.refusal_log import KEPT_PER_DEVICE, RefusalLog, subject_of
from tests.gateway.conftest import PATIENCE_S, WatchedVitals


@pytest.fixture
async def quarantine(client: Client, vitals: WatchedVitals) -> RefusalLog:
    opened = RefusalLog(client, vitals)
    await opened.open()
    await opened.open()  # as at every later start
    return opened


async def stored(client: Client, count: int) -> None:
    """Wait until the broker has stored `count` refusals; nobody is told, since nobody waits for a receipt."""
    async with asyncio.timeout(PATIENCE_S):
        while (await client.jetstream().stream_info("QUARANTINE")).state.last_seq < count:  # noqa: ASYNC110  # in another process
            await asyncio.sleep(0.01)


def refusal(at: int, device: str | None = "d1", topic: str = "t", payload: bytes = b"{") -> Refusal:
    return Refusal(
        at=at, device=device, topic=topic, reason=Reason.NOT_JSON, detail="why", payload=payload, size=len(payload)
    )


async def test_the_last_ten_of_a_device_newest_first(quarantine: RefusalLog, client: Client) -> None:
    await quarantine.put([refusal(i) for i in range(25)] + [refusal(100, "d2")])
    await stored(client, 26)
    assert await quarantine.last("d1", 100) == [refusal(i) for i in range(24, 24 - KEPT_PER_DEVICE, -1)]
    assert await quarantine.last("d1", 2) == [refusal(24), refusal(23)]
    assert await quarantine.last("d2", 5) == [refusal(100, "d2")]
    assert await quarantine.last("d3", 5) == []


async def test_the_newest_of_all(quarantine: RefusalLog, client: Client) -> None:
    assert await quarantine.last(None, 5) == []
    strangers = [refusal(i, None, f"somewhere/{i}") for i in range(5)]
    # d1's repetitions leave holes in the stream, behind which the strangers' must still be found.
    await quarantine.put([*strangers, *(refusal(10 + i) for i in range(200))])
    await stored(client, 205)
    assert await quarantine.last(None, 3) == [refusal(209), refusal(208), refusal(207)]
    found = await quarantine.last(None, 50)
    assert found == [*(refusal(i) for i in range(209, 199, -1)), *reversed(strangers)]


async def test_long_payloads_are_cut(quarantine: RefusalLog, client: Client) -> None:
    await quarantine.put([refusal(1, payload=bytes(1_000_000))])
    await stored(client, 1)
    (kept,) = await quarantine.last("d1", 1)
    assert len(kept.payload) == PAYLOAD_KEPT
    assert kept.size == 1_000_000


async def test_without_a_broker_they_are_counted_and_nobody_waits(
    quarantine: RefusalLog, broker: BrokerServer, vitals: WatchedVitals
) -> None:
    await broker.stop()
    await vitals.until(lambda: vitals.counter("nats_disconnects") == 1)
    async with asyncio.timeout(1):
        await quarantine.put([refusal(1), refusal(2)])
    assert vitals.counter("quarantine_lost") == 2


@pytest.mark.parametrize("device", ["a.b", "*", ">", "", "a b", "_unknown"])
async def test_a_name_that_cannot_be_a_device_is_not_asked_for(quarantine: RefusalLog, device: str) -> None:
    with pytest.raises(ValueError, match="not a device id"):
        await quarantine.last(device, 1)


def test_strange_devices_never_become_subjects() -> None:
    for device in ("a.b", "*", ">", "", "x\r\nPUB"):
        assert subject_of(refusal(1, device)).startswith("quarantine._unknown.")
