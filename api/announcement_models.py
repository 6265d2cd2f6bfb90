"""The shapes of what is said about devices that announced themselves, as the OpenAPI document describes them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models import MaybeTime, Time
from community.announcements import Decision
from community.estate import DeviceKind, Ratings

_ID = "emlnYmVlMm1xdHQAa2l0Y2hlbi9zbW9rZQ"


class AnnouncementView(BaseModel):
    """A device that said it exists."""

    id: str = Field(description="of the announcement; made of profile and address", examples=[_ID])
    profile: str = Field(description="what it speaks", examples=["zigbee2mqtt"])
    address: str = Field(description="what it calls itself there", examples=["kitchen/smoke"])
    name: str = Field(description="what it says it is called; may be empty", examples=["Kitchen"])
    kind: str | None = Field(description="what it seems to be; null: it does not tell", examples=["smoke"])
    model: str = Field(description="maker and model, as it says; may be empty", examples=["HEIMAN HS1SA-M"])
    signals: list[str] = Field(description="what it reports", examples=[["smoke", "battery"]])
    first_seen: int = Time
    last_seen: int = Time
    state: Decision
    decided_by: str | None = Field(description="account of who answered; null: nobody yet", examples=["admin"])
    decided_at: int | None = MaybeTime
    reason: str | None = Field(description="why it was turned away", examples=["the neighbour's"])
    device: str | None = Field(description="its id in the estate; null: it is not in it", examples=["d0815"])


class AnnouncementPage(BaseModel):
    """Some of them, the latest come first."""

    announcements: list[AnnouncementView]
    next: str | None = Field(description="give it as `before` for the next page; null: this was the last")
    waiting: int = Field(description="how many wait for an answer, on this page or not", examples=[3])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Approval(_Body):
    """Where and as what it is installed."""

    household: str = Field(min_length=1, max_length=64, examples=["h0012"])
    id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="its id; null: its address, if that can be one",
        examples=["d0815"],
    )
    kind: DeviceKind | None = Field(default=None, description="null: what it seems to be")
    name: str | None = Field(default=None, max_length=200, description="for people; null: as it says")
    ratings: Ratings = Field(default_factory=Ratings, description="what it and its circuit are built for")


class Rejection(_Body):
    """It is not ours."""

    reason: str | None = Field(default=None, max_length=1000, examples=["the neighbour's"])


StateWord = Literal["waiting", "approved", "rejected", "all"]
