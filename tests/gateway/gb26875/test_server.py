"""The server with real connections, and an inlet that does what the test wants."""

import asyncio

import pytest

from community.clock import MINUTE, SECOND
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.refusal import Reason
from gateway.admission import Admission
from gateway.decoding.native import NATIVE
from gateway.gb26875 import orders
from gateway.gb26875.frame import Command
from gateway.gb26875.moments import read_moment
from gateway.gb26875.orders import Answer
from gateway.gb26875.server import Gb26875Options, Gb26875Server
from gateway.gb26875.session import Patience
from gateway.ingest import Ingest
from gateway.inlet import Inlet, Taken
from tests.gateway.conftest import WatchedVitals
from tests.gateway.gb26875.centre import TOPIC, UNKNOWN, Centre, Unit, centre
from tests.gateway.gb26875.frames import CENTRE, NOW, TRANSMITTER, component_state, fire, frame, unit
from tests.gateway.gb26875.test_codec import profile
from tests.gateway.test_ingest import FakeLink, FakeLog, FakeQuarantine

CONFIRM, DENY = Command.CONFIRM, Command.DENY


async def test_a_frame_is_confirmed_when_it_is_in_the_log_and_not_before() -> None:
    async with centre() as c:
        c.pipe.open.clear()
        unit_ = await c.unit()
        await unit_.send(fire(serial=7))
        await c.until_put(1)
        assert c.pipe.put_in == [(TOPIC, fire(serial=7))]
        # Nothing was said meanwhile: the first that comes is the answer to a broken frame sent after it.
        await unit_.send(fire(serial=8)[:-3] + b"\xee##")
        assert await unit_.answers(1) == [(8, DENY)]
        c.pipe.open.set()
        answer = await unit_.next()
        assert (answer.serial, answer.command, answer.source, answer.destination) == (7, CONFIRM, CENTRE, TRANSMITTER)
        assert read_moment(answer.time) == c.now


async def test_pieces_sticky_frames_garbage_and_half_frames() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        data = b"\x00@@\xff##" + fire(1, serial=1) + fire(2, serial=2) + b"noise" + fire(3, serial=3)
        await unit_.send(*(data[i : i + 1] for i in range(len(data))))
        await unit_.send(fire(4, serial=4)[:50] + fire(5, serial=5) + fire(6, serial=6))
        answers = await unit_.answers(5)
        assert answers == [(n, CONFIRM) for n in (1, 2, 3, 5, 6)]
        assert [topic for topic, _ in c.pipe.put_in if topic == TOPIC] == [TOPIC] * 5
        assert c.vitals.counter("gb26875_skipped_bytes") > 0


async def test_a_length_that_lies_hides_nothing_for_long() -> None:
    async with centre(Gb26875Options(patience=Patience(half_frame_s=0.05))) as c:
        unit_ = await c.unit()
        lying = bytearray(fire(serial=1))
        lying[24:26] = (1_000).to_bytes(2, "little")
        await unit_.send(bytes(lying) + fire(serial=2))
        assert await unit_.answers(1) == [(2, CONFIRM)]
        assert c.vitals.counter("gb26875_half_frames") == 1


async def test_what_is_refused_is_denied_and_may_come_again() -> None:
    async with centre() as c:
        c.pipe.answers = {TOPIC: Taken(0, ((Reason.OUT_OF_RANGE, "..."),))}
        unit_ = await c.unit()
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, DENY)]
        c.pipe.answers.clear()
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, CONFIRM)]


async def test_a_repetition_is_confirmed_again_and_not_taken_twice() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, CONFIRM)]
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, CONFIRM)]
        other = await c.unit()
        await other.send(fire(serial=1))
        assert await other.answers(1) == [(1, CONFIRM)]
        assert [topic for topic, _ in c.pipe.put_in].count(TOPIC) == 1
        c.now += 2 * MINUTE
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, CONFIRM)]
        assert [topic for topic, _ in c.pipe.put_in].count(TOPIC) == 2, "the serial number has come round"


