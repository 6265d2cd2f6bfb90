"""Orders to a transmission unit, from the command line to the unit and back, through a whole system."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from api.problems import Unavailable
from community.database import metadata, open_database
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.transmitter_orders import TransmitterOrders, transmitter_order
from gateway.gb26875.frame import Command, Frame, Splitter, encode, reply
from gateway.gb26875.moments import BEIJING, write_moment
from mingluo.behind_transmitters import BehindTransmitters
from mingluo.cli import app
from mingluo.settings import Settings
from mingluo.system import system, wall_clock
from tests.gateway.gb26875.centre import Centre, centre
from tests.gateway.gb26875.frames import TRANSMITTER, fire, unit

DEVICES = (
    Device(id="unit", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7001"),
    Device(id="hall", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7001/1-1/3.9"),
    Device(id="away", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7002"),
    Device(id="other", household="h0", kind=DeviceKind.SMOKE, profile="tasmota", address="7003"),
)
ESTATE = Estate(
    place=(Place(id="c0", kind=PlaceKind.COMMUNITY),), household=(Household(id="h0", place="c0"),), device=DEVICES
)


class Unit:
    """A unit that reports once, and answers orders as it is told to: with frames, or with silence (no frames)."""

    def __init__(self, port: int, answers: Callable[[Frame], list[bytes]]) -> None:
        self._port = port
        self._answers = answers
        self.asked: list[bytes] = []

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """The connection; it is known to the system when the block begins."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        taken = asyncio.Event()
        answering = asyncio.create_task(self._answer(reader, writer, taken))
        writer.write(fire(at=wall_clock()))
        async with asyncio.timeout(30):
            await taken.wait()
        try:
            yield
        finally:
            answering.cancel()
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taken: asyncio.Event) -> None:
        splitter = Splitter()
        while data := await reader.read(4_096):
            for frame in splitter.feed(data):
                if frame.command == Command.CONFIRM:
                    taken.set()
                else:
                    self.asked.append(frame.unit)
                    writer.writelines(self._answers(frame))


def as_the_standard_says(order: Frame) -> list[bytes]:
    """Confirms that it asks for a guard, of whom one presses the key; refuses its clock; answers what is asked."""
    own = order._replace(source=order.destination, destination=order.source)
    now = write_moment(wall_clock())
    if order.command == Command.REQUEST:
        data = unit(28, now) if order.unit[0] == 0x58 else unit(21, b"\x01" + now)
        return [encode(own._replace(command=Command.ANSWER, unit=data))]
    if order.unit[0] == 0x5A:
        return [reply(order, Command.DENY, now)]
    pressed = encode(own._replace(serial=9, command=Command.DATA, unit=unit(24, b"\x20\x00" + now)))
    return [reply(order, Command.CONFIRM, now), pressed]


