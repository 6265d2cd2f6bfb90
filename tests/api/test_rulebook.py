"""The rulebook behind the window: who may change it, how a wrong one is refused, what is told of a trial."""

from typing import Any

import httpx
import msgspec
import pytest

from api.rulebooks import BacktestFailed, BacktestRunning
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.finding import Finding
from community.frame import Frame, Reading
from community.severity import Category, Severity
from rules.backtest import backtest
from rules.rulebook import load_rulebook, standard_rulebook
from tests.api.house import START, House
from tests.api.rulebooks import BOOK

TOML = {"Content-Type": "application/toml"}
WRONG = BOOK.replace('["voltage"]', '["voltag"]').replace('severity = "warning"', 'severity = "loud"')


async def put(client: httpx.AsyncClient, text: str, **parameters: str) -> httpx.Response:
    return await client.put("/api/v1/rulebook", content=text, headers=TOML, params=parameters)


async def test_before_any_version_the_shipped_pack_is_shown(viewer: httpx.AsyncClient) -> None:
    shown = (await viewer.get("/api/v1/rulebook")).json()
    assert (shown["version"], shown["newest"], shown["made_by"], shown["origin"]) == (0, 0, None, None)
    assert shown["content"] == standard_rulebook().version
    assert {"residual.shock", "smoke.alarm"} <= {rule["id"] for rule in shown["rules"]}
    assert (await viewer.get("/api/v1/rulebook/versions")).json() == {"versions": [], "next": None}


async def test_an_admin_puts_a_rulebook_in_force_and_that_is_kept(house: House, admin: httpx.AsyncClient) -> None:
    answer = await put(admin, BOOK, note="after the storm")
    assert (answer.status_code, answer.json()) == (200, {"version": 1})
    shown = (await admin.get("/api/v1/rulebook")).json()
    assert (shown["version"], shown["made_by"], shown["made_at"]) == (1, "admin", START)
    assert (shown["note"], shown["origin"], shown["text"]) == ("after the storm", "applied", BOOK)
    assert [rule["id"] for rule in shown["rules"]] == ["voltage.high"]
    assert shown["rules"][0]["version"]
    assert house.vitals.counter("rulebooks_applied", way="api") == 1


@pytest.mark.parametrize("path", ["", "/check"])
async def test_a_wrong_rulebook_is_refused_with_every_fault(house: House, admin: httpx.AsyncClient, path: str) -> None:
    method = "POST" if path else "PUT"
    answer = await admin.request(method, f"/api/v1/rulebook{path}", content=WRONG, headers=TOML)
    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (422, "invalid_rulebook")
    signal, severity = problem["errors"]
    assert signal["place"].startswith("line 8: rule voltage.high.signals")
    assert "did you mean voltage?" in signal["message"]
    assert severity["place"].startswith("line 11: rule voltage.high.steps.1.severity")
    assert house.rulebooks.store.versions() == []