async def test_repetitions_while_the_log_is_away_wait_with_the_first() -> None:
    async with centre() as c:
        c.pipe.open.clear()
        first, second = await c.unit(), await c.unit()
        await first.send(fire(serial=1))
        await c.until_put(1)
        await first.send(fire(serial=1))
        first.leave()
        await second.send(fire(serial=1))
        await c.vitals.until(lambda: c.vitals.counter("gb26875_repeated") == 2)
        c.pipe.open.set()
        assert await second.answers(1) == [(1, CONFIRM)]
        assert [topic for topic, _ in c.pipe.put_in].count(TOPIC) == 1


async def test_a_serial_number_that_stands_still_hides_nothing() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        for state in (3, 1, 2):
            await unit_.send(frame(unit(2, component_state(state))))
        await unit_.send(frame(), frame())
        assert await unit_.answers(5) == [(0, CONFIRM)] * 5
        assert [topic for topic, _ in c.pipe.put_in].count(TOPIC) >= 4


async def test_a_frame_goes_on_its_way_also_when_the_connection_is_lost() -> None:
    async with centre() as c:
        c.pipe.open.clear()
        unit_ = await c.unit()
        await unit_.send(fire(serial=1))
        await c.until_put(1)
        unit_.leave()
        await c.vitals.until(lambda: c.vitals.counter("gb26875_frames") == 1)
        c.pipe.open.set()
        await c.vitals.until(lambda: c.vitals.counter("gb26875_taken") == 1)


async def test_twenty_alarms_at_once() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(b"".join(fire(n, serial=n) for n in range(20)))
        assert sorted(await unit_.answers(20)) == [(n, CONFIRM) for n in range(20)]
        assert [p for t, p in c.pipe.put_in if t == TOPIC] == [fire(n, serial=n) for n in range(20)], "in order"


async def test_who_sends_too_much_is_read_more_slowly_and_loses_nothing() -> None:
    async with centre(Gb26875Options(patience=Patience(frames_per_s=2, burst=10))) as c:
        unit_ = await c.unit()
        await unit_.send(*(fire(n, serial=n) for n in range(60)))
        assert sorted(await unit_.answers(60)) == [(n, CONFIRM) for n in range(60)]
        assert sum(c.pauses) == pytest.approx(25, abs=0.1)
        assert c.vitals.counter("gb26875_slowed") == len(c.pauses)


async def test_a_trickle_is_cut_off_and_costs_nobody_else() -> None:
    async with centre(Gb26875Options(patience=Patience(half_frame_s=0.05, idle_s=0.2))) as c:
        slow, good = await c.unit(), await c.unit()
        await slow.send(b"@@\x01")
        await good.send(fire(serial=1))
        assert await good.answers(1) == [(1, CONFIRM)]
        await slow.closed()


@pytest.mark.parametrize("noise", [b"@" * 5_000, b"\0" * 5_000, b"@@##" * 1_250, b"GET / HTTP/1.1\r\n\r\n" * 200])
async def test_noise_is_outlived(noise: bytes) -> None:
    async with centre(Gb26875Options(patience=Patience(half_frame_s=0.05))) as c:
        unit_ = await c.unit()
        await unit_.send(noise, fire(serial=1))
        frames = [await unit_.next()]
        while frames[-1].serial != 1:
            frames.append(await unit_.next())
        assert frames[-1].command == CONFIRM


async def test_orders_and_reserved_commands_from_a_unit_are_denied_and_private_ones_taken() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        for serial, command in enumerate((0, Command.CONTROL, Command.REQUEST, 7, 127, 128, 255)):
            await unit_.send(frame(unit(21, b"\1"), serial=serial, command=command))
        assert sorted(await unit_.answers(7)) == [(n, DENY) for n in range(5)] + [(5, CONFIRM), (6, CONFIRM)]


async def test_an_alarm_of_somebody_not_entered_is_the_transmitter_s() -> None:
    async with centre() as c:
        c.pipe.answers = {TOPIC: UNKNOWN}
        unit_ = await c.unit()
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, CONFIRM)]
        assert [t for t, _ in c.pipe.put_in][:2] == [TOPIC, f"{TOPIC}/unlisted"]
        c.pipe.answers = {TOPIC: UNKNOWN, f"{TOPIC}/unlisted": UNKNOWN}
        await unit_.send(fire(serial=2))
        assert await unit_.answers(1) == [(2, DENY)], "the transmitter itself is a stranger"


