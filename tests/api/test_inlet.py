"""Devices that speak HTTPS: who they are, what they may send, and what they are told."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from api.app import create_app
from api.context import Context, Delivered
from api.limits import BODY_LIMIT
from api.problems import Unavailable
from community.clock import MINUTE
from community.estate import Bridge, Device, DeviceKind, Estate
from tests.api.house import House

SERIAL = "MLXX0326110100000004240B7C1"
SECRET = "a secret of the device"
STATUS = "/device/gb45839/v1/status_info"
MESSAGES = "/device/v1/messages"


class Gateway:
    """Stands for what is behind the inlet."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.answer: Delivered | Exception = Delivered(1, lost=False)

    async def deliver(self, topic: str, payload: bytes) -> Delivered:
        """Keep it, and answer as the test wants."""
        self.messages.append((topic, payload))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def may_publish(self, account: str, topic: str) -> bool:
        """Each its own."""
        return topic.startswith(f"own/{account}/")


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def device(house: House, gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """Requests of nobody in particular to a house with three devices and a bridge."""
    known = house.estate

    def a_device(name: str, profile: str, address: str | None, secret: str | None = SECRET) -> Device:
        home = known.household[0].id
        return Device(id=name, household=home, kind=DeviceKind.SMOKE, profile=profile, address=address, secret=secret)

    estate = Estate(
        place=known.place,
        household=known.household,
        device=(
            a_device("smoke1", "gb45839", SERIAL),
            a_device("plug1", "native", None),
            a_device("mute1", "gb45839", "S2", secret=None),
        ),
        bridge=(Bridge(id="cloud", profile="gb45839", secret=SECRET),),
    )
    context: Context = house.app.state.context
    app = create_app(replace(context, estate=lambda: estate, deliver=gateway.deliver, may_publish=gateway.may_publish))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as client:
        yield client


def status(serial: object = SERIAL) -> bytes:
    """A status, spelt in a way that a re-encoding would change."""
    return json.dumps({"serial": serial, "status": 2}, indent=3).encode()


def own(name: str = "smoke1", secret: str = SECRET) -> httpx.BasicAuth:
    """Credentials."""
    return httpx.BasicAuth(name, secret)


async def test_a_status_is_handed_on_byte_for_byte_and_answered_by_the_standard(
    device: httpx.AsyncClient, gateway: Gateway
) -> None:
    answer = await device.post(STATUS, content=status(), auth=own())
    assert (answer.status_code, answer.json()) == (200, {"success": 1})
    answer = await device.post("/device/gb45839/v1/Install_info", content=status(), auth=own())
    assert answer.json() == {"success": 1}
    assert gateway.messages == [(f"gb45839/{SERIAL}/status", status()), (f"gb45839/{SERIAL}/install", status())]


async def test_what_is_refused_is_told_with_its_reason(device: httpx.AsyncClient, gateway: Gateway) -> None:
    refusals = (("duplicate", "was here"), ("out_of_range", "values.battery: 300 is outside 0..100 %"))
    gateway.answer = Delivered(0, lost=True, refusals=refusals)
    answer = await device.post(STATUS, content=status(), auth=own())
    assert answer.status_code == 200
    assert answer.json() == {"success": 0, "reason": "out_of_range", "detail": refusals[1][1]}
    gateway.answer = Delivered(0, lost=False, refusals=refusals[:1])
    assert (await device.post(STATUS, content=status(), auth=own())).json() == {"success": 1}


async def test_without_the_gateway_it_is_to_come_again(device: httpx.AsyncClient, gateway: Gateway) -> None:
    gateway.answer = Unavailable("send it again")
    for path, body in ((STATUS, status()), (MESSAGES, b'{"topic": "own/plug1/x", "payload": 1}')):
        auth = own("plug1" if path == MESSAGES else "smoke1")
        answer = await device.post(path, content=body, auth=auth, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
        assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("auth", "reason"),
    [
        (None, "not_signed_in"),
        (own(secret="a wrong one"), "wrong_credentials"),
        (own("nobody"), "wrong_credentials"),
        (own("mute1", ""), "wrong_credentials"),
        (own("viewer", "a long enough password"), "wrong_credentials"),
    ],
)
async def test_who_is_not_known_is_sent_away(
    device: httpx.AsyncClient, gateway: Gateway, auth: httpx.BasicAuth | None, reason: str
) -> None:
    for path in (STATUS, MESSAGES):
        answer = await device.post(path, content=status(), auth=auth or httpx.USE_CLIENT_DEFAULT)
        assert (answer.status_code, answer.json()["reason"]) == (401, reason)
    assert gateway.messages == []


async def test_guessing_is_slowed_down_and_hinders_nobody_else(device: httpx.AsyncClient, house: House) -> None:
    for _ in range(5):
        assert (await device.post(STATUS, content=status(), auth=own(secret="a wrong one"))).status_code == 401
    answer = await device.post(STATUS, content=status(), auth=own())
    assert (answer.status_code, answer.json()["reason"]) == (429, "too_many_attempts")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await device.post(STATUS, content=status(), auth=own("cloud"))).json() == {"success": 1}
    house.clock.now += 6 * MINUTE
    assert (await device.post(STATUS, content=status(), auth=own())).json() == {"success": 1}


