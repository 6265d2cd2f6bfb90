"""Promised notifications: who is to be told of which event, and when to try again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from community.alert import AlertEvent, EventKind
from community.clock import HOUR, MINUTE, SECOND
from community.severity import Category


class PromiseState(StrEnum):
    """State of a promise: still owed, kept, or given up after its patience ran out."""

    PROMISED = "promised"
    DELIVERED = "delivered"
    FAILED = "failed"


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One event owed to one channel.

    Attributes:
        id: given by the journal.
        event: what is to be told, with its number.
        channel: name of the channel.
        made_at: when it was promised, UTC ms.
        due_at: not to be tried before, UTC ms.
        attempts: tries so far.
        last_error: why the last try failed.
        settled_at: when it was delivered or given up, UTC ms.
    """

    id: int
    event: AlertEvent
    channel: str
    made_at: int
    due_at: int
    attempts: int = 0
    state: PromiseState = PromiseState.PROMISED
    last_error: str | None = None
    settled_at: int | None = None

    @property
    def life(self) -> bool:
        """Whether a life may depend on it: goes first, and is not given up within a day."""
        return self.event.category is Category.LIFE


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait between tries and when to give up; all in ms.

    The n-th wait is `first * 2^n`, at most `longest`, times a factor drawn between 0.5 and 1: many promises that
    failed together must not come back together.
    """

    first: int = 1 * SECOND
    longest: int = 5 * MINUTE
    give_up: int = 4 * HOUR
    give_up_life: int = 24 * HOUR

    def wait(self, attempts: int, draw: float) -> int:
        """Milliseconds until the next try, after `attempts` tries (at least 1); `draw` in [0, 1)."""
        doubled = self.first << min(attempts - 1, 30)
        return round(min(self.longest, doubled) * (0.5 + draw / 2))

    def exhausted(self, promise: Promise, now: int) -> bool:
        """Whether the promise has been owed for longer than is of use to anyone."""
        return now - promise.made_at >= (self.give_up_life if promise.life else self.give_up)


def channels_for(event: AlertEvent, channels: Sequence[str], told: Collection[str]) -> list[str]:
    """Names of the channels that this event is owed to.

    Beginnings and worse turns go to every channel. The return of a `life` alert goes to every channel too (GB/T
    45839-2025, 5.10.4: fire cleared), of any other one to those who were told of the alert. Easing, acknowledgement
    and reset are for the feed.

    Args:
        event: the event.
        channels: configured channels.
        told: channels that have been promised an earlier event of the same alert.
    """
    if event.event in (EventKind.RAISED, EventKind.ESCALATED):
        return list(channels)
    if event.event is EventKind.CLEARED:
        return [c for c in channels if event.category is Category.LIFE or c in told]
    return []


def promise_all(
    events: Iterable[AlertEvent], channels: Sequence[str], told: dict[str, set[str]]
) -> list[tuple[int, str]]:
    """What is owed for a series of events: (event number, channel), in order.

    Args:
        events: numbered events, in order.
        channels: configured channels.
        told: alert id → channels told before this series.
    """
    known = {alert: set(names) for alert, names in told.items()}
    owed = []
    for event in events:
        names = channels_for(event, channels, known.get(event.alert, ()))
        known.setdefault(event.alert, set()).update(names)
        owed += [(event.number, name) for name in names]
    return owed