async def test_a_transmitter_that_falls_silent_is_offline_until_it_is_heard_again() -> None:
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame(serial=1))
        assert await unit_.answers(1) == [(1, CONFIRM)]
        c.now += 90 * SECOND
        c.server.look()
        c.now += SECOND
        c.server.look()
        c.server.look()
        await c.until_put(2)
        await unit_.send(fire(serial=2, at=c.now))
        assert await unit_.answers(1) == [(2, CONFIRM)]
        await c.until_put(4)
        said = [(t, p) for t, p in c.pipe.put_in if t.endswith("/link")]
        assert said == [(f"{TOPIC}/link", b'{"online": 0}'), (f"{TOPIC}/link", b'{"online": 1}')]


async def test_a_stranger_is_not_watched() -> None:
    async with centre() as c:
        c.pipe.answers = {TOPIC: UNKNOWN, f"{TOPIC}/unlisted": UNKNOWN}
        unit_ = await c.unit()
        await unit_.send(fire(serial=1))
        assert await unit_.answers(1) == [(1, DENY)]
        c.pipe.answers = {TOPIC: Taken(0)}
        await unit_.send(frame(b"\xc8\1\2", serial=2))
        assert await unit_.answers(1) == [(2, CONFIRM)], "a private type has nothing for us"
        c.now += 10 * MINUTE
        c.server.look()
        assert (await c.server.order(TRANSMITTER, orders.read_state())).answer is Answer.ABSENT
        assert all(not t.endswith("/link") for t, _ in c.pipe.put_in)


async def test_when_it_is_full_who_has_brought_nothing_makes_room() -> None:
    async with centre(Gb26875Options(max_sessions=2)) as c:
        idle, good = await c.unit(), await c.unit()
        await good.send(fire(serial=1))
        assert await good.answers(1) == [(1, CONFIRM)]
        third = await c.unit()
        await idle.closed()
        await third.send(fire(serial=2))
        assert await third.answers(1) == [(2, CONFIRM)]
        await (await c.unit()).closed()
        await good.send(fire(serial=3))
        assert await good.answers(1) == [(3, CONFIRM)]
        assert c.vitals.counter("gb26875_sessions_refused") == 2


async def test_a_port_that_is_taken_is_told() -> None:
    async with centre() as c:
        other = Centre(Gb26875Options(port=c.server.port))
        with pytest.raises(OSError, match="in use"):
            await other.server.__aenter__()
        assert [x.name for x in other.vitals.components()] == ["gb26875"]


async def test_an_alarm_reaches_the_log_through_the_real_ingest() -> None:
    estate = Estate(
        place=(Place(id="c0", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h0", place="c0"),),
        device=(
            Device(id="unit", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7001"),
            Device(id="hall", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7001/1-1/3.9"),
        ),
    )
    vitals, log, quarantine = WatchedVitals(), FakeLog(), FakeQuarantine()
    inlet = Inlet(lambda: NOW, vitals)
    admission = Admission(estate, profiles={NATIVE.name: NATIVE, "gb26875": profile()})
    ingest = Ingest(FakeLink(), admission, log, quarantine, vitals, lambda: NOW, run_id="run", inlet=inlet)
    running = asyncio.create_task(ingest.run())
    try:
        async with Gb26875Server(inlet.put, lambda: NOW, vitals) as server:
            unit_ = Unit(*await asyncio.open_connection("127.0.0.1", server.port))
            await unit_.send(fire(9, serial=1))
            assert await unit_.answers(1) == [(1, CONFIRM)]
            await unit_.send(fire(10, serial=2))
            assert await unit_.answers(1) == [(2, CONFIRM)]
            await unit_.send(frame(unit(2, component_state(0x0001, point=11)), serial=3))
            assert await unit_.answers(1) == [(3, CONFIRM)]
            for serial, state in ((4, 0x0001), (5, 0x0003)):
                await unit_.send(frame(unit(2, component_state(state)), serial=serial, source=7_002))
                assert await unit_.answers(1) == [(serial, DENY)]
            unit_.leave()
        said = log.values()
        assert {"smoke_alarm": 1, "fault": 0, "mute": 0, "power_lost": 0} in said
        assert {"fire_alarm": 1, "online": 1} in said
        assert {r.reason for r in quarantine.refusals} == {Reason.UNKNOWN_DEVICE}
    finally:
        running.cancel()
        await asyncio.wait([running])
