"""The shapes of what is said about the history, as the OpenAPI document describes them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.histories import ResolutionWord
from api.models import Time
from api.routes.estate import DEVICE_ID

Store = Literal["duckdb", "influxdb", "victoriametrics"]


class SeriesView(BaseModel):
    """One signal of one device over time, in columns. A stretch without readings has no points."""

    device: str = Field(examples=["d0012"])
    signal: str = Field(examples=["residual_current"])
    unit: str = Field(description="empty for events and ratios", examples=["mA"])
    width: int = Field(description="ms that a point stands for; 0: points are single readings", examples=[60_000])
    ts: list[int] = Field(description="UTC milliseconds at which each point begins")
    min: list[float]
    mean: list[float]
    max: list[float]
    last: list[float]
    count: list[int] = Field(description="values in each point")
    quality: list[float] = Field(description="share of them that nothing speaks against, 0 to 1")
    flags: list[int] = Field(description="what speaks against them, as bits; see `flags` of the answer")
    interval: int = Field(description="ms after which the device usually reports again", examples=[60_000])
    gaps: list[tuple[int, int]] = Field(description="stretches without a value, from and to, UTC ms")


class Kept(BaseModel):
    """How long what is kept, ms; null: for ever."""

    raw: int
    minutes: int
    hours: int | None = None


class HistoryAnswer(BaseModel):
    """Series, in the order of the devices and signals asked for; those without a point are left out."""

    start: int = Time
    end: int = Time
    series: list[SeriesView]
    flags: dict[str, str] = Field(description="bit → name", examples=[{"1": "late", "4": "sensor_fault"}])
    kept: Kept


class LastValue(BaseModel):
    """The latest value of a signal, by event time."""

    ts: int = Time
    value: float


class LastValues(BaseModel):
    """Device → signal → latest value."""

    devices: dict[str, dict[str, LastValue]]


class HistoryStatus(BaseModel):
    """What there is, and how far it has come."""

    store: Store
    state: str = Field(description="state of the historian", examples=["ok"])
    detail: str = Field(description="why", examples=["writes"])
    position: int = Field(description="of the readings log, up to which everything is kept")
    lag_seconds: float | None = Field(description="how far that lies behind the clock; null: not known yet")
    bytes: int | None = Field(description="on disk; null: the store does not tell")
    max_bytes: int | None = Field(description="the bound on it; null: the store has its own")
    rows: dict[ResolutionWord, int] | None = Field(description="by resolution; null: the store does not tell")
    oldest: dict[ResolutionWord, int] = Field(description="event time of the oldest, UTC ms")
    kept: Kept


class RebuildWish(BaseModel):
    """Whose baselines are to be rebuilt from history."""

    model_config = ConfigDict(extra="forbid")

    devices: list[Annotated[str, Field(pattern=DEVICE_ID)]] = Field(
        default=[], max_length=10_000, description="none: all of the estate"
    )


class RebuildAnswer(BaseModel):
    """How many devices wait for it now."""

    waiting: int
