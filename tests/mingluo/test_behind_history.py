"""The history behind the window: what is asked over HTTP, against a real store, and a store that does not answer."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.context import Context
from api.histories import NotConnected
from community.clock import DAY, HOUR, MINUTE, format_time
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.frame import Reading
from community.recording import read_recording
from community.vitals import State, Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.store import HistoryReader, HistoryUnavailable, Last, Retention
from mingluo import behind_history
from mingluo.behind_history import BehindHistory
from tests.api.house import START, House
from tests.gateway.history.influx.makers import batch

READINGS = [
    Reading(d, START - HOUR + k * MINUTE, START - HOUR + k * MINUTE + 50, {"voltage": 220.0 + k, "smoke_alarm": 0.0})
    for k in range(60)
    if not 20 <= k < 40
    for d in ("p1", "p2")
]
RETENTION = Retention(min_free_bytes=0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "accounts.db")
    yield house
    house.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckStore]:
    store = DuckStore(tmp_path / "history", RETENTION, Vitals())
    store.write(batch(7, READINGS, ticks=range(START - HOUR, START, 10_000)))
    yield store
    store.close()


def estate() -> Estate:
    return Estate(
        place=(Place(id="v", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="v"),),
        device=tuple(
            Device(id=d, household="h", kind=DeviceKind.ELECTRICAL_PROTECTOR, interval_s=60) for d in ("p1", "p2")
        ),
    )


class Opened:
    """A window onto a history, and who asks there."""

    def __init__(self, house: House, store: HistoryReader, spool: Path) -> None:
        self.asked: list[Sequence[str]] = []
        self.vitals = Vitals()
        self.behind = BehindHistory("duckdb", store, RETENTION, estate, self.vitals, lambda: 7, self._rebuild, spool)
        context: Context = house.app.state.context
        app = create_app(replace(context, histories=self.behind, local_token="the token of the run file"))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://house",
            headers={"Authorization": "Bearer the token of the run file"},
        )

    def _rebuild(self, devices: Any) -> int:
        self.asked.append(list(devices))
        return 5


@pytest.fixture
async def opened(house: House, store: DuckStore, tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened(house, store, tmp_path / "spool")
    async with opened.client:
        yield opened
    opened.behind.close()


def span(**more: Any) -> dict[str, Any]:
    return {"start": str(START - HOUR), "end": str(START), **more}


async def test_series_in_columns_with_gaps(opened: Opened) -> None:
    params = span(device=["p1", "p1", "nobody"], signal=["voltage", "smoke_alarm"])
    answer = (await opened.client.get("/api/v1/history", params=params)).json()
    voltage, smoke = answer["series"]
    assert (voltage["device"], voltage["signal"], voltage["unit"], voltage["width"]) == ("p1", "voltage", "V", 0)
    mine = [r for r in READINGS if r.device == "p1"]
    assert voltage["ts"] == [r.ts for r in mine]
    assert voltage["last"] == voltage["min"] == [r.values["voltage"] for r in mine]
    assert voltage["gaps"] == [[START - HOUR + 19 * MINUTE, START - 20 * MINUTE]]
    assert smoke["gaps"] == []  # an event is told when it changes
    assert answer["flags"] == {"1": "late", "2": "clock_fault", "4": "sensor_fault", "8": "contradiction"}
    assert answer["kept"] == {"raw": 30 * DAY, "minutes": 365 * DAY, "hours": None}

    fewer = span(device="p1", signal="voltage", points=6, start=format_time(START - HOUR))
    (series,) = (await opened.client.get("/api/v1/history", params=fewer)).json()["series"]
    assert (series["width"], series["max"][0], series["count"][0]) == (10 * MINUTE, 229, 10)


@pytest.mark.parametrize(
    ("params", "place", "message"),
    [
        (span(device="p1", signal="voltagee"), "query.signal", "did you mean voltage?"),
        (span(device="p1", signal="voltage", end="5"), "query.end", "expected a time after start"),
        (span(device="p1", signal="voltage", start="yesterday"), "query.start", "not an RFC 3339 time"),
        (span(device="p 1", signal="voltage"), "query.device.0", "match pattern"),
        (span(device="p1", signal="voltage", points=0), "query.points", "greater than or equal to 1"),
        (span(device="p1", signal="voltage", resolution="2m"), "query.resolution", "'raw', '1m' or '1h'"),
        (span(signal="voltage"), "query.device", "required"),
    ],
)
async def test_a_wrong_question_is_told_where_and_why(
    opened: Opened, params: dict[str, Any], place: str, message: str
) -> None:
    answer = await opened.client.get("/api/v1/history", params=params)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["place"] == place
    assert message in fault["message"]


async def test_last_values_and_status(opened: Opened) -> None:
    answer = (await opened.client.get("/api/v1/history/last", params={"device": ["p2", "nobody"]})).json()
    assert answer == {
        "devices": {
            "p2": {
                "voltage": {"ts": START - MINUTE, "value": 279.0},
                "smoke_alarm": {"ts": START - MINUTE, "value": 0.0},
            }
        }
    }
    opened.vitals.report("history", State.OK, "writes", START)
    opened.vitals.gauge("historian_lag_seconds", 1.5)
    status = (await opened.client.get("/api/v1/history/status")).json()
    assert status["bytes"] > 0
    assert status["rows"]["raw"] == len(READINGS)
    assert status["oldest"]["raw"] == START - HOUR
    assert {k: status[k] for k in ("store", "state", "detail", "position", "lag_seconds", "max_bytes")} == {
        "store": "duckdb",
        "state": "ok",
        "detail": "writes",
        "position": 7,
        "lag_seconds": 1.5,
        "max_bytes": RETENTION.max_bytes,
    }


async def test_an_export_can_be_replayed(opened: Opened) -> None:
    answer = await opened.client.get("/api/v1/history/export", params=span(format="jsonl", device="p1"))
    assert answer.headers["content-type"] == "application/jsonl"
    assert "attachment" in answer.headers["content-disposition"]
    found = [r for record in read_recording(answer.content.splitlines()) for r in getattr(record, "readings", list)()]
    assert found == [r for r in READINGS if r.device == "p1"]
    table = await opened.client.get("/api/v1/history/export", params=span(format="csv", resolution="1m"))
    assert len(table.text.splitlines()) == 1 + 2 * len(READINGS)
    for wrong in (span(format="xls"), span(format="csv", signal="nothing"), span(format="csv", end="1")):
        assert (await opened.client.get("/api/v1/history/export", params=wrong)).status_code == 422


async def test_baselines_are_rebuilt_on_request_of_an_admin(opened: Opened, house: House) -> None:
    answer = await opened.client.post("/api/v1/history/rebuild", json={"devices": ["p1", "p1"]})
    assert (answer.status_code, answer.json()) == (202, {"waiting": 5})
    assert opened.asked == [["p1"]]


class Hanging:
    """A store that answers nothing until it is let go; all that is asked of it is counted."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def last(self, devices: Sequence[str]) -> dict[str, dict[str, Last]]:
        self.go_on.wait(60)
        return {}

    def usage(self) -> Any:
        raise HistoryUnavailable("the server is away")