async def test_a_device_speaks_for_itself_and_a_bridge_for_all(device: httpx.AsyncClient, gateway: Gateway) -> None:
    other = await device.post(STATUS, content=status("S2"), auth=own())
    assert (other.status_code, other.json()["reason"]) == (403, "not_its_topic")
    stranger = await device.post(STATUS, content=status("plug1"), auth=own("plug1"))
    assert stranger.status_code == 403
    assert gateway.messages == []
    for serial in (SERIAL, "S2", 4711):
        assert (await device.post(STATUS, content=status(serial), auth=own("cloud"))).json() == {"success": 1}
    assert [topic for topic, _ in gateway.messages] == [f"gb45839/{s}/status" for s in (SERIAL, "S2", "4711")]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 30_000, status(None), status("a/b"), status("#"), status(True)],
)
async def test_a_body_that_names_nobody(device: httpx.AsyncClient, gateway: Gateway, body: bytes) -> None:
    answer = await device.post(STATUS, content=body, auth=own("cloud"))
    assert (answer.status_code, answer.json()["success"], answer.json()["reason"]) == (200, 0, "schema")
    assert gateway.messages == []
    await device.post(STATUS, content=body, auth=own())
    assert gateway.messages == [(f"gb45839/{SERIAL}/status", body)], "a known device's own, for quarantine to show"


async def test_kinds_and_sizes(device: httpx.AsyncClient, gateway: Gateway) -> None:
    assert (await device.post("/device/gb45839/v1/other", content=status(), auth=own())).status_code == 422
    answer = await device.post(STATUS, content=b"x" * (BODY_LIMIT + 1), auth=own())
    assert answer.status_code == 413
    assert gateway.messages == []


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({"values": {"co": 4.0}}, b'{"values": {"co": 4.0}}'),
        ("ON", b"ON"),
        (None, b"null"),
        ("烟", "烟".encode()),
    ],
)
async def test_a_message_of_any_profile(
    device: httpx.AsyncClient, gateway: Gateway, payload: object, sent: bytes
) -> None:
    gateway.answer = Delivered(1, lost=False, refusals=(("unknown_signal", "values.coo"),))
    body = {"topic": "own/plug1/telemetry", "payload": payload}
    answer = await device.post(MESSAGES, json=body, auth=own("plug1"))
    assert answer.status_code == 200
    assert answer.json() == {"admitted": 1, "refusals": [{"reason": "unknown_signal", "detail": "values.coo"}]}
    assert gateway.messages == [("own/plug1/telemetry", sent)]


async def test_a_message_of_which_nothing_came_in(device: httpx.AsyncClient, gateway: Gateway) -> None:
    gateway.answer = Delivered(0, lost=True, refusals=(("nan", "values.co"), ("schema", "ts")))
    answer = await device.post(MESSAGES, json={"topic": "own/plug1/x", "payload": 1}, auth=own("plug1"))
    assert (answer.status_code, answer.json()["reason"]) == (422, "nan")
    assert [fault["message"] for fault in answer.json()["errors"]] == ["nan: values.co", "schema: ts"]


@pytest.mark.parametrize("topic", ["own/smoke1/x", "own/plug1/#", "own/plug1/+", "own/plug1/\n", "", "x" * 600])
async def test_topics_of_others_are_refused(device: httpx.AsyncClient, gateway: Gateway, topic: str) -> None:
    answer = await device.post(MESSAGES, json={"topic": topic, "payload": 1}, auth=own("plug1"))
    assert answer.status_code in (403, 422)
    assert gateway.messages == []


async def test_a_window_without_a_gateway_says_so(house: House) -> None:
    context: Context = house.app.state.context
    assert not context.may_publish("a", "b")
    with pytest.raises(Unavailable):
        await context.deliver("a", b"")
