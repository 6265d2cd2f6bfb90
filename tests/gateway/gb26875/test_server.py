"""The server with real connections, and an inlet that does what the test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from community.clock import MINUTE, SECOND
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.refusal import Reason
from gateway.admission import Admission
from gateway.decoding.native import NATIVE
from gateway.gb26875 import orders
from gateway.gb26875.frame import Command, Frame, Splitter, encode, reply
from gateway.gb26875.moments import BEIJING, read_moment, write_moment
from gateway.gb26875.orders import Answer, Order
from gateway.gb26875.server import Gb26875Options, Gb26875Server
from gateway.gb26875.session import Patience
from gateway.ingest import Ingest
from gateway.inlet import Inlet, Taken
from tests.gateway.conftest import WatchedVitals
from tests.gateway.gb26875.frames import CENTRE, NOW, TRANSMITTER, component_state, fire, frame, unit
from tests.gateway.gb26875.test_codec import profile
from tests.gateway.test_ingest import FakeLink, FakeLog, FakeQuarantine

UNKNOWN = Taken(0, ((Reason.UNKNOWN_DEVICE, "no such device"),))
TOPIC = f"gb26875/{TRANSMITTER}"


@dataclass
class Pipe:
    """Stands for the inlet."""

    put_in: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[str, Taken] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def put(self, topic: str, payload: bytes) -> Taken:
        """As `Inlet.put`."""
        self.put_in.append((topic, payload))
        self.changed.set()
        await self.open.wait()
        return self.answers.get(topic, Taken(1))


class Unit:
    """A transmission unit: what it sends, and the frames it gets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = Splitter()
        self._frames: list[Frame] = []

    async def send(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def next(self) -> Frame:
        """The next frame that comes."""
        async with asyncio.timeout(10):
            while not self._frames:
                data = await self._reader.read(4_096)
                assert data, "the server closed the connection"
                self._frames += self._splitter.feed(data)
        return self._frames.pop(0)

    async def answers(self, count: int) -> list[tuple[int, int]]:
        """Serial number and command of the next frames."""
        frames = [await self.next() for _ in range(count)]
        return [(f.serial, f.command) for f in frames]

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        async with asyncio.timeout(10):
            try:
                while await self._reader.read(4_096):
                    pass
            except ConnectionError:
                pass

    def leave(self) -> None:
        """Break the connection."""
        self._writer.transport.abort()


class Centre:
    """A server, a pipe behind it, a clock that goes when it is told to, and units."""

    def __init__(self, options: Gb26875Options) -> None:
        self.now = NOW
        self.pipe = Pipe()
        self.vitals = WatchedVitals()
        self.pauses: list[float] = []
        self.server = Gb26875Server(self.pipe.put, lambda: self.now, self.vitals, options, sleep=self._sleep)
        self._units: list[Unit] = []

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += round(seconds * SECOND)

    async def unit(self) -> Unit:
        """A new connection."""
        one = Unit(*await asyncio.open_connection("127.0.0.1", self.server.port))
        self._units.append(one)
        return one

    async def until_put(self, count: int) -> None:
        """Wait until so many messages have come to the inlet."""
        async with asyncio.timeout(10):
            while len(self.pipe.put_in) < count:
                self.pipe.changed.clear()
                await self.pipe.changed.wait()

    def leave(self) -> None:
        """Break all connections."""
        for one in self._units:
            one.leave()


@asynccontextmanager
async def centre(options: Gb26875Options | None = None) -> AsyncIterator[Centre]:
    """A running one."""
    it = Centre(options or Gb26875Options())
    async with it.server:
        yield it
        it.leave()


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
        assert await c.server.order(TRANSMITTER, orders.read_state()) is Answer.ABSENT
        assert all(not t.endswith("/link") for t, _ in c.pipe.put_in)


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
            assert await ordering is Answer.CONFIRMED
        else:
            answer = asked._replace(source=TRANSMITTER, destination=CENTRE, command=Command.ANSWER, unit=b"\x15\1\1")
            await unit_.send(encode(answer))
            assert await ordering is Answer.ANSWERED
            assert c.pipe.put_in[-1] == (TOPIC, encode(answer)), "what it answers is data"


async def test_an_order_is_repeated_three_times() -> None:
    async with centre(Gb26875Options(reply_s=0.02)) as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        asked = [await unit_.next() for _ in range(4)]
        assert {(f.serial, f.unit) for f in asked} == {(0, b"\x5b\x01\x0a")}
        assert await ordering is Answer.SILENT
    async with centre() as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        for _ in range(4):
            await unit_.send(reply(await unit_.next(), DENY, write_moment(NOW)))
        assert await ordering is Answer.DENIED


async def test_an_order_to_one_who_leaves_is_not_waited_for_for_ever() -> None:
    async with centre(Gb26875Options(reply_s=0.02)) as c:
        unit_ = await c.unit()
        await unit_.send(frame())
        await unit_.next()
        ordering = asyncio.create_task(c.server.order(TRANSMITTER, orders.guard_check(10)))
        await unit_.next()
        unit_.leave()
        assert await ordering in (Answer.ABSENT, Answer.SILENT)


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
        assert await ordering is Answer.CONFIRMED


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
