"""Orders over real connections: what goes out, what comes back, and what becomes of the rest."""

import asyncio

import pytest

from community.clock import MINUTE, SECOND
from gateway.gb26875 import ordering as ordering_module
from gateway.gb26875 import orders
from gateway.gb26875.frame import Command, encode, reply
from gateway.gb26875.moments import BEIJING, write_moment
from gateway.gb26875.orders import Answer, Order
from gateway.gb26875.server import Gb26875Options
from gateway.inlet import Taken
from tests.gateway.gb26875.centre import TOPIC, centre
from tests.gateway.gb26875.frames import CENTRE, NOW, TRANSMITTER, frame, unit

CONFIRM, DENY = Command.CONFIRM, Command.DENY


async def test_a_clock_that_is_off_is_set_once() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame(serial=1, at=NOW - 10 * MINUTE), frame(serial=2, at=NOW - 10 * MINUTE))
        got = [await unit_.next() for _ in range(3)]
        (setting,) = [f for f in got if f.command == Command.CONTROL]
        assert setting.unit == b"\x5a\x01" + write_moment(NOW)
        assert (setting.source, setting.destination) == (CENTRE, TRANSMITTER)
        await unit_.send(reply(setting, CONFIRM, write_moment(NOW)))
        await c.vitals.until(lambda: c.vitals.counter("gb26875_orders", answer="confirmed") == 1)


@pytest.mark.parametrize(
    ("order", "data"),
    [
        (orders.set_clock(NOW, BEIJING), b"\x5a\x01" + write_moment(NOW)),
        (orders.guard_check(10), b"\x5b\x01\x0a"),
        (orders.read_state(), b"\x51\x01\x00"),
        (orders.read_time(), b"\x58\x01\x00"),
        (orders.read_system(1, 2), b"\x3d\x01\x01\x02"),
    ],
)
async def test_orders(order: Order, data: bytes) -> None:
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, order))
        asked = await unit_.next()
        assert (asked.command, asked.unit, asked.serial) == (order.command, data, 0)
        if order.command == Command.CONTROL:
            await unit_.send(reply(asked, CONFIRM, write_moment(NOW)))
            assert (await ordering).answer is Answer.CONFIRMED
        else:
            answer = asked._replace(source=TRANSMITTER, destination=CENTRE, command=Command.ANSWER, unit=b"\x15\1\1")
            await unit_.send(encode(answer))
            assert (await ordering).answer is Answer.ANSWERED
            assert c.pipe.put_in[-1] == (TOPIC, encode(answer)), "what it answers is data"


async def test_what_is_asked_is_told_in_plain_values_and_who_answers_the_guard_check_is_seen() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.read_time()))
        asked = await unit_.next()
        own = asked._replace(source=TRANSMITTER, destination=CENTRE)
        moment = write_moment(NOW + MINUTE)
        await unit_.send(encode(own._replace(command=Command.ANSWER, unit=b"\x1c\1" + moment)))
        assert (await ordering).said == ({"kind": "transmitter_time", "at": NOW + MINUTE},)
        (seen,) = c.server.transmitters()
        assert (seen.address, seen.heard, seen.online, seen.connected, seen.attended) == (
            TRANSMITTER, NOW, True, True, None,
        )  # fmt: skip
        c.now += SECOND
        c.pipe.answers = {TOPIC: Taken(0)}  # it has nothing for the log
        await unit_.send(frame(unit(24, b"\x20\0" + moment), serial=5))
        await unit_.answers(1)
        c.now += SECOND
        await unit_.send(frame(unit(24, b"\x10\0" + moment), serial=6))
        await unit_.answers(1)
        (seen,) = c.server.transmitters()
        assert (seen.heard, seen.attended) == (NOW + 2 * SECOND, NOW + SECOND)


async def test_more_orders_than_can_wait_are_told_apart_from_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering_module, "MAX_PENDING", 1)
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        first = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(1)))
        asked = await unit_.next()
        assert (await c.server.order(TRANSMITTER, orders.read_time())).answer is Answer.BUSY
        assert (await c.server.order(TRANSMITTER + 1, orders.read_time())).answer is Answer.ABSENT
        await unit_.send(reply(asked, CONFIRM, write_moment(NOW)))
        assert (await first).answer is Answer.CONFIRMED


async def test_an_order_is_repeated_three_times() -> None:
    async with centre(Gb26875Options(reply_s=0.02)) as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        asked = [await unit_.next() for _ in range(4)]
        assert {(f.serial, f.unit) for f in asked} == {(0, b"\x5b\x01\x0a")}
        assert (await ordering).answer is Answer.SILENT
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        for _ in range(4):
            await unit_.send(reply(await unit_.next(), DENY, write_moment(NOW)))
        assert (await ordering).answer is Answer.DENIED


async def test_an_order_to_one_who_leaves_is_not_waited_for_for_ever() -> None:
    async with centre(Gb26875Options(reply_s=0.02)) as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        await unit_.next()
        unit_.leave()
        assert (await ordering).answer in (Answer.ABSENT, Answer.SILENT)


async def test_a_confirmation_of_nothing_or_by_another_is_counted_and_no_more() -> None:
    async with centre() as c:
        unit_, other = await c.unit(), await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        asked = await unit_.next()
        await other.send(reply(asked, CONFIRM, write_moment(NOW)))
        await c.vitals.until(lambda: c.vitals.counter("gb26875_unexpected") == 1)
        assert not ordering.done()
        await unit_.send(reply(asked, CONFIRM, write_moment(NOW)))
        assert (await ordering).answer is Answer.CONFIRMED
