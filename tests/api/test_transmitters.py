"""Transmission units over REST: who is there, who may give orders, and what comes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from api import transmitter_models as models
from api.transmitters import NobodyListens, NoTransmitters, Transmitter, UnknownTransmitter
from community.transmitter_orders import GivenOrder
from tests.api.house import START, House

PATH = "/api/v1/transmitters"


class Units:
    """Transmitter 7001, which answers as it is told to."""

    def __init__(self) -> None:
        self.listening = True
        self.answer = "confirmed"
        self.given: list[GivenOrder] = []

    def all(self) -> Sequence[Transmitter]:
        return [Transmitter(7001, "unit", online=True, connected=True, last_heard=START), Transmitter(7002, None)]

    async def order(self, address: int, wish: Mapping[str, Any], actor: str) -> GivenOrder:
        if not self.listening:
            raise NobodyListens
        if address != 7001:
            raise UnknownTransmitter
        number = len(self.given) + 1
        self.given.append(GivenOrder(number, address, wish, actor, START, self.answer, START + 1))
        return self.given[-1]

    async def orders(self, address: int, limit: int, before: int | None) -> Sequence[GivenOrder]:
        return [o for o in reversed(self.given) if before is None or o.number < before][:limit]


@pytest.fixture
def units(house: House) -> Units:
    house.transmitters = units = Units()
    house.open_window()
    return units


@pytest.mark.usefixtures("units")
async def test_they_are_listed(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get(PATH)).json()
    models.TransmitterList.model_validate(found, strict=True)
    assert [(u["address"], u["device"], u["last_heard"]) for u in found["transmitters"]] == [
        (7001, "unit", START),
        (7002, None, None),
    ]


@pytest.mark.parametrize(
    ("body", "wish"),
    [
        ({"order": "guard_check"}, {"order": "guard_check", "minutes": 10}),
        ({"order": "guard_check", "minutes": 255}, {"order": "guard_check", "minutes": 255}),
        ({"order": "set_clock"}, {"order": "set_clock"}),
        ({"order": "read_state"}, {"order": "read_state"}),
        ({"order": "read_time"}, {"order": "read_time"}),
        *([({"order": "read_system", "system_type": 1, "system_address": 0},) * 2]),
    ],
)
async def test_an_operator_gives_orders_in_their_own_name(
    units: Units, operator: httpx.AsyncClient, body: dict[str, Any], wish: dict[str, Any]
) -> None:
    answer = await operator.post(f"{PATH}/7001/orders", json=body)
    assert answer.status_code == 200
    models.OrderView.model_validate(answer.json(), strict=True)
    assert (answer.json()["answer"], answer.json()["wish"], answer.json()["actor"]) == ("confirmed", wish, "operator")
    assert units.given[0].wish == wish


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"order": "shut_down"},
        {"order": "guard_check", "minutes": 0},
        {"order": "guard_check", "minutes": 256},
        {"order": "set_clock", "minutes": 5},
        {"order": "read_system"},
        {"order": "read_system", "system_type": 256, "system_address": 1},
        [],
        "guard_check",
    ],
)
async def test_what_is_no_order_is_refused_and_not_sent(units: Units, operator: httpx.AsyncClient, body: Any) -> None:
    answer = await operator.post(f"{PATH}/7001/orders", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_request")
    assert units.given == []


async def test_whoever_only_looks_gives_none(units: Units, viewer: httpx.AsyncClient) -> None:
    answer = await viewer.post(f"{PATH}/7001/orders", json={"order": "guard_check"})
    assert (answer.status_code, answer.json()["reason"], units.given) == (403, "role_too_low", [])


@pytest.mark.parametrize(
    ("answer", "status", "reason"), [("absent", 409, "not_connected"), ("busy", 503, "unavailable")]
)
async def test_what_was_not_sent_is_told_by_name(
    units: Units, operator: httpx.AsyncClient, answer: str, status: int, reason: str
) -> None:
    units.answer = answer
    found = await operator.post(f"{PATH}/7001/orders", json={"order": "set_clock"})
    assert (found.status_code, found.json()["reason"]) == (status, reason)


async def test_strangers_and_a_closed_port_are_told_by_name(units: Units, operator: httpx.AsyncClient) -> None:
    answer = await operator.post(f"{PATH}/1/orders", json={"order": "set_clock"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_transmitter")
    assert (await operator.get(f"{PATH}/{2**48}/orders")).status_code == 422
    units.listening = False
    answer = await operator.post(f"{PATH}/7001/orders", json={"order": "set_clock"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "not_listening")
    assert "gb26875_listen" in answer.json()["detail"]


async def test_orders_come_newest_first_in_pages(
    units: Units, operator: httpx.AsyncClient, viewer: httpx.AsyncClient
) -> None:
    units.answer = "silent"
    for minutes in (1, 2, 3):
        await operator.post(f"{PATH}/7001/orders", json={"order": "guard_check", "minutes": minutes})
    page = (await viewer.get(f"{PATH}/7001/orders?limit=2")).json()
    models.OrderPage.model_validate(page, strict=True)
    assert [(o["number"], o["answer"]) for o in page["orders"]] == [(3, "silent"), (2, "silent")]
    page = (await viewer.get(f"{PATH}/7001/orders?limit=2&before={page['next']}")).json()
    assert ([o["number"] for o in page["orders"]], page["next"]) == ([1], None)


async def test_without_a_gateway_there_are_none(house: House, operator: httpx.AsyncClient) -> None:
    assert isinstance(house.transmitters, NoTransmitters)
    assert (await operator.get(PATH)).json() == {"listening": False, "transmitters": []}
    assert (await operator.post(f"{PATH}/7001/orders", json={"order": "set_clock"})).status_code == 409
    assert (await operator.get(f"{PATH}/7001/orders")).json() == {"orders": [], "next": None}
