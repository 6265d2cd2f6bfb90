"""Devices that announced themselves, over REST: who waits, who may answer, and what hinders."""

import asyncio
from collections.abc import Iterator
from typing import Any, get_args

import httpx
import pytest

from api import announcement_models as models
from api.announcements import NothingAnnounced
from api.models import Imported
from community.announcements import Announced, Decision
from tests.api.announced import Announcements
from tests.api.house import START, House

PATH = "/api/v1/announcements"
PLUG = Announced(
    profile="shelly2", address="shellyplug-1", name="Cellar", kind="meter", model="Plus Plug S", signals=("voltage",)
)
ODD = Announced(profile="zigbee2mqtt", address="../厨房/烟感 #1/approve", signals=("smoke",))


@pytest.fixture
def announced(house: House) -> Iterator[Announcements]:
    house.announcements = announced = Announcements(house)
    house.open_window()
    announced.store.note([PLUG], START)
    announced.store.note([ODD], START + 1)
    yield announced
    announced.close()


async def listed(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    """A page of them, as described."""
    answer = await client.get(PATH, params=wanted)
    assert answer.status_code == 200, answer.text
    models.AnnouncementPage.model_validate_json(answer.text, strict=True)
    page: dict[str, Any] = answer.json()
    return page


async def way_to(client: httpx.AsyncClient, found: Announced, verb: str) -> str:
    """Where to answer an announcement, as the list tells."""
    [identity] = [
        a["id"]
        for a in (await listed(client, state="all"))["announcements"]
        if (a["profile"], a["address"]) == (found.profile, found.address)
    ]
    return f"{PATH}/{identity}/{verb}"


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


@pytest.mark.usefixtures("announced")
async def test_everyone_sees_who_waits_and_what_it_says_of_itself(viewer: httpx.AsyncClient) -> None:
    page = await listed(viewer)
    assert (page["waiting"], page["next"]) == (2, None)
    odd, plug = page["announcements"]
    assert odd["address"] == ODD.address
    identity = plug.pop("id")
    assert identity not in ("", odd["id"])
    assert plug == {
        "profile": "shelly2", "address": "shellyplug-1", "name": "Cellar", "kind": "meter", "model": "Plus Plug S",
        "signals": ["voltage"], "first_seen": START, "last_seen": START, "state": "waiting", "decided_by": None,
        "decided_at": None, "reason": None, "device": None,
    }  # fmt: skip


async def test_it_is_taken_in_as_told(house: House, announced: Announcements, admin: httpx.AsyncClient) -> None:
    house.clock.now += 5
    body = {
        "household": "h0003", "id": "plug1", "kind": "electrical_protector", "name": "冰箱",
        "ratings": {"nominal_voltage": 220, "rated_current": 16, "rated_residual": 10},
    }  # fmt: skip
    answer = await admin.post(await way_to(admin, PLUG, "approve"), json=body)
    assert answer.status_code == 200, answer.text
    Imported.model_validate_json(answer.text, strict=True)
    device = house.estate.devices["plug1"]
    assert (device.household, device.kind, device.name, device.profile, device.own_address) == (
        "h0003", "electrical_protector", "冰箱", "shelly2", "shellyplug-1",
    )  # fmt: skip
    assert device.ratings.model_dump() == body["ratings"]
    assert announced.versions()[0].actor == "admin"
    [plug] = (await listed(admin, state="approved"))["announcements"]
    assert (plug["device"], plug["decided_by"], plug["decided_at"]) == ("plug1", "admin", START + 5)
    assert (await listed(admin))["waiting"] == 1
    assert house.vitals.counter("announcements_answered", answer="approved") == 1


async def test_what_it_says_of_itself_stands_where_nothing_else_is_told(
    house: House, announced: Announcements, admin: httpx.AsyncClient
) -> None:
    assert (await admin.post(await way_to(admin, PLUG, "approve"), json={"household": "h0001"})).status_code == 200
    device = house.estate.devices["shellyplug-1"]
    assert (device.name, device.kind, device.address) == ("Cellar", "meter", None)
    assert (announced.store.page()[0].address, device.secret) == (ODD.address, None)


async def test_any_address_can_be_answered(house: House, announced: Announcements, admin: httpx.AsyncClient) -> None:
    body = {"household": "h0001", "id": "smoke9", "kind": "smoke"}
    assert (await admin.post(await way_to(admin, ODD, "approve"), json=body)).status_code == 200
    assert house.estate.devices["smoke9"].own_address == ODD.address
    longest = Announced(profile="p" * 64, address="𠮷" * 256)
    announced.store.note([longest], START + 2)
    assert (await admin.post(await way_to(admin, longest, "reject"), json={})).status_code == 204


async def test_it_is_turned_away_with_a_reason_and_stays_away(
    announced: Announcements, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post(await way_to(admin, PLUG, "reject"), json={"reason": "the neighbour's"})
    assert (answer.status_code, answer.content) == (204, b"")
    announced.store.note([PLUG], START + 9)
    assert [a["profile"] for a in (await listed(admin))["announcements"]] == ["zigbee2mqtt"]
    [plug] = (await listed(admin, state="rejected"))["announcements"]
    assert (plug["reason"], plug["decided_by"], plug["last_seen"]) == ("the neighbour's", "admin", START + 9)
    # Somebody may think again.
    assert (await admin.post(await way_to(admin, PLUG, "approve"), json={"household": "h0001"})).status_code == 200


@pytest.mark.parametrize(
    ("found", "body", "expected"),
    [
        (PLUG, {"household": "nowhere"}, (422, "unknown_household")),
        (PLUG, {"household": "h0001", "id": "e0001"}, (409, "id_taken")),
        (PLUG, {"household": "h0001", "id": "b1"}, (409, "id_taken")),
        (PLUG, {}, (422, "invalid_request")),
        (PLUG, {"household": "h0001", "id": "no good"}, (422, "invalid_request")),
        (PLUG, {"household": "h0001", "id": ""}, (422, "invalid_request")),
        (PLUG, {"household": "h0001", "kind": "toaster"}, (422, "invalid_request")),
        (PLUG, {"household": "h0001", "ratings": {"rated_current": 0}}, (422, "invalid_request")),
        (PLUG, {"household": "h0001", "colour": "red"}, (422, "invalid_request")),
        (ODD, {"household": "h0001", "id": "s9"}, (422, "kind_needed")),
        (ODD, {"household": "h0001", "kind": "smoke"}, (422, "unusable_id")),
    ],
)
async def test_what_hinders_is_told_by_name_and_nothing_is_changed(
    house: House,
    announced: Announcements,
    admin: httpx.AsyncClient,
    found: Announced,
    body: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    before = house.estate
    assert problem(await admin.post(await way_to(admin, found, "approve"), json=body)) == expected
    assert (house.estate, announced.store.waiting(), len(announced.versions())) == (before, 2, 1)


@pytest.mark.usefixtures("announced")
async def test_who_was_taken_in_is_neither_taken_in_again_nor_turned_away(admin: httpx.AsyncClient) -> None:
    way = await way_to(admin, PLUG, "approve")
    assert (await admin.post(way, json={"household": "h0001"})).status_code == 200
    again = await admin.post(way, json={"household": "h0002", "id": "other"})
    assert problem(again) == (409, "already_installed")
    assert "as shellyplug-1" in again.json()["detail"]
    assert problem(await admin.post(await way_to(admin, PLUG, "reject"), json={})) == (409, "already_installed")


@pytest.mark.usefixtures("announced")
async def test_of_two_who_answer_at_once_one_is_told_so(admin: httpx.AsyncClient) -> None:
    way = await way_to(admin, PLUG, "approve")
    answers = await asyncio.gather(
        *(admin.post(way, json={"household": "h0001", "id": chosen}) for chosen in ("p1", "p2"))
    )
    assert sorted(a.status_code for a in answers) == [200, 409]


@pytest.mark.parametrize("identity", ["AA", "_w", "abcde", "c2hlbGx5Mg", "c2hlbGx5MgBub2JvZHk", "A" * 1800])
@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.usefixtures("announced")
async def test_strangers_are_unknown(admin: httpx.AsyncClient, identity: str, verb: str) -> None:
    body = {"household": "h0001"} if verb == "approve" else {}
    answer = await admin.post(f"{PATH}/{identity}/{verb}", json=body)
    assert problem(answer) == (404, "unknown_announcement")


async def test_only_an_administrator_answers(
    announced: Announcements, operator: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    for verb, body in (("approve", {"household": "h0001"}), ("reject", {})):
        way = await way_to(operator, PLUG, verb)
        assert problem(await operator.post(way, json=body)) == (403, "role_too_low")
        assert problem(await stranger.post(way, json=body)) == (401, "not_signed_in")
    assert problem(await stranger.get(PATH)) == (401, "not_signed_in")
    assert announced.store.waiting() == 2


async def test_pages_go_on_where_the_last_one_ended(announced: Announcements, viewer: httpx.AsyncClient) -> None:
    page = await listed(viewer, limit=1)
    assert [a["address"] for a in page["announcements"]] == [ODD.address]
    announced.store.note([ODD], START + 99)
    page = await listed(viewer, limit=1, before=page["next"])
    assert ([a["address"] for a in page["announcements"]], page["next"], page["waiting"]) == (["shellyplug-1"], None, 2)


@pytest.mark.parametrize(
    "wanted", [{"state": "lost"}, {"limit": 0}, {"limit": 501}, {"before": "x"}, {"before": "1.!!"}]
)
@pytest.mark.usefixtures("announced")
async def test_what_cannot_be_asked_for_is_refused(viewer: httpx.AsyncClient, wanted: dict[str, Any]) -> None:
    assert problem(await viewer.get(PATH, params=wanted)) == (422, "invalid_request")


async def test_an_outage_is_told(announced: Announcements, admin: httpx.AsyncClient) -> None:
    way = await way_to(admin, PLUG, "approve")
    announced.away = True
    for answer in (await admin.get(PATH), await admin.post(way, json={"household": "h0001"})):
        assert problem(answer) == (503, "unavailable")


async def test_without_a_gateway_there_are_none(house: House, admin: httpx.AsyncClient) -> None:
    assert isinstance(house.announcements, NothingAnnounced)
    assert await listed(admin) == {"announcements": [], "next": None, "waiting": 0}
    for verb, body in (("approve", {"household": "h0001"}), ("reject", {})):
        answer = await admin.post(f"{PATH}/c2hlbGx5MgB4/{verb}", json=body)
        assert problem(answer) == (404, "unknown_announcement")


def test_every_state_can_be_asked_for() -> None:
    assert set(get_args(models.StateWord)) == {*(d.value for d in Decision), "all"}
