"""What every rule says of itself, whatever its kind: limits that refer to ratings, steps of a ladder, texts."""

from collections.abc import Iterator
from hashlib import blake2s
from itertools import pairwise, product
from math import isfinite
from typing import Annotated, Literal, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from community.estate import DeviceKind, Ratings
from community.quantities import EVENTS, QUANTITIES, nearest_signal
from community.severity import Category, Severity
from rules.expressions import Formula

RatingName = Literal["nominal_voltage", "rated_current", "rated_residual"]
HouseholdFlag = Literal["lives_alone", "needs_help", "activity_consent", "may_wander"]
Mode = Literal["live", "shadow", "probe"]

MAX_STEPS = 8
"""Steps of one ladder: which of them are held is kept in 8 bits."""


class Model(BaseModel):
    """Base of all definitions: frozen, finite numbers, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _limit(value: object) -> float | Formula:
    if isinstance(value, Formula):
        return value
    if isinstance(value, str):
        return Formula(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError('expected a number, or a formula in quotes such as "0.5 * device.rated_residual"')
    if not isfinite(value):
        raise ValueError("expected a finite number")
    return float(value)


def _plain(limit: float | Formula) -> float | str:
    return str(limit) if isinstance(limit, Formula) else limit


Limit = Annotated[float | Formula, PlainValidator(_limit, json_schema_input_type=float | str), PlainSerializer(_plain)]
"""A number, or a formula over the device's ratings."""


def limit_of(limit: float | Formula, ratings: Ratings) -> float:
    """The limit for a device with these ratings."""
    return limit.value(ratings) if isinstance(limit, Formula) else float(limit)


USUAL_RATINGS = tuple(
    Ratings(nominal_voltage=volts, rated_current=amperes, rated_residual=milliamperes)
    for volts, (amperes, milliamperes) in product((120, 220, 230), ((16, 10), (32, 30), (63, 300)))
)
"""Ratings for which the order of a rule's limits is checked when it is read."""


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


class Guidance(Model):
    """What to do, by role; each short enough for a telephone.

    Attributes:
        resident: for who lives there.
        staff: for the duty room.
        responder: for who is sent.
    """

    resident: Text | None = None
    staff: Text | None = None
    responder: Text | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.resident is None and self.staff is None:
            raise ValueError("expected guidance for resident or staff at least")
        return self


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
    """To which devices a rule applies.

    Attributes:
        kinds: of these kinds; empty: any.
        at_most: with ratings of at most so much.
        flags: in households for which all of these are true. What residents did not agree to is not watched.
    """

    kinds: tuple[DeviceKind, ...] = ()
    at_most: dict[RatingName, float] = {}
    flags: tuple[HouseholdFlag, ...] = ()

    def to(self, kind: DeviceKind, ratings: Ratings, flags: frozenset[str] = frozenset()) -> bool:
        """Whether a device of this kind with these ratings, in a household with these flags, is meant."""
        return (not self.kinds or kind in self.kinds) and self._within(ratings) and flags.issuperset(self.flags)

    def _within(self, ratings: Ratings) -> bool:
        return all(getattr(ratings, name) <= most for name, most in self.at_most.items())

    def usual_ratings(self) -> Iterator[Ratings]:
        """Those of the usual ratings to which the rule applies."""
        return filter(self._within, USUAL_RATINGS)


class RuleBase(Model):
    """What is common to the rules of every kind.

    Attributes:
        kind: name of the kind; each kind narrows it to its own.
        standard, clause: where the numbers come from.
        guidance: what to do, by role.
        mode: `live`: people are told; `shadow`: a rehearsal, recorded and nobody told; `probe`: seen by combination
            and group rules only.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")
    kind: str
    title: Text
    category: Category
    standard: str = Field(min_length=1)
    clause: str = ""
    guidance: Guidance
    mode: Mode = "live"
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
        for milder, worse in pairwise(self.steps):
            if worse.severity < milder.severity:
                raise ValueError("steps must be ordered from the mildest severity to the worst")
        for ratings in self.applies.usual_ratings():
            self._check_limits(ratings)
        return self

    def _check_limits(self, ratings: Ratings) -> None:
        limits = [self.sign * limit_of(step.limit, ratings) for step in self.steps]
        for number, (step, limit) in enumerate(zip(self.steps, limits, strict=True), 1):
            if self.sign * limit_of(step.clear, ratings) > limit:
                side = "above" if self.sign > 0 else "below"
                raise ValueError(
                    f"step {number}: the clear level lies {side} the limit, so it would clear at once"
                    f"{_for(ratings, step.limit, step.clear)}"
                )
            before = number - 2
            if before >= 0 and limit < limits[before] and step.hold <= self.steps[before].hold:
                raise ValueError(
                    f"step {number}: reached before step {number - 1}, so that one says nothing"
                    f"{_for(ratings, step.limit, self.steps[before].limit)}"
                )


def _for(ratings: Ratings, *limits: float | Formula) -> str:
    """For which ratings, where it depends on them."""
    if not any(isinstance(limit, Formula) for limit in limits):
        return ""
    return f" (for {ratings.nominal_voltage:g} V, {ratings.rated_current:g} A, {ratings.rated_residual:g} mA)"


def content_hash(content: object) -> str:
    """A short hash of JSON-ready content, the same on every machine."""
    return blake2s(msgspec.json.encode(content, order="sorted"), digest_size=6).hexdigest()