async def mingluo(data_dir: Path, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run `mingluo transmitters ...`; exit code, JSON lines, and what it said to people."""
    # In a thread: the system that is asked runs in this one.
    given = ["transmitters", *arguments, "--data-dir", str(data_dir)]
    done = await asyncio.to_thread(CliRunner().invoke, app, given)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


async def test_an_order_goes_from_the_command_line_to_the_unit_and_back(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, http="127.0.0.1:0", mqtt="127.0.0.1:0", gb26875_listen="127.0.0.1:0")
    async with system(settings, first_estate=lambda: ESTATE) as running, asyncio.timeout(90):
        (note,) = [n for n in running.notes if n.startswith("GB/T 26875.3")]
        one = Unit(int(note.rpartition(" ")[2]), as_the_standard_says)
        async with one.connected():
            code, [checked], said = await mingluo(tmp_path, "guard-check", "7001", "--minutes", "5")
            assert (code, checked["answer"], checked["actor"]) == (0, "confirmed", "command line")
            assert said == "7001: confirmed\n"
            assert one.asked == [b"\x5b\x01\x05"]

            code, [read], _ = await mingluo(tmp_path, "read-time", "7001")
            assert (code, read["answer"], [s["kind"] for s in read["said"]]) == (0, "answered", ["transmitter_time"])
            code, [read], _ = await mingluo(tmp_path, "read-state", "7001")
            assert [(s["kind"], s["state"]) for s in read["said"]] == [("transmitter_state", 1)]
            code, [denied], said = await mingluo(tmp_path, "set-clock", "7001")
            assert (code, denied["answer"], "three repetitions" in said) == (1, "denied", True)
            assert [data[0] for data in one.asked[-4:]] == [0x5A] * 4

            _, listed, _ = await mingluo(tmp_path, "list")
            assert [(u["address"], u["device"], u["connected"]) for u in listed] == [
                (7001, "unit", True),
                (7002, "away", False),
            ]
            assert listed[0]["last_attended"] is not None, "somebody pressed the key"
            assert listed[1]["last_heard"] is None

            _, given, _ = await mingluo(tmp_path, "orders", "7001", "--limit", "2")
            assert [o["wish"]["order"] for o in given] == ["set_clock", "read_state"]
            code, given, said = await mingluo(tmp_path, "guard-check", "7002")
            assert (code, given, said) == (1, [], "transmitter 7002 is not connected now\n")
            code, given, said = await mingluo(tmp_path, "guard-check", "7003")
            assert (code, "no transmitter 7003 is registered" in said) == (1, True)
        async with httpx.AsyncClient(base_url=running.http) as client:
            credentials = {"name": "admin", "password": running.admin_password}
            token = (await client.post("/api/v1/session", json=credentials)).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            page = (await client.get("/api/v1/transmitters/7002/orders")).json()
            assert [(o["answer"], o["actor"]) for o in page["orders"]] == [("absent", "command line")]


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["orders", "7001"], ["guard-check", "7001"], ["set-clock", "7001"], ["read-system", "7001"]],
)
def test_without_a_running_system_it_says_so(tmp_path: Path, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["transmitters", *arguments, "--data-dir", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no system runs over" in done.stderr


def test_a_system_that_does_not_answer_is_told(tmp_path: Path) -> None:
    run = {"pid": os.getpid(), "http": "http://127.0.0.1:1", "mqtt": None, "nats": "", "user": "", "password": "x"}
    (tmp_path / "run.json").write_text(json.dumps(run))
    done = CliRunner().invoke(app, ["transmitters", "list", "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "the system at http://127.0.0.1:1 does not answer" in done.stderr


class Broken(TransmitterOrders):
    """A store that fails at one of its steps."""

    def __init__(self, at: str) -> None:
        super().__init__(open_database("sqlite://"))
        self._at = at

    def give(self, *_: Any) -> int:
        self._fail("give")
        return 1

    def answered(self, *_: Any) -> None:
        self._fail("answered")

    def last(self, *_: Any) -> Any:
        self._fail("last")

    def _fail(self, step: str) -> None:
        if step == self._at:
            raise OperationalError("x", {}, Exception("database is locked"))


async def heard(c: Centre) -> Any:
    """A unit that the centre has heard."""
    one = await c.unit()
    await one.send(fire(serial=1))
    assert await one.answers(1) == [(1, Command.CONFIRM)]
    return one


async def test_what_cannot_be_noted_is_not_sent() -> None:
    async with centre() as c:
        one = await heard(c)
        behind = BehindTransmitters(Broken("give"), lambda: ESTATE, lambda: c.now, c.server)
        with pytest.raises(Unavailable, match="nothing was sent"):
            await behind.order(TRANSMITTER, {"order": "read_time"}, "mei")
        behind = BehindTransmitters(Broken("answered"), lambda: ESTATE, lambda: c.now, c.server)
        ordering = asyncio.create_task(behind.order(TRANSMITTER, {"order": "guard_check", "minutes": 3}, "mei"))
        asked = await one.next()
        assert asked.unit == b"\x5b\x01\x03", "the first order of all, so the one before was not sent"
        await one.send(reply(asked, Command.CONFIRM, write_moment(c.now)))
        with pytest.raises(Unavailable, match=r"sent \(confirmed\)"):
            await ordering
        with pytest.raises(Unavailable):
            await BehindTransmitters(Broken("last"), lambda: ESTATE, lambda: c.now).orders(1, 1, None)


async def test_a_unit_s_clock_is_set_and_a_system_behind_it_is_asked(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    metadata.create_all(database, tables=[transmitter_order])
    async with centre() as c:
        one = await heard(c)
        behind = BehindTransmitters(TransmitterOrders(database), lambda: Estate(), lambda: c.now, c.server)
        assert [(u.address, u.device, u.online) for u in behind.all()] == [(TRANSMITTER, None, True)]
        for wish, data in (
            ({"order": "set_clock"}, b"\x5a\x01" + write_moment(c.now, BEIJING)),
            ({"order": "read_system", "system_type": 1, "system_address": 2}, b"\x3d\x01\x01\x02"),
        ):
            ordering = asyncio.create_task(behind.order(TRANSMITTER, wish, "mei"))
            asked = await one.next()
            assert asked.unit == data
            await one.send(reply(asked, Command.CONFIRM, write_moment(c.now)))
            assert (await ordering).answer == "confirmed"
        assert [o.wish["order"] for o in await behind.orders(TRANSMITTER, 9, None)] == ["read_system", "set_clock"]
    database.dispose()
