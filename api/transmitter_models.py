"""The shapes of what is said about transmission units, as the OpenAPI document describes them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models import MaybeTime, Time

_Byte = Annotated[int, Field(ge=0, le=255)]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlainOrder(_Order):
    """Set the clock; or ask for the unit's own state, or its time."""

    order: Literal["set_clock", "read_state", "read_time"]


class GuardCheck(_Order):
    """Ask whether somebody is at the panel (查岗): a key must be pressed within so many minutes.

    The answer to the order says only that it was understood; the press comes later, as `last_attended`.
    """

    order: Literal["guard_check"]
    minutes: int = Field(default=10, ge=1, le=255)


class ReadSystem(_Order):
    """Ask for the state of a system behind it, such as a fire alarm panel (type 1)."""

    order: Literal["read_system"]
    system_type: _Byte = Field(description="table 3 of the standard; 1: fire alarm, 10: gas", examples=[1])
    system_address: _Byte = Field(examples=[1])


AnyOrder = Annotated[PlainOrder | GuardCheck | ReadSystem, Field(discriminator="order")]

AnswerWord = Literal["confirmed", "answered", "denied", "silent", "absent", "busy"]


class TransmitterView(BaseModel):
    """A transmission unit."""

    address: int = Field(description="its own address", examples=[7001])
    device: str | None = Field(description="its id in the estate; null if only what is behind it is registered")
    online: bool = Field(description="whether it was heard recently")
    connected: bool = Field(description="whether orders can be given to it")
    last_heard: int | None = MaybeTime
    last_attended: int | None = Field(
        description="when somebody at the panel last answered a guard check, UTC ms; null: not since the start"
    )


class TransmitterList(BaseModel):
    """The transmission units, by address."""

    listening: bool = Field(description="whether units can connect at all (setting `gb26875_listen`)")
    transmitters: list[TransmitterView]


class OrderView(BaseModel):
    """An order that somebody gave, and what became of it."""

    number: int = Field(examples=[12])
    transmitter: int = Field(examples=[7001])
    wish: dict[str, Any] = Field(
        description="the order as it was asked for", examples=[{"order": "guard_check", "minutes": 10}]
    )
    actor: str = Field(examples=["mei"])
    given_at: int = Time
    answer: AnswerWord | None = Field(
        description="`confirmed`; `answered` with data, see `said`; `denied` or `silent` also after three repetitions; "
        "`absent` or `busy`: it was not sent; null: on its way, or the system ended meanwhile"
    )
    answered_at: int | None = MaybeTime
    said: list[dict[str, Any]] = Field(
        description="what was said in answer: each object's kind and content; readings of it are taken as always",
        examples=[[{"kind": "transmitter_time", "at": 1795341600000}]],
    )


class OrderPage(BaseModel):
    """Orders, newest first."""

    orders: list[OrderView]
    next: int | None = Field(description="give it as `before` for the next page; null: this was the last")
