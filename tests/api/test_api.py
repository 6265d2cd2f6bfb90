"""The REST side: who may do what, what comes back, and how it fails."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import models
from api.limits import BODY_LIMIT
from api.routes.pages import preferred_language
from community.clock import HOUR
from community.recent import RecentEvent, RecentFault, RecentMessage
from community.refusal import Reason, Refusal
from community.severity import Severity
from community.vitals import State
from rules.rulebook import standard_rulebook
from tests.api.house import PASSWORD, START, House, component_down

OPEN_PATHS = {("get", "/api/v1/health"), ("post", "/api/v1/session")}


async def test_nothing_is_open_but_health_and_signing_in(house: House, stranger: httpx.AsyncClient) -> None:
    paths = house.app.openapi()["paths"]
    tried = {(method, path) for path, methods in paths.items() for method in methods} | {
        ("get", "/metrics"),
        ("get", "/api/v1/openapi.json"),
    }
    for method, path in tried - OPEN_PATHS:
        answer = await stranger.request(method, path.replace("{alert_id}", "x"), json={"old": "a", "new": "b"})
        assert answer.status_code == 401, (method, path)
        assert answer.json()["reason"] == "not_signed_in"
        assert "WWW-Authenticate" in answer.headers


async def test_alerts_are_listed_with_their_place(house: House, viewer: httpx.AsyncClient) -> None:
    house.find(house=1)
    page = (await viewer.get("/api/v1/alerts")).json()
    [alert] = page["alerts"]
    assert page["last_number"] == 1
    assert page["next"] is None
    assert alert["state"] == "unacknowledged"
    assert [step["id"] for step in alert["where"]["place"]] == ["leishan", "xijiang", "dongyin"]
    assert alert["where"]["material"] == "wood"
    assert alert["where"]["needs_help"] is True
    assert (await viewer.get(f"/api/v1/alerts/{alert['id']}")).json() == alert
    events = (await viewer.get(f"/api/v1/alerts/{alert['id']}/events")).json()["events"]
    assert [event["event"] for event in events] == ["raised"]
    assert (await viewer.get("/api/v1/events?after=0")).json()["events"] == events
    assert (await viewer.get("/api/v1/events?after=1")).json() == {"events": [], "last_number": 1}


async def test_filters_and_pages(house: House, viewer: httpx.AsyncClient) -> None:
    for i in range(7):
        house.find(house=i, severity=Severity.WARNING if i % 2 else Severity.CRITICAL, ts=START + i)
    assert len((await viewer.get("/api/v1/alerts?severity=alarm")).json()["alerts"]) == 4
    assert len((await viewer.get("/api/v1/alerts?household=h0003&category=life")).json()["alerts"]) == 1
    assert (await viewer.get("/api/v1/alerts?state=closed")).json()["alerts"] == []
    seen: list[str] = []
    query = "/api/v1/alerts?limit=3"
    while True:
        page = (await viewer.get(query)).json()
        seen += [alert["household"] for alert in page["alerts"]]
        if page["next"] is None:
            break
        query = f"/api/v1/alerts?limit=3&before={page['next']}"
    assert seen == [f"h{i:04}" for i in range(6, -1, -1)]


async def test_acknowledge_then_reset(house: House, operator: httpx.AsyncClient) -> None:
    [event] = house.find()
    path = f"/api/v1/alerts/{event.alert}"
    answer = await operator.post(f"{path}/reset")
    assert (answer.status_code, answer.json()["reason"]) == (409, "still_holds")
    answer = await operator.post(f"{path}/acknowledge", json={"note": "looking", "seen": "alarm"})
    assert answer.status_code == 200
    assert answer.json()["acknowledged_by"] == "operator"
    again = await operator.post(f"{path}/acknowledge")
    assert (again.status_code, again.json()["reason"]) == (409, "already_acknowledged")
    house.find(severity=Severity.NORMAL)
    answer = await operator.post(f"{path}/reset", json={"note": "dry again"})
    assert answer.json()["state"] == "closed"
    events = (await operator.get(f"{path}/events")).json()["events"]
    assert [(e["event"], e["actor"], e["note"]) for e in events] == [
        ("raised", None, None),
        ("acknowledged", "operator", "looking"),
        ("cleared", None, None),
        ("reset", "operator", "dry again"),
    ]


async def test_what_got_worse_is_not_acknowledged_unseen(house: House, operator: httpx.AsyncClient) -> None:
    [event] = house.find(severity=Severity.WARNING)
    house.find(severity=Severity.CRITICAL)
    answer = await operator.post(f"/api/v1/alerts/{event.alert}/acknowledge", json={"seen": "warning"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "worse_meanwhile")
    assert (await operator.get(f"/api/v1/alerts/{event.alert}")).json()["acknowledged"] is False


async def test_a_viewer_looks_and_does_not_act(house: House, viewer: httpx.AsyncClient) -> None:
    [event] = house.find()
    for action in ("acknowledge", "reset"):
        answer = await viewer.post(f"/api/v1/alerts/{event.alert}/{action}")
        assert (answer.status_code, answer.json()["reason"]) == (403, "role_too_low")


async def test_unknown_alert(operator: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/acknowledge"), ("POST", "/reset")):
        answer = await operator.request(method, f"/api/v1/alerts/none:such:1{path}")
        assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_alert")


async def test_every_fault_is_a_problem_with_its_places(operator: httpx.AsyncClient) -> None:
    answer = await operator.get("/api/v1/alerts?limit=0&severity=terrible")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:mingluo:problem:invalid_request"
    assert {fault["place"] for fault in problem["errors"]} == {"query.limit", "query.severity"}
    answer = await operator.post("/api/v1/alerts/x:y:1/acknowledge", json={"notes": "typo"})
    assert [fault["place"] for fault in answer.json()["errors"]] == ["body.notes"]
    assert (await operator.get("/api/v1/nothing")).json()["reason"] == "not_found"
    assert (await operator.put("/api/v1/alerts")).json()["reason"] == "method_not_allowed"
    assert (await operator.get("/api/v1/alerts?before=gone")).json()["errors"][0]["place"] == "query.before"


async def test_cut_journal_is_said_and_nothing_is_changed(house: House, operator: httpx.AsyncClient) -> None:
    [event] = house.find()
    house.journal.cut = True
    for method, path in (("GET", "/api/v1/alerts"), ("POST", f"/api/v1/alerts/{event.alert}/acknowledge")):
        answer = await operator.request(method, path)
        assert (answer.status_code, answer.json()["reason"]) == (503, "journal_unavailable")
        assert "secret path" not in answer.text
    assert (await operator.get("/api/v1/health")).status_code == 503
    house.journal.cut = False
    assert (await operator.get(f"/api/v1/alerts/{event.alert}")).json()["acknowledged"] is False


async def test_estate_is_shown_without_secrets(house: House, viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get("/api/v1/estate")
    estate = answer.json()
    assert len(estate["devices"]) == 24
    assert estate["devices"][0]["has_secret"] is True
    assert "never shown" not in answer.text
    export = await viewer.get("/api/v1/estate/toml")
    assert "never shown" not in export.text
    assert export.headers["content-type"].startswith("application/toml")


async def test_estate_export_can_be_imported(house: House, admin: httpx.AsyncClient) -> None:
    before = (await admin.get("/api/v1/estate")).json()
    export = (await admin.get("/api/v1/estate/toml")).text
    answer = await admin.post("/api/v1/estate", content=export, headers={"Content-Type": "application/toml"})
    assert answer.json() == {"version": 2}
    after = (await admin.get("/api/v1/estate")).json()
    assert after["households"] == before["households"]
    assert [d["id"] for d in after["devices"]] == [d["id"] for d in before["devices"]]
    # An export has no secrets; devices keep theirs, and can still connect.
    secrets = [device.secret for device in house.estate.device] + [bridge.secret for bridge in house.estate.bridge]
    assert set(secrets) == {"never shown to anyone"}
    assert list(house.estate.bridges) == ["b1"]


async def test_wrong_estate_is_refused_whole_with_every_fault(
    house: House, admin: httpx.AsyncClient, operator: httpx.AsyncClient
) -> None:
    wrong = '[[household]]\nid = "h1"\nplace = "nowhere"\n\n[[device]]\nid = "d 1"\nhousehold = "h2"\nkind = "smok"\n'
    answer = await admin.post("/api/v1/estate", content=wrong)
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid_estate")
    assert len(answer.json()["errors"]) >= 3
    assert all(fault["place"].startswith("line ") for fault in answer.json()["errors"])
    assert (await admin.post("/api/v1/estate", content=b"\xff")).json()["errors"][0]["place"] == "byte 0"
    assert (await operator.post("/api/v1/estate", content=wrong)).status_code == 403
    assert len(house.estate.device) == 24


async def test_an_estate_with_a_profile_that_nobody_has_is_refused_with_its_line(
    house: House, admin: httpx.AsyncClient
) -> None:
    export = (await admin.get("/api/v1/estate/toml")).text
    line = export[: export.index('profile = "zigbee2mqtt"')].count("\n") + 1
    answer = await admin.post("/api/v1/estate", content=export.replace("zigbee2mqtt", "zigbe2mqtt"))
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["place"]) == (422, f"line {line}: bridge[b1].profile")
    assert "no profile 'zigbe2mqtt'" in fault["message"]
    assert "nearest is 'zigbee2mqtt'" in fault["message"]
    assert house.version == 1


async def test_quarantine_shows_bytes_of_any_kind(house: House, viewer: httpx.AsyncClient) -> None:
    for device, payload in (("e0001", b'{"values":{"voltage":1e9}}'), (None, b"\xff\x00")):
        house.refusals.append(
            Refusal(
                at=START,
                device=device,
                topic="mingluo/v1/a/b/c/telemetry",
                reason=Reason.OUT_OF_RANGE,
                detail="values.voltage",
                payload=payload,
                size=len(payload),
            )
        )
    all_of_them = (await viewer.get("/api/v1/quarantine")).json()["refusals"]
    assert [r["payload"] for r in all_of_them] == ['{"values":{"voltage":1e9}}', None]
    assert all_of_them[1]["payload_base64"] == b64encode(b"\xff\x00").decode()
    assert len((await viewer.get("/api/v1/quarantine?device=e0001")).json()["refusals"]) == 1
    assert (await viewer.get("/api/v1/quarantine?device=a.*")).status_code == 422


async def test_the_last_messages_of_a_device_are_shown_newest_first(house: House, viewer: httpx.AsyncClient) -> None:
    whole: dict[str, Any] = {"at": START, "topic": "t", "retained": False, "profile": "native"}
    house.messages += [
        RecentMessage(
            number=1,
            payload=b"{}",
            size=2,
            outcome="event",
            values={"co": 1.5},
            events=(RecentEvent("smoke_alarm", True),),
            faults=(RecentFault("nan", "values.voltage: NaN is not a number"),),
            **whole,
        ),
        RecentMessage(number=2, payload=b"\xff", size=1, outcome="quarantined", **whole),
        RecentMessage(number=3, payload="é".encode()[:1], size=2, outcome="quarantined", **whole),
    ]
    body = (await viewer.get("/api/v1/devices/e0001/messages")).json()
    assert body["device"] == "e0001"
    cut, binary, first = body["messages"]
    assert (cut["payload"], binary["payload"], binary["payload_base64"]) == ("", None, "/w==")
    assert (first["outcome"], first["values"], first["events"]) == (
        "event",
        {"co": 1.5},
        [{"name": "smoke_alarm", "active": True}],
    )
    assert first["faults"] == [{"reason": "nan", "detail": "values.voltage: NaN is not a number"}]
    answer = await viewer.get("/api/v1/devices/stranger/messages")
    assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_device")
    house.away = True
    assert (await viewer.get("/api/v1/devices/e0001/messages")).status_code == 503


async def test_what_stands_behind_may_be_away(house: House, viewer: httpx.AsyncClient) -> None:
    house.away = True
    answer = await viewer.get("/api/v1/quarantine")
    assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
    assert answer.json()["detail"] == "the broker does not answer"


async def test_health_answers_without_the_database(house: House, viewer: httpx.AsyncClient, tmp_path: Path) -> None:
    house.close()  # so that the next request opens the file anew
    (tmp_path / "accounts.db").write_bytes(b"this is not a database" * 1000)
    assert (await viewer.get("/api/v1/session")).status_code == 503
    assert (await viewer.get("/api/v1/health")).json()["status"] == "ok"


def test_standard_rules_fit_the_window() -> None:
    rules = models.Rules.model_validate({"rules": standard_rulebook().describe()}).rules
    assert len(rules) > 10
    assert all(set(rule.title) == {"zh", "en"} for rule in rules)
    assert all(rule.guidance and set(rule.guidance) <= {"resident", "staff", "responder"} for rule in rules)
    assert all(set(text) == {"zh", "en"} for rule in rules for text in rule.guidance.values())


async def test_health_tells_strangers_states_and_people_reasons(
    house: House, stranger: httpx.AsyncClient, viewer: httpx.AsyncClient
) -> None:
    house.vitals.report("outbox", State.DEGRADED, "webhook http://10.0.0.7/ is slow", START)
    answer = await stranger.get("/api/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "10.0.0.7" not in answer.text
    assert "10.0.0.7" in (await viewer.get("/api/v1/health")).text
    component_down(house)
    assert (await stranger.get("/api/v1/health")).status_code == 503


async def test_metrics_speak_prometheus(house: House, stranger: httpx.AsyncClient) -> None:
    house.vitals.count("gateway_refused", reason="not_json")
    house.vitals.count("gateway_refused", 2, reason="nan", kind="x")
    house.vitals.gauge("feed_viewers", 3)
    house.vitals.report("journal", State.OK, "", START)
    text = (await stranger.get("/metrics", auth=("viewer", PASSWORD))).text
    assert 'mingluo_gateway_refused_total{kind="",reason="not_json"} 1.0' in text
    assert 'mingluo_gateway_refused_total{kind="x",reason="nan"} 2.0' in text
    assert "mingluo_feed_viewers 3.0" in text
    assert 'mingluo_component_state{component="journal",state="ok"} 1.0' in text
    assert text.count("# TYPE mingluo_gateway_refused_total") == 1
    assert (await stranger.get("/api/v1/metrics", auth=("viewer", "wrong"))).status_code == 401
    assert "Basic" in (await stranger.get("/metrics")).headers["WWW-Authenticate"]


async def test_cookie_session_from_sign_in_to_sign_out(stranger: httpx.AsyncClient, house: House) -> None:
    answer = await stranger.post("/api/v1/session", json={"name": "operator", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer.json()["role"] == "operator"
    assert (await stranger.get("/api/v1/session")).json()["account"] == "operator"
    own = {"X-Mingluo": "1"}
    assert (await stranger.delete("/api/v1/session")).status_code == 403
    assert (await stranger.delete("/api/v1/session", headers=own)).status_code == 204
    assert (await stranger.get("/api/v1/session")).status_code == 401


async def test_cookie_is_for_https_only_where_there_is_https(house: House) -> None:
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://house") as client:
        answer = await client.post("/api/v1/session", json={"name": "viewer", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_forged_requests_are_refused(house: House, stranger: httpx.AsyncClient) -> None:
    [event] = house.find()
    foreign = {"Origin": "http://evil.example", "X-Mingluo": "1"}
    credentials = {"name": "operator", "password": PASSWORD}
    assert (await stranger.post("/api/v1/session", json=credentials, headers=foreign)).status_code == 403
    await stranger.post("/api/v1/session", json=credentials, headers={"Origin": "http://house"})
    path = f"/api/v1/alerts/{event.alert}/acknowledge"
    for headers in ({}, foreign):
        answer = await stranger.post(path, json={}, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (403, "foreign_origin")
    own = {"Origin": "http://house", "X-Mingluo": "1"}
    assert (await stranger.post(path, json={}, headers=own)).status_code == 200


async def test_sign_in_is_throttled(stranger: httpx.AsyncClient) -> None:
    wrong = {"name": "admin", "password": "guess"}
    answers = [await stranger.post("/api/v1/session", json=wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_expired_session_is_no_session(house: House, viewer: httpx.AsyncClient) -> None:
    assert (await viewer.get("/api/v1/session")).status_code == 200
    house.clock.now += 13 * HOUR
    assert (await viewer.get("/api/v1/session")).status_code == 401


async def test_password_change(viewer: httpx.AsyncClient) -> None:
    path = "/api/v1/accounts/me/password"
    answer = await viewer.post(path, json={"old": PASSWORD, "new": "short"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "password_too_short")
    assert (await viewer.post(path, json={"old": "wrong", "new": PASSWORD})).status_code == 401
    assert (await viewer.post(path, json={"old": PASSWORD, "new": "a new, long password"})).status_code == 204


@pytest.mark.parametrize("chunked", [False, True])
async def test_large_bodies_are_refused(stranger: httpx.AsyncClient, chunked: bool) -> None:
    body = json.dumps({"name": "x" * BODY_LIMIT, "password": "x"}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:100]
        yield body[100:]

    headers = {"Content-Type": "application/json"}
    answer = await stranger.post("/api/v1/session", content=pieces() if chunked else body, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")


async def test_answers_tell_browsers_to_be_strict(stranger: httpx.AsyncClient) -> None:
    for path in ("/sign-in", "/static/main.js", "/api/v1/health", "/api/v1/alerts"):
        headers = (await stranger.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] in ("no-store", "no-cache")


async def test_pages(stranger: httpx.AsyncClient, viewer: httpx.AsyncClient) -> None:
    answer = await stranger.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert 'lang="zh"' in (await stranger.get("/sign-in", headers={"Accept-Language": "zh-CN,en;q=0.5"})).text
    page = await viewer.get("/")
    assert 'data-role="viewer"' in page.text
    assert 'lang="en"' in page.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh-CN", "zh"),
        ("fr;q=1, zh;q=0.2, en;q=0.9", "en"),
        ("de", "en"),
        ("zh;q=x", "zh"),
        (";;,;q=", "en"),
    ],
)
def test_language_of_the_browser(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language