async def test_a_check_stores_nothing(house: House, operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/api/v1/rulebook/check", content=BOOK, headers=TOML)
    book = load_rulebook(BOOK, "test")
    assert answer.json() == {"content": book.version, "rules": 1, "overrides": 0, "notes": []}
    assert house.rulebooks.store.versions() == []


async def test_what_is_not_text_is_refused(admin: httpx.AsyncClient) -> None:
    answer = await admin.put("/api/v1/rulebook", content=b"\xff", headers=TOML)
    assert (answer.status_code, answer.json()["errors"][0]["place"]) == (422, "byte 0")


async def test_who_may_do_what(viewer: httpx.AsyncClient, operator: httpx.AsyncClient) -> None:
    assert (await put(operator, BOOK)).json()["reason"] == "role_too_low"
    back = await operator.post("/api/v1/rulebook/rollback", json={"version": 1})
    assert back.status_code == 403
    for path, body in (("check", {"content": BOOK}), ("backtest", {"json": {"text": BOOK}})):
        answer = await viewer.post(f"/api/v1/rulebook/{path}", **body)
        assert answer.status_code == 403, path


async def test_the_way_back(admin: httpx.AsyncClient) -> None:
    await put(admin, BOOK)
    await put(admin, BOOK.replace("253", "260"))
    answer = await admin.post("/api/v1/rulebook/rollback", json={"version": 1, "note": "too many"})
    assert answer.json() == {"version": 3}
    shown = (await admin.get("/api/v1/rulebook")).json()
    assert (shown["origin"], shown["note"], shown["text"]) == ("rollback", "too many", BOOK)
    unknown = await admin.post("/api/v1/rulebook/rollback", json={"version": 77})
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_version")


async def test_versions_come_in_pages_with_their_texts(admin: httpx.AsyncClient) -> None:
    for limit in range(251, 256):
        await put(admin, BOOK.replace("253", str(limit)))
    first = (await admin.get("/api/v1/rulebook/versions?limit=2")).json()
    assert ([v["version"] for v in first["versions"]], first["next"]) == ([5, 4], 4)
    rest = (await admin.get("/api/v1/rulebook/versions?limit=3&before=4")).json()
    assert ([v["version"] for v in rest["versions"]], rest["next"]) == ([3, 2, 1], None)
    assert "limit = 251" in (await admin.get("/api/v1/rulebook/versions/1")).json()["text"]
    assert (await admin.get("/api/v1/rulebook/versions/99")).status_code == 404


async def test_a_database_that_is_away_is_told(house: House, admin: httpx.AsyncClient) -> None:
    house.rulebooks.away = True
    answer = await put(admin, BOOK)
    assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")


def rehearsed(ts: int, rule: str = "voltage.trial") -> Finding:
    return Finding(
        rule=rule, rule_version="v", category=Category.DETERIORATION, device="e0001", household="h0001",
        community="xijiang", severity=Severity.WARNING, previous=Severity.NORMAL, ts=ts, since=ts, received_at=ts,
        value=260.0, threshold=253.0, unit="V", shadow=True, evidence={"standard": "GB/T 12325-2008"},
    )  # fmt: skip


async def test_a_rehearsal_is_shown_and_is_no_alert(house: House, viewer: httpx.AsyncClient) -> None:
    for n in range(3):
        house.desk.handle(1, n + 1, [rehearsed(START + n), rehearsed(START + n, "smoke.trial")])
    assert (await viewer.get("/api/v1/alerts")).json()["alerts"] == []
    first = (await viewer.get("/api/v1/rulebook/rehearsal?rule=voltage.trial&limit=2")).json()
    assert [f["ts"] for f in first["findings"]] == [START + 2, START + 1]
    assert (first["findings"][0]["severity"], first["findings"][0]["previous"]) == ("warning", "normal")
    assert first["findings"][0]["evidence"] == {"standard": "GB/T 12325-2008"}
    rest = (await viewer.get(f"/api/v1/rulebook/rehearsal?rule=voltage.trial&before={first['next']}")).json()
    assert ([f["ts"] for f in rest["findings"]], rest["next"]) == ([START], None)


def real_report() -> dict[str, Any]:
    """What a backtest over a little evening comes to."""
    estate = Estate(
        place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="c"),),
        device=(Device(id="d", household="h", kind=DeviceKind.ELECTRICAL_PROTECTOR),),
    )
    frames = [
        Frame.from_readings([Reading("d", START + n * 60_000, START + n * 60_000, values)])
        for n, values in enumerate([{"voltage": 255.0}, {"voltage": 230.0}, {"short_circuit_alarm": 1.0}])
    ]
    other = load_rulebook(BOOK.replace("253", "257"), "test")
    report = backtest(frames, other, load_rulebook(BOOK, "test"), estate)
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(report))
    return document


async def test_a_backtest_tells_everything_that_the_report_holds(house: House, operator: httpx.AsyncClient) -> None:
    house.rulebooks.outcome = real_report()
    answer = await operator.post("/api/v1/rulebook/backtest", json={"text": BOOK, "since_days": 7})
    assert answer.status_code == 200
    assert answer.json() == house.rulebooks.outcome
    assert answer.json()["added"]
    assert answer.json()["incidents"]
    assert house.rulebooks.tried == [(BOOK, 7, 14)]


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [(BacktestRunning(), 409, "backtest_running"), (BacktestFailed("no log"), 503, "backtest_failed")],
)
async def test_a_backtest_that_is_not_done_says_why(
    house: House, operator: httpx.AsyncClient, outcome: Exception, status: int, reason: str
) -> None:
    house.rulebooks.outcome = outcome
    answer = await operator.post("/api/v1/rulebook/backtest", json={"text": BOOK})
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


async def test_a_wrong_rulebook_is_not_tried(house: House, operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/api/v1/rulebook/backtest", json={"text": WRONG})
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_rulebook")
    assert house.rulebooks.tried == []


async def test_a_rulebook_longer_than_other_requests_is_taken_but_not_any_length(admin: httpx.AsyncClient) -> None:
    long = BOOK + "# filler\n" * 10_000
    assert (await put(admin, long)).status_code == 200
    assert (await put(admin, BOOK + "# filler\n" * 300_000)).status_code == 422
    assert (await put(admin, BOOK + "# filler\n" * 500_000)).status_code == 413


@pytest.mark.parametrize(("language", "word"), [("en", "residual"), ("zh", "剩余电流")])
async def test_an_alert_explains_itself(house: House, viewer: httpx.AsyncClient, language: str, word: str) -> None:
    [event] = house.find()
    answer = await viewer.get(f"/api/v1/alerts/{event.alert}/explanation?language={language}")
    told = answer.json()
    assert (answer.status_code, told["rule"], told["threshold"]) == (200, "residual.shock", 24.0)
    assert told["in_force"] is False  # judged by a version that is not the pack's
    assert word in " ".join(told["sentences"]).lower()
    assert set(told["guidance"]) <= {"resident", "staff", "responder"}
    assert told["guidance"]
    assert (await viewer.get("/api/v1/alerts/none/explanation")).status_code == 404


async def test_an_alert_of_a_rule_that_is_gone_still_explains_itself(house: House, admin: httpx.AsyncClient) -> None:
    [event] = house.find()
    await put(admin, BOOK)
    told = (await admin.get(f"/api/v1/alerts/{event.alert}/explanation")).json()
    assert told["in_force"] is False
    assert (told["title"], told["guidance"]) == ("", {})
    assert told["sentences"]


async def test_the_page_sends_strangers_to_sign_in(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/rulebook")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
