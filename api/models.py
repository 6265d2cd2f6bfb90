"""The shapes of requests and answers, as the OpenAPI document describes them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.accounts import Role
from api.present import AlertState
from community.alert import EventKind
from community.estate import DeviceKind, Material, PlaceKind, Ratings
from community.refusal import Reason
from community.severity import Category
from community.vitals import State

SeverityWord = Literal["normal", "warning", "alarm", "critical"]

_AT = 1_795_341_600_000
Time = Field(description="UTC milliseconds since 1970", examples=[_AT])
MaybeTime = Field(default=None, description="UTC milliseconds since 1970; null: not (yet)", examples=[_AT])


class PlaceStep(BaseModel):
    """One step of the way from the district down to the building."""

    id: str = Field(examples=["xijiang"])
    name: str = Field(examples=["西江"])
    kind: PlaceKind


class Group(BaseModel):
    """What an alert is about that concerns many homes at once."""

    level: str = Field(description="`building`, `feeder`, `phase` or `community`", examples=["feeder"])
    name: str = Field(examples=["f1"])


class Where(BaseModel):
    """The place by names, and what responders must know about it."""

    place: list[PlaceStep] = Field(description="from the top down")
    group: Group | None = Field(description="of an alert about many homes; it has no household")
    household_name: str = Field(examples=["杨家"])
    address: str = Field(examples=["羊排 12 号"])
    position: tuple[float, float] | None = Field(description="latitude, longitude, degrees", examples=[[26.49, 108.17]])
    material: Material | None
    lives_alone: bool
    needs_help: bool
    notes: str
    device_name: str
    device_kind: DeviceKind | None


class AlertView(BaseModel):
    """The present state of one alert."""

    id: str = Field(description="`<device>:<rule>:<raised_at>`", examples=[f"d0012:residual.shock:{_AT}"])
    state: AlertState
    rule: str = Field(examples=["residual.shock"])
    rule_version: str = Field(description="content hash of the rule", examples=["5f2c9a"])
    category: Category
    severity: SeverityWord = Field(description="present severity; `normal` once the condition has returned")
    highest: SeverityWord = Field(description="highest severity reached; what an acknowledgement answers")
    acknowledged: bool
    latched: bool = Field(description="stays open until a person resets it")
    device: str = Field(examples=["d0012"])
    household: str = Field(examples=["h0012"])
    community: str = Field(examples=["xijiang"])
    incident: str = Field(examples=[f"h0012@{_AT}"])
    raised_at: int = Time
    returned_at: int | None = MaybeTime
    acknowledged_at: int | None = MaybeTime
    acknowledged_by: str | None = Field(default=None, examples=["admin"])
    closed_at: int | None = MaybeTime
    value: float | None = Field(default=None, description="the deciding value, in `unit`", examples=[41.2])
    threshold: float | None = Field(default=None, description="the limit crossed, in `unit`", examples=[30])
    unit: str = Field(examples=["mA"])
    late: bool = Field(description="raised by a reading older than its device's newest")
    evidence: dict[str, Any] = Field(
        description="values, times, hold, clear level, standard and clause", examples=[{"standard": "IEC 61008-1"}]
    )
    where: Where


class EventView(BaseModel):
    """One event in the life of an alert."""

    number: int = Field(description="position in the journal; what `Last-Event-ID` counts", examples=[42])
    ts: int = Time
    event: EventKind
    rule: str = Field(examples=["residual.shock"])
    severity: SeverityWord
    category: Category
    device: str = Field(examples=["d0012"])
    household: str = Field(examples=["h0012"])
    community: str = Field(examples=["xijiang"])
    incident: str = Field(examples=[f"h0012@{_AT}"])
    value: float | None = Field(default=None, examples=[41.2])
    threshold: float | None = Field(default=None, examples=[30])
    unit: str = Field(examples=["mA"])
    late: bool
    alert: str = Field(description="the alert's id", examples=[f"d0012:residual.shock:{_AT}"])
    reason: str = Field(description="named reason of the decision", examples=["worse_turn"])
    actor: str | None = Field(default=None, description="account of a person's action; null: the engine")
    note: str | None = Field(default=None, description="what the person wrote")
    evidence: dict[str, Any] = Field(examples=[{"standard": "IEC 61008-1"}])


class AlertPage(BaseModel):
    """Some alerts, newest first."""

    alerts: list[AlertView]
    next: str | None = Field(description="give it as `before` for the next page; null: this was the last")
    last_number: int = Field(
        description="the journal as of this answer: follow the stream with `after` = this, and nothing is missed",
        examples=[42],
    )


class EventPage(BaseModel):
    """Some events, in order."""

    events: list[EventView]
    last_number: int = Field(description="the greatest number given so far", examples=[42])


class Feed(BaseModel):
    """The data of an `alert` event on the stream."""

    event: EventView
    alert: AlertView | None = Field(description="the alert as it is now")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Acknowledgement(_Body):
    """A person has taken note."""

    note: str | None = Field(default=None, max_length=1000, examples=["called, neighbour is looking"])
    seen: SeverityWord | None = Field(
        default=None,
        description="the highest severity that the person was shown. If the alert has been worse since, it is refused "
        "(409 `worse_meanwhile`): nobody acknowledges what they have not seen",
    )


class ResetOrder(_Body):
    """A person ends a latched alert."""

    note: str | None = Field(default=None, max_length=1000, examples=["house aired, detector checked"])


class Credentials(_Body):
    """Name and password."""

    name: str = Field(min_length=1, max_length=64, examples=["admin"])
    password: str = Field(min_length=1, max_length=256, examples=["k7mxa-9wqtr-hc3vu-p4end"])


class PasswordChange(_Body):
    """The old password and the new one."""

    old: str = Field(min_length=1, max_length=256)
    new: str = Field(min_length=1, max_length=256, description="at least 12 characters")


class WhoAmI(BaseModel):
    """Who is signed in."""

    account: str = Field(examples=["admin"])
    role: Role
    expires_at: int = Field(description="the session ends then unless it is used again, UTC ms", examples=[_AT])


class Session(WhoAmI):
    """A new session. The cookie is set too; `token` is for scripts: `Authorization: Bearer <token>`."""

    token: str = Field(examples=["u3Vd..."])


class PlaceView(BaseModel):
    """A node of the tree of places."""

    id: str
    name: str
    kind: PlaceKind
    parent: str | None
    timezone: str | None = Field(description="IANA name; null: that of the place above", examples=["Asia/Shanghai"])


class HouseholdView(BaseModel):
    """A home."""

    id: str
    place: str
    name: str
    address: str
    position: tuple[float, float] | None
    material: Material | None
    lives_alone: bool
    needs_help: bool
    activity_consent: bool = Field(description="agreed that somebody is told when there is no sign of life")
    may_wander: bool = Field(description="the door is watched at night")
    notes: str


class DeviceView(BaseModel):
    """An installed device; its secret is never shown."""

    id: str
    household: str
    kind: DeviceKind
    name: str
    profile: str
    interval_s: float = Field(description="reporting interval, s: its own, or the usual one of its kind")
    feeder: str | None
    phase: str | None
    ratings: Ratings
    has_secret: bool = Field(description="whether it may connect to the embedded broker")


class DeviceDetails(DeviceView):
    """An installed device, and where it is."""

    where: Where


class EstateView(BaseModel):
    """Who lives where, and what is installed."""

    places: list[PlaceView]
    households: list[HouseholdView]
    devices: list[DeviceView]


class Imported(BaseModel):
    """The new estate is in force."""

    version: int = Field(examples=[7])


class RefusalView(BaseModel):
    """A message that was not let in."""

    at: int = Time
    device: str | None
    topic: str = Field(examples=["mingluo/v1/xijiang/h0012/d0012/telemetry"])
    reason: Reason
    detail: str = Field(examples=["values.voltage: 1e9 is outside 0..1000 V"])
    size: int = Field(description="length of the whole payload, bytes")
    payload: str | None = Field(description="its first 4,096 bytes as text; null: not UTF-8")
    payload_base64: str = Field(description="its first 4,096 bytes")


class Quarantine(BaseModel):
    """The latest refused messages, newest first."""

    refusals: list[RefusalView]


class MessageEvent(BaseModel):
    """An event that a message told."""

    name: str = Field(examples=["smoke_alarm"])
    active: bool


class MessageFault(BaseModel):
    """What of a message was refused."""

    reason: Reason
    detail: str = Field(examples=["values.voltage: 1e+09 is outside 0..1000 V"])


class MessageView(BaseModel):
    """One of a device's last messages, and what became of it."""

    number: int = Field(description="running number of its messages since the start; a gap: some were not kept")
    at: int = Time
    topic: str = Field(examples=["tele/tasmota_4B3316/SENSOR"])
    outcome: Literal["accepted", "event", "quarantined", "ignored"] = Field(
        description="`accepted` and `event`: at least a part of it came in"
    )
    profile: str = Field(description="by which it was read", examples=["tasmota"])
    values: dict[str, float] = Field(description="what came in, in canonical units", examples=[{"voltage": 229.8}])
    events: list[MessageEvent]
    faults: list[MessageFault] = Field(description="what of it was refused, and why")
    retained: bool = Field(description="whether it was the broker's stored copy, of unknown age")
    size: int = Field(description="length of the whole payload, bytes")
    payload: str | None = Field(description="its first 512 bytes as text; null: not UTF-8")
    payload_base64: str = Field(description="its first 512 bytes")


class Messages(BaseModel):
    """The last messages of a device, newest first."""

    device: str
    messages: list[MessageView]


class RuleView(BaseModel):
    """A rule, as people need it: what it is called and what to do."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(examples=["residual.shock"])
    title: dict[str, str] = Field(description="by language", examples=[{"zh": "触电危险", "en": "Shock hazard"}])
    guidance: dict[str, dict[str, str]] = Field(
        default={},
        description="what to do, by role (resident, staff, responder; those without guidance are absent) and language",
        examples=[{"staff": {"zh": "打电话给住户", "en": "Call the household"}}],
    )
    category: Category
    standard: str = Field(default="", examples=["IEC 61008-1"])


class Rules(BaseModel):
    """Every rule in force."""

    rules: list[RuleView]


class ComponentView(BaseModel):
    """One component's state."""

    name: str = Field(examples=["journal"])
    state: State
    since: int = Time
    detail: str | None = Field(default=None, description="why; only for people who are signed in")


class Health(BaseModel):
    """How this process is doing."""

    status: State = Field(description="the worst state of any component")
    version: str | None = Field(default=None, description="only for people who are signed in")
    components: list[ComponentView]