async def test_a_store_that_hangs_delays_nobody_else(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind_history, "PATIENCE_S", 0.2)
    monkeypatch.setattr(behind_history, "WAITING", 6)
    store = Hanging()
    opened = Opened(house, store, tmp_path)  # type: ignore[arg-type]  # the part of it that is asked here
    try:
        ask = [opened.client.get("/api/v1/history/last", params={"device": "p1"}) for _ in range(20)]
        answers = asyncio.gather(*ask)
        assert (await opened.client.get("/api/v1/alerts")).status_code == 200
        said = sorted({a.json()["detail"] for a in await answers})
        assert said == [
            "the history has not answered within 0 s",
            "the history is being asked too much at once; try again",
        ]
        assert {a.status_code for a in answers.result()} == {503}
        assert opened.vitals.counter("history_questions_refused") == 14
    finally:
        store.go_on.set()
        await opened.client.aclose()
        opened.behind.close()


async def test_a_store_that_is_away_is_told(house: House, tmp_path: Path) -> None:
    opened = Opened(house, Hanging(), tmp_path)  # type: ignore[arg-type]  # as above
    status = (await opened.client.get("/api/v1/history/status")).json()
    assert (status["state"], status["detail"]) == (
        "degraded",
        "the history cannot be asked now: the server is away",
    )
    assert status["bytes"] is None
    await opened.client.aclose()
    opened.behind.close()


async def test_without_a_history_every_question_says_so(house: House) -> None:
    context: Context = house.app.state.context
    app = create_app(replace(context, histories=NotConnected(), local_token="t"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://house", headers={"Authorization": "Bearer t"}
    ) as client:
        for path, params in (
            ("", span(device="p1", signal="voltage")),
            ("/last", {"device": "p1"}),
            ("/status", {}),
            ("/export", span(format="csv")),
        ):
            answer = await client.get(f"/api/v1/history{path}", params=params)
            assert (answer.status_code, answer.json()["reason"]) == (404, "no_history")
        for token, expected in (("t", 404), ("T", 401), ("", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await client.get("/api/v1/history/status", headers=headers)).status_code == expected
