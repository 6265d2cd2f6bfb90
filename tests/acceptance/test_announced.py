"""From a device that nobody has entered to its first alert, through a whole system: heard, taken in, believed."""

import json
from pathlib import Path
from typing import Any

import aiomqtt
import httpx

from community.estate import Bridge, Estate, Household, Place, PlaceKind
from mingluo.settings import Settings
from mingluo.system import Running, system
from tests.acceptance.harness import eventually

HOMES = Estate(
    place=(Place(id="c0", kind=PlaceKind.COMMUNITY),),
    household=(Household(id="h0", place="c0"),),
    bridge=(Bridge(id="hub", profile="zigbee2mqtt", secret="the bridge's own"),),
)
ADDRESS = "厨房/烟感"


async def tell(running: Running, **said: Any) -> None:
    """The bridge passes on what the smoke detector says."""
    assert running.mqtt is not None
    host, port = running.mqtt
    async with aiomqtt.Client(host, port, identifier="hub", username="hub", password=HOMES.bridge[0].secret) as client:
        await client.publish(f"zigbee2mqtt/{ADDRESS}", json.dumps(said), qos=1)


async def test_a_device_is_heard_taken_in_and_believed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, http="127.0.0.1:0", mqtt="127.0.0.1:0")
    async with (
        system(settings, first_estate=lambda: HOMES) as running,
        httpx.AsyncClient(base_url=running.http, timeout=30) as client,
    ):
        credentials = {"name": "admin", "password": running.admin_password}
        token = (await client.post("/api/v1/session", json=credentials)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"

        async def waiting() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await client.get("/api/v1/announcements")).json()["announcements"]
            return found

        async def alerts() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await client.get("/api/v1/alerts")).json()["alerts"]
            return found

        await tell(running, smoke=False, battery=91)
        (found,) = await eventually(waiting)
        assert (found["profile"], found["address"], found["device"]) == ("zigbee2mqtt", ADDRESS, None)
        assert "battery" in found["signals"]

        body = {"household": "h0", "id": "s1", "kind": "smoke", "name": "厨房"}
        answer = await client.post(f"/api/v1/announcements/{found['id']}/approve", json=body)
        assert (answer.status_code, answer.json()) == (200, {"version": 2})
        assert await waiting() == []
        # In force when the answer came: the very next message counts.
        await tell(running, smoke=True, battery=91)
        alert = next(a for a in await eventually(alerts) if a["rule"].startswith("smoke"))
        assert (alert["device"], alert["household"], alert["where"]["device_name"]) == ("s1", "h0", "厨房")
