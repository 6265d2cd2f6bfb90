"""What every rule says of itself, whatever its kind: limits that refer to ratings, steps of a ladder, texts."""

from hashlib import blake2s
from typing import Annotated, Literal, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from community.estate import DeviceKind, Ratings
from community.quantities import EVENTS, QUANTITIES, nearest_signal
from community.severity import Category, Severity

RatingName = Literal["nominal_voltage", "rated_current", "rated_residual"]

MAX_STEPS = 8
"""Steps of one ladder: which of them are held is kept in 8 bits."""


class Model(BaseModel):
    """Base of all definitions: frozen, finite numbers, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Scaled(Model):
    """A limit that follows a device's rating: `factor` (at most four decimals) times `rating`."""

    rating: RatingName
    factor: float = Field(ge=0, le=100)


Limit = Annotated[float | Scaled, Field(union_mode="left_to_right")]


def limit_of(limit: "Limit", ratings: Ratings) -> float:
    """The limit for a device with these ratings.

    Computed as rating x n / 10,000 with a whole n, so that 1.10 x 230 V is 253 V and not a hair above it.
    """
    if isinstance(limit, Scaled):
        return float(getattr(ratings, limit.rating)) * round(limit.factor * 10_000) / 10_000
    return float(limit)


def _severity(value: object) -> object:
    words = [s.word for s in Severity if s is not Severity.NORMAL]
    if isinstance(value, Severity):
        return value
    if value not in words:
        raise ValueError(f"expected one of {', '.join(words)}")
    return Severity.from_word(str(value))


SeverityWord = Annotated[Severity, BeforeValidator(_severity)]


def _quantity(value: object) -> object:
    if value not in QUANTITIES:
        raise ValueError(f"expected a quantity{_near(value)}")
    return value


def _event(value: object) -> object:
    if value not in EVENTS or value in NEVER_RAISE:
        raise ValueError(f"expected an event that may raise an alert{_near(value)}")
    return value


def _near(value: object) -> str:
    near = nearest_signal(value) if isinstance(value, str) else None
    return f"; did you mean {near}?" if near is not None and near != value else ""


NEVER_RAISE = frozenset({"test", "mute", "restart", "reset", "online"})
"""Events that tell what a person or the device did; no danger follows from them."""

QuantityName = Annotated[str, BeforeValidator(_quantity)]
EventName = Annotated[str, BeforeValidator(_event)]
Seconds = Annotated[float, Field(ge=0, le=7 * 86_400)]


class Text(Model):
    """A text for people, in both languages of the console."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Step(Model):
    """One step of a ladder.

    Attributes:
        limit: the step's condition is true at this value and beyond it.
        hold: s of event time for which the condition must stay true; 0 means that one reading proves it.
        clear: the step is released by a value beyond this level, on the safe side.
        clear_hold: s for which the value must stay there.
    """

    severity: SeverityWord
    limit: Limit
    hold: Seconds = 0
    clear: Limit
    clear_hold: Seconds = 0

    @property
    def proven_by_one(self) -> bool:
        """Whether a single reading, even a late one, proves a danger."""
        return self.hold == 0 or self.severity is Severity.CRITICAL


class Applies(Model):
    """To which devices a rule applies: of these kinds (empty: any), with a rating of at most so much."""

    kinds: tuple[DeviceKind, ...] = ()
    at_most: dict[RatingName, float] = {}

    def to(self, kind: DeviceKind, ratings: Ratings) -> bool:
        """Whether a device of this kind with these ratings is meant."""
        return (not self.kinds or kind in self.kinds) and all(
            getattr(ratings, name) <= most for name, most in self.at_most.items()
        )


class RuleBase(Model):
    """What is common to the rules of every kind.

    Attributes:
        standard, clause: where the numbers come from.
        guidance: what to do, short.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")
    title: Text
    category: Category
    standard: str = Field(min_length=1)
    clause: str = ""
    guidance: Text
    applies: Applies = Applies()

    @property
    def version(self) -> str:
        """Hash of the whole definition, 12 hexadecimal digits."""
        return content_hash(self.model_dump(mode="json"))


class LadderRule(RuleBase):
    """A rule with steps over a value; severities do not fall from step to step."""

    steps: tuple[Step, ...] = Field(min_length=1, max_length=MAX_STEPS)

    @property
    def sign(self) -> int:
        """+1 if greater is worse, -1 if smaller is."""
        return 1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for worse, milder in zip(self.steps[1:], self.steps, strict=False):
            if worse.severity < milder.severity:
                raise ValueError("steps must be ordered from the mildest severity to the worst")
        usual = Ratings()
        for number, step in enumerate(self.steps, 1):
            if self.sign * limit_of(step.clear, usual) > self.sign * limit_of(step.limit, usual):
                side = "above" if self.sign > 0 else "below"
                raise ValueError(f"step {number}: the clear level lies {side} the limit, so it would clear at once")
        return self


def content_hash(content: object) -> str:
    """A short hash of JSON-ready content, the same on every machine."""
    return blake2s(msgspec.json.encode(content, order="sorted"), digest_size=6).hexdigest()
