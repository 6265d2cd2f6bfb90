"""A small house to look into: a real desk over a journal in memory, accounts, an estate, and a window to open."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from alerts.desk import Desk
from alerts.journal import AlertFilter, JournalUnavailable
from alerts.journal_memory import MemoryJournal
from api.accounts import Accounts, Role
from api.announcements import Announcements, NothingAnnounced
from api.app import create_app
from api.context import Context
from api.feed import Feed
from api.histories import Histories, NotConnected
from api.passwords import Cost
from api.problems import Unavailable
from api.tables import account, session
from api.transmitters import NoTransmitters, Transmitters
from community.alert import Alert, AlertEvent
from community.database import metadata, open_database
from community.estate import Bridge, Device, DeviceKind, Estate, Household, Material, Place, PlaceKind
from community.estate_file import load_estate
from community.finding import Finding
from community.recent import RecentMessage
from community.refusal import Refusal
from community.severity import Category, Severity
from community.vitals import State, Vitals
from rules.store_table import rulebook_table
from tests.api.rulebooks import HouseRulebooks

CHEAP = Cost(n=2, r=1, p=1)
PASSWORD = "a long enough password"
START = 1_795_341_600_000

RULES: list[dict[str, Any]] = [
    {
        "id": "residual.shock",
        "title": {"zh": "触电危险:剩余电流过大", "en": "Shock hazard: residual current"},
        "guidance": {
            "staff": {"zh": "打电话给住户,不要触碰电器。", "en": "Call the household; nobody should touch appliances."}
        },
        "category": "life",
        "standard": "IEC 61008-1",
    },
    {
        "id": "smoke.alarm",
        "title": {"zh": "烟雾报警", "en": "Smoke alarm"},
        "guidance": {
            "staff": {"zh": "打电话给住户和邻居,派人查看。", "en": "Call the household and a neighbour; send somebody."}
        },
        "category": "life",
        "standard": "GB/T 45839-2025",
    },
    {
        "id": "terminal.temperature",
        "title": {"zh": "接线端子过热", "en": "Terminal too warm"},
        "guidance": {"staff": {"zh": "安排电工紧固端子。", "en": "Have an electrician tighten the terminal."}},
        "category": "deterioration",
        "standard": "IEC 60898-1",
    },
    {
        "id": "voltage.over",
        "title": {"zh": "过电压", "en": "Over-voltage"},
        "guidance": {"staff": {"zh": "检查零线。", "en": "Check the neutral."}},
        "category": "deterioration",
        "standard": "GB/T 12325-2008",
    },
    {
        "id": "device.silent",
        "title": {"zh": "设备失联", "en": "Device silent"},
        "guidance": {"staff": {"zh": "检查电源和网络。", "en": "Check its power and network."}},
        "category": "supervisory",
        "standard": "EN 50136-1",
    },
]


def small_estate() -> Estate:
    """Three hamlets, twelve wooden houses, a protector and a smoke detector in each."""
    places = (
        Place(id="leishan", name="雷山", kind=PlaceKind.DISTRICT),
        Place(id="xijiang", name="西江", kind=PlaceKind.COMMUNITY, parent="leishan"),
        Place(id="yangpai", name="羊排", kind=PlaceKind.BUILDING, parent="xijiang"),
        Place(id="dongyin", name="东引", kind=PlaceKind.BUILDING, parent="xijiang"),
        Place(id="pingzhai", name="平寨", kind=PlaceKind.BUILDING, parent="xijiang"),
    )
    hamlets = ("yangpai", "dongyin", "pingzhai")
    households = tuple(
        Household(
            id=f"h{i:04}",
            place=hamlets[i % 3],
            name=("杨家", "李家", "侯家", "宋家")[i % 4],
            address=f"{i + 1} 号",
            position=(26.49 + i / 1e4, 108.17),
            material=Material.WOOD,
            lives_alone=i % 5 == 2,
            needs_help=i % 4 == 1,
        )
        for i in range(12)
    )
    devices = tuple(
        Device(id=f"{kind.value[0]}{i:04}", household=f"h{i:04}", kind=kind, secret="never shown to anyone")
        for i in range(12)
        for kind in (DeviceKind.ELECTRICAL_PROTECTOR, DeviceKind.SMOKE)
    )
    bridge = Bridge(id="b1", profile="zigbee2mqtt", secret="never shown to anyone")
    return Estate(place=places, household=households, device=devices, bridge=(bridge,))


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: int = START

    def __call__(self) -> int:
        return self.now


class Signs(Vitals):
    """Vitals that can be waited on."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def gauge(self, name: str, value: float, **labels: str) -> None:
        super().gauge(name, value, **labels)
        with self._changed:
            self._changed.notify_all()

    def report(self, component: str, state: State, detail: str, now: int) -> None:
        super().report(component, state, detail, now)
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, ten seconds at most."""
        with self._changed:
            assert self._changed.wait_for(holds, timeout=10)

    def is_in(self, name: str, state: State) -> bool:
        """Whether the component `name` is in `state`."""
        return any(c.name == name and c.state is state for c in self.components())


class Journal(MemoryJournal):
    """The journal in memory, with a line that can be cut."""

    cut = False

    def transaction(self) -> Any:
        self._check()
        return super().transaction()

    def alerts(self, wanted: AlertFilter, limit: int = 100, before: Alert | None = None) -> list[Alert]:
        self._check()
        return super().alerts(wanted, limit, before)

    def alert(self, alert_id: str) -> Alert | None:
        self._check()
        return super().alert(alert_id)

    def events(self, after: int = 0, limit: int = 1000) -> list[AlertEvent]:
        self._check()
        return super().events(after, limit)

    def last_number(self) -> int:
        self._check()
        return super().last_number()

    def _check(self) -> None:
        if self.cut:
            raise JournalUnavailable("secret path: database is locked")


@dataclass
class House:
    """Everything behind the window, with the means to make things happen."""

    database: Path
    clock: Clock = field(default_factory=Clock)
    vitals: Signs = field(default_factory=Signs)
    journal: Journal = field(default_factory=Journal)
    estate: Estate = field(default_factory=small_estate)
    refusals: list[Refusal] = field(default_factory=list)
    messages: list[RecentMessage] = field(default_factory=list)
    transmitters: Transmitters = field(default_factory=NoTransmitters)
    announcements: Announcements = field(default_factory=NothingAnnounced)
    histories: Histories = field(default_factory=NotConnected)
    keep_alive_s: float = 5.0
    away: bool = False

    def __post_init__(self) -> None:
        engine = open_database(f"sqlite:///{self.database}")
        metadata.create_all(engine, tables=[account, session, rulebook_table])
        self.accounts = Accounts(engine, cost=CHEAP)
        for role in Role:
            self.accounts.create(role.value, role, PASSWORD, self.clock.now)
        self.rulebooks = HouseRulebooks(engine, self.clock)
        self.close = engine.dispose
        self.desk = Desk(self.journal, [], self.vitals, self.clock, self._committed)
        self.version = 1
        self._position = 0
        self.open_window()

    def open_window(self) -> FastAPI:
        """A new feed and application over the same journal, as after a restart."""
        self.feed = Feed(self.journal, lambda: self.estate, self.vitals, self.clock, keep_alive_s=self.keep_alive_s)
        self.app = create_app(
            Context(
                journal=self.journal,
                desk=self.desk,
                accounts=self.accounts,
                feed=self.feed,
                vitals=self.vitals,
                clock=self.clock,
                estate=lambda: self.estate,
                import_estate=self._import_estate,
                refusals=self._refusals,
                messages=self._messages,
                rules=lambda: RULES,
                rulebooks=self.rulebooks,
                version="0.1.0",
                profiles=("native", "zigbee2mqtt"),
                transmitters=self.transmitters,
                announcements=self.announcements,
                histories=self.histories,
            )
        )
        return self.app

    def find(
        self,
        rule: str = "residual.shock",
        house: int = 0,
        severity: Severity = Severity.ALARM,
        *,
        category: Category | None = None,
        value: float | None = 41.2,
        threshold: float | None = 24.0,
        unit: str = "mA",
        ts: int | None = None,
    ) -> list[AlertEvent]:
        """Let the engine find something, and the desk handle it."""
        self._position += 1
        at = self.clock.now if ts is None else ts
        title = next(r for r in RULES if r["id"] == rule)
        device = ("s" if rule.startswith("smoke") else "e") + f"{house:04}"
        finding = Finding(
            rule=rule,
            rule_version="5f2c9a",
            category=category or Category(title["category"]),
            device=device,
            household=f"h{house:04}",
            community="xijiang",
            severity=severity,
            previous=Severity.NORMAL,
            ts=at,
            since=at - 10_000,
            received_at=at + 120,
            value=value,
            threshold=threshold,
            unit=unit,
            evidence={
                "signal": "residual_current",
                "hold_s": 10,
                "clear": 20.0,
                "standard": title["standard"],
                "clause": "9.9.2",
                "samples": [[at - 10_000, 38.0], [at, 41.2]],
            },
        )
        return self.desk.handle(0, self._position, [finding])

    def _committed(self, _events: Sequence[AlertEvent]) -> None:
        self.feed.wake()

    async def _import_estate(self, text: str, actor: str) -> int:
        self.estate = load_estate(text, f"import by {actor}")
        self.version += 1
        return self.version

    async def _messages(self, device: str) -> list[RecentMessage]:
        if self.away:
            raise Unavailable("the broker does not answer")
        return self.messages if device == "e0001" else []

    async def _refusals(self, device: str | None, limit: int) -> list[Refusal]:
        if self.away:
            raise Unavailable("the broker does not answer")
        return [r for r in self.refusals if device is None or r.device == device][:limit]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Window:
    """The application of a house on a real socket, in a thread of its own."""

    def __init__(self, house: House, port: int = 0) -> None:
        self.house = house
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(house.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=5)
        self._server = _Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="window")

    async def _serve(self) -> None:
        following = asyncio.create_task(self.house.feed.run())
        await self._server.serve([self._listener])
        self.house.feed.close()
        await following

    def __enter__(self) -> "Window":
        self._listener.listen(128)  # from here on connections wait until they are answered
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.house.feed.close()
        self._server.should_exit = True
        self._thread.join(timeout=20)
        assert not self._thread.is_alive(), "the server did not stop"


def component_down(house: House, name: str = "journal") -> None:
    """Report a component as not doing its task."""
    house.vitals.report(name, State.DOWN, "database is locked", house.clock.now)
