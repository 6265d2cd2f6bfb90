"""Units of GB/T 26875.3 and devices that speak HTTPS, in front of the whole system."""

import asyncio
from pathlib import Path

import httpx
import pytest

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.vitals import Vitals
from gateway.decoding.registry import Profiles
from gateway.gb26875.codec import Gb26875Codec
from gateway.gb26875.frame import Command, Splitter
from mingluo.centre import centre
from mingluo.settings import Settings, SettingsError
from mingluo.system import system, wall_clock
from tests.gateway.gb26875.frames import fire

SECRET = "a secret of the device"


def estate() -> Estate:
    """A home with a transmission unit, a detector behind it, and a plug that speaks HTTPS."""
    return Estate(
        place=(Place(id="c0", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h0", place="c0"),),
        device=(
            Device(id="unit", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7001"),
            Device(id="hall", household="h0", kind=DeviceKind.SMOKE, profile="gb26875", address="7001/1-1/3.9"),
            Device(id="plug", household="h0", kind=DeviceKind.ELECTRICAL_PROTECTOR, secret=SECRET),
            Device(id="bed", household="h0", kind=DeviceKind.SMOKE, profile="gb45839", address="S1", secret=SECRET),
        ),
    )


async def first_answer(port: int, data: bytes) -> int:
    """Command of the first frame that is sent back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    splitter = Splitter()
    async with asyncio.timeout(30):
        while not (frames := splitter.feed(await reader.read(4_096))):
            assert not reader.at_eof()
    writer.close()
    await writer.wait_closed()
    return frames[0].command


async def test_an_alarm_by_tcp_and_a_reading_by_https_reach_the_people(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, http="127.0.0.1:0", mqtt="127.0.0.1:0", gb26875_listen="127.0.0.1:0")
    async with system(settings, first_estate=estate) as running, asyncio.timeout(60):
        (note,) = [n for n in running.notes if n.startswith("GB/T 26875.3")]
        port = int(note.rpartition(" ")[2])
        assert await first_answer(port, fire(at=wall_clock())) == Command.CONFIRM
        async with httpx.AsyncClient(base_url=running.http) as client:
            message = {"topic": "mingluo/v1/c0/h0/plug/telemetry", "payload": {"values": {"residual_current": 11.2}}}
            answer = await client.post("/device/v1/messages", json=message, auth=("plug", SECRET))
            assert answer.json() == {"admitted": 1, "refusals": []}
            message["topic"] = "mingluo/v1/c0/h0/hall/telemetry"
            assert (await client.post("/device/v1/messages", json=message, auth=("plug", SECRET))).status_code == 403
            status = {"company": "ML", "serial": "S1", "status": 2, "batteryPercentage": 80}
            for _ in range(2):
                answer = await client.post("/device/gb45839/v1/status_info", json=status, auth=("bed", SECRET))
                assert answer.json() == {"success": 1}
            status["batteryPercentage"] = 300
            status["status"] = 9
            answer = await client.post("/device/gb45839/v1/status_info", json=status, auth=("bed", SECRET))
            assert (answer.json()["success"], answer.status_code) == (0, 200)
            credentials = {"name": "admin", "password": running.admin_password}
            token = (await client.post("/api/v1/session", json=credentials)).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            found: set[tuple[str, str]] = set()
            while found != {("hall", "life"), ("bed", "life")}:
                alerts = (await client.get("/api/v1/alerts")).json()["alerts"]
                found = {(a["device"], a["category"]) for a in alerts}


async def test_nobody_listens_unless_wanted(tmp_path: Path) -> None:
    async def put(topic: str, payload: bytes) -> None:
        raise AssertionError

    settings = Settings(data_dir=tmp_path)
    async with centre(settings, put, Profiles(), Vitals(), wall_clock) as server:  # type: ignore[arg-type]  # never called
        assert server is None


async def test_own_dialects_go_to_server_and_codec(tmp_path: Path) -> None:
    async def put(topic: str, payload: bytes) -> None:
        raise AssertionError

    file = tmp_path / "dialects.toml"
    settings = Settings(data_dir=tmp_path, gb26875_listen="127.0.0.1:0", gb26875_dialects=file)
    profiles = Profiles()
    with pytest.raises(SettingsError, match="gb26875_dialects"):
        async with centre(settings, put, profiles, Vitals(), wall_clock):  # type: ignore[arg-type]  # never called
            pass
    file.write_text("[[framing]]\nstart = 'x'\n")
    with pytest.raises(SettingsError, match=r"dialects.toml: framing\.0\.start"):
        async with centre(settings, put, profiles, Vitals(), wall_clock):  # type: ignore[arg-type]  # never called
            pass
    file.write_text("[[dialect]]\ntransmitters = ['889']\nchecksum = 'any'\n")
    async with centre(settings, put, profiles, Vitals(), wall_clock) as server:  # type: ignore[arg-type]  # never called
        assert server is not None
        codec = profiles.codecs["gb26875"]
        assert isinstance(codec, Gb26875Codec)
        assert codec.dialects.tolerated(889)
