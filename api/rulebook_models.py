"""The shapes of what is said about rulebooks, as the OpenAPI document describes them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.models import MaybeTime, SeverityWord, Time
from community.severity import Category
from rules.store import Origin

_NOTE = Field(default="", max_length=1000, description="why; kept with the version", examples=["after the storm"])
_TEXT = Field(max_length=2 * 2**20, description="TOML", examples=['extends = "standard"\n'])


class VersionView(BaseModel):
    """One version of the rulebook."""

    version: int = Field(examples=[7])
    made_at: int = Time
    made_by: str = Field(description="an account, `command line` or `start`", examples=["admin"])
    origin: Origin = Field(description="the release's pack, the file of the start, or a person's order")
    note: str = Field(examples=["after the storm"])
    content: str = Field(description="hash of its rules and overrides", examples=["5f2c9a5f2c9a"])


class VersionPage(BaseModel):
    """Versions, newest first."""

    versions: list[VersionView]
    next: int | None = Field(description="give it as `before` for the next page; null: this was the last")


class CurrentRulebook(BaseModel):
    """The rulebook in force. `made_*`, `note` and `origin` are null for version 0, the pack as it is shipped."""

    version: int = Field(examples=[7])
    made_at: int | None = MaybeTime
    made_by: str | None = None
    origin: Origin | None = None
    note: str | None = None
    content: str = Field(examples=["5f2c9a5f2c9a"])
    newest: int = Field(description="greater than `version` if the newest cannot be used, or is about to be taken over")
    text: str = _TEXT
    rules: list[dict[str, Any]] = Field(description="as read, with defaults; each with its own `version`")
    overrides: list[dict[str, Any]]


class RulebookText(BaseModel):
    """The text of a version."""

    version: int
    text: str = _TEXT


class CheckedView(BaseModel):
    """It is right, and could be put in force."""

    content: str = Field(examples=["5f2c9a5f2c9a"])
    rules: int = Field(examples=[84])
    overrides: int = Field(examples=[2])
    notes: list[str] = Field(
        description="what people should know", examples=[["an override names place b9, which the estate does not know"]]
    )


class Applied(BaseModel):
    """It is stored, and in force from now on."""

    version: int = Field(examples=[8])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RollbackOrder(_Body):
    """Back to an earlier version."""

    version: int = Field(ge=1, examples=[6])
    note: str = _NOTE


class BacktestOrder(_Body):
    """A rulebook to be tried over the log."""

    text: str = _TEXT
    since_days: float = Field(default=30, gt=0, le=3660, description="how far back alerts are counted")
    warm_up_days: float = Field(default=14, ge=0, le=3660, description="how much before that is read, uncounted")


class RehearsedView(BaseModel):
    """What a rule in rehearsal found: a change of its level that nobody was told of."""

    number: int = Field(description="rises in the order of recording", examples=[42])
    ts: int = Time
    rule: str = Field(examples=["terminal.trial"])
    rule_version: str
    category: Category
    device: str = Field(examples=["d0012"])
    household: str
    community: str
    severity: SeverityWord
    previous: SeverityWord
    value: float | None
    threshold: float | None
    unit: str
    late: bool
    evidence: dict[str, Any]


class RehearsalPage(BaseModel):
    """What rules in rehearsal found, newest first."""

    findings: list[RehearsedView]
    next: int | None = Field(description="give it as `before` for the next page; null: this was the last")


class FiredView(BaseModel):
    """One alert of a backtest."""

    rule: str
    category: Category
    device: str
    household: str
    zone: str = Field(examples=["Asia/Shanghai"])
    raised_at: int = Time
    told_at: int = Time
    called_at: int | None = MaybeTime
    cleared_at: int | None = MaybeTime
    highest: SeverityWord
    value: float | None
    unit: str


class SpanView(BaseModel):
    """What was really covered: the log keeps readings for a limited time."""

    asked: int | None = MaybeTime
    warm_up_from: int = Time
    begin: int = Time
    end: int = Time
    records: int
    readings: int
    households: int


class ComparedView(BaseModel):
    """Alerts of one rule or household under both rulebooks. Times in UTC ms, durations in s."""

    name: str
    old: int
    new: int
    both: int
    only_old: int
    only_new: int
    first_old: int | None = MaybeTime
    first_new: int | None = MaybeTime
    median_old_s: float | None
    median_new_s: float | None
    earlier_s: float | None = Field(description="how much earlier the new one tells what both tell, s; median")


class LoadView(BaseModel):
    """What one rulebook asks of the people on duty."""

    alerts: int
    life: int
    calls: int = Field(description="alerts for which somebody has to be called at once: life, or alarm and worse")
    calls_at_night: int = Field(description="between 22 and 06 local time")
    calls_a_night: float
    per_shift_mean: float = Field(description="alerts in a shift of 8 h")
    per_shift_median: float
    per_shift_most: int
    per_household_year: float
    rehearsed: int
    left_out: int = Field(description="alerts that were too many to be compared")


class WarnedView(BaseModel):
    """How one rulebook warned of what really happened."""

    before: int = Field(description="told more than a minute before")
    at_once: int = Field(description="told within a minute")
    missed: int
    median_lead_s: float | None


class IncidentView(BaseModel):
    """Something that really happened, and how long before it people would have been told, s."""

    household: str
    at: int = Time
    what: str = Field(examples=["short_circuit_alarm"])
    old_rule: str | None
    old_lead_s: float | None
    new_rule: str | None
    new_lead_s: float | None


class BacktestReport(BaseModel):
    """What would have been told, and what not, against what the rulebook in force tells of the same readings."""

    old: str = Field(description="hash of the rulebook in force")
    new: str
    span: SpanView
    load_old: LoadView
    load_new: LoadView
    warned_old: WarnedView
    warned_new: WarnedView
    rules: list[ComparedView]
    households: list[ComparedView]
    incidents: list[IncidentView]
    gone: list[FiredView] = Field(description="alerts that would not have been told, the first 50")
    added: list[FiredView] = Field(description="alerts that would have been new, the first 50")
    left_out: int = Field(description="households and incidents that are not named here")


class ExplanationView(BaseModel):
    """Why an alert was raised, in words and as data."""

    model_config = ConfigDict(extra="allow")

    rule: str
    version: str = Field(description="of the rule, as it was when it spoke")
    in_force: bool | None = Field(description="whether that version still holds; null: it cannot be told")
    title: str
    sentences: list[str]
    guidance: dict[str, str] = Field(description="what to do, by role")
    standard: str
    clause: str
