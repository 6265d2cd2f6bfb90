"""Parts of the server that need no connection: transmitters, allowances, intake, a peer that does not read."""

import asyncio

import pytest

from community.vitals import Vitals
from gateway.gb26875.frame import Frame, Splitter
from gateway.gb26875.intake import MOST_WAITING, Intake, Verdict
from gateway.gb26875.orders import guard_check
from gateway.gb26875.session import Allowance, Patience, Session
from gateway.gb26875.transmitters import CLOCK_SET_EVERY, Transmitters
from gateway.inlet import Taken
from tests.gateway.gb26875.frames import NOW, fire


def a_frame(serial: int = 0) -> Frame:
    """A fire, read."""
    (one,) = Splitter().feed(fire(serial=serial))
    return one


def test_transmitters_come_and_go() -> None:
    known = Transmitters(silence=90_000)
    assert known.heard(1, NOW)
    assert not known.heard(1, NOW + 50_000)
    assert known.heard(2, NOW + 60_000)
    assert known.gone(NOW + 140_000) == []
    assert known.gone(NOW + 140_001) == [1]
    assert known.gone(NOW + 300_000) == [2]
    assert known.heard(1, NOW + 300_000)
    assert (1 in known, 3 in known, len(known)) == (True, False, 2)


def test_a_clock_that_goes_backwards_makes_nobody_younger() -> None:
    known = Transmitters(silence=90_000)
    known.heard(1, NOW)
    known.heard(1, NOW - 1_000_000)
    assert known.gone(NOW + 90_000) == []


def test_transmitters_are_bounded() -> None:
    known = Transmitters(silence=90_000, most=2)
    for t in (1, 2, 1, 3):
        known.heard(t, NOW)
    assert (1 in known, 2 in known, 3 in known, known.forgotten) == (True, False, True, 1)


def test_serial_numbers_go_round() -> None:
    known = Transmitters(silence=90_000)
    known.heard(1, NOW)
    assert [known.next_serial(1) for _ in range(3)] == [0, 1, 2]
    assert [known.next_serial(1) for _ in range(65_534)][-2:] == [65_535, 0]
    assert known.next_serial(9) == 0


def test_a_clock_is_set_once_an_hour() -> None:
    known = Transmitters(silence=90_000)
    assert not known.may_set_clock(1, NOW)
    known.heard(1, NOW)
    assert known.may_set_clock(1, NOW)
    assert not known.may_set_clock(1, NOW + CLOCK_SET_EVERY - 1)
    assert known.may_set_clock(1, NOW + CLOCK_SET_EVERY)


def test_an_allowance() -> None:
    allowance = Allowance(per_s=10, burst=20, now=NOW)
    assert allowance.take(20, NOW) == 0
    assert allowance.take(5, NOW) == pytest.approx(0.5)
    assert allowance.take(0, NOW + 500) == pytest.approx(0)
    assert allowance.take(20, NOW + 1_000_000) == 0, "no more than the burst is saved up"
    assert allowance.take(1, NOW) == pytest.approx(0.1), "a clock that goes backwards gives nothing"


@pytest.mark.parametrize("minutes", [0, -1, 256])
def test_minutes_of_a_guard_check(minutes: int) -> None:
    with pytest.raises(ValueError, match="1 to 255"):
        guard_check(minutes)


async def test_the_intake_is_bounded() -> None:
    gate = asyncio.Event()
    begun = []

    async def put(topic: str, payload: bytes) -> Taken:
        begun.append(topic)
        await gate.wait()
        return Taken(1)

    intake = Intake(put, lambda: NOW, Vitals())
    frames = [a_frame(n) for n in range(MOST_WAITING + 2)]
    takes = [asyncio.create_task(intake.take(f)) for f in (*frames, frames[-1])]
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(begun) == MOST_WAITING
    gate.set()
    assert set(await asyncio.gather(*takes)) == {Verdict(good=True, known=True)}
    assert len(begun) == MOST_WAITING + 2


async def test_what_is_on_its_way_when_the_server_stops_is_given_up() -> None:
    async def put(topic: str, payload: bytes) -> Taken:
        await asyncio.Event().wait()
        return Taken(1)

    intake = Intake(put, lambda: NOW, Vitals())
    intake.tell(7_001, online=True)
    taking = asyncio.create_task(intake.take(a_frame()))
    for _ in range(3):
        await asyncio.sleep(0)
    await intake.close()
    with pytest.raises(asyncio.CancelledError):
        await taking
    await intake.close()


class _DeafTransport:
    def __init__(self) -> None:
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return 10**6

    def abort(self) -> None:
        self.aborted = True


class _DeafWriter:
    def __init__(self) -> None:
        self.transport = _DeafTransport()

    def is_closing(self) -> bool:
        return self.transport.aborted


async def test_a_peer_that_reads_no_answers_is_cut_off() -> None:
    async def never(_: float) -> None:
        raise AssertionError

    async def handle(_session: Session, _frame: Frame) -> None:
        raise AssertionError

    writer, vitals = _DeafWriter(), Vitals()
    session = Session(
        asyncio.StreamReader(), writer, Splitter(), handle, lambda f: f.time, Patience(), lambda: NOW, vitals, never,  # type: ignore[arg-type]  # a writer of two methods
    )  # fmt: skip
    assert not session.write(b"x")
    assert not session.write(b"x")
    assert vitals.counter("gb26875_deaf") == 1
