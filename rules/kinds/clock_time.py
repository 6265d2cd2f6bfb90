"""Times of the local day, as people write them: "22:00". A span from 22:00 to 06:00 passes midnight."""

from re import fullmatch
from typing import Annotated

from pydantic import BeforeValidator

from community.compiler import inner
from rules.kinds.local_time import DAY


def _clock_time(value: object) -> object:
    if not isinstance(value, str) or not fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError('expected a time of the day such as "22:00"')
    return value


ClockTime = Annotated[str, BeforeValidator(_clock_time)]
"""HH:MM, from 00:00 to 24:00 (the end of the day)."""


def ms_of_day(time: str) -> int:
    """Milliseconds from local midnight to a `ClockTime`."""
    hours, minutes = time.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000


@inner
def in_span(local: int, begin: int, end: int) -> bool:
    """Whether a local time (ms, see `local_ms`) lies in [begin, end) of its day (ms of the day).

    A span whose end is before its begin passes midnight; one whose ends are equal is the whole day.
    """
    moment = local % DAY
    if begin < end:
        return begin <= moment < end
    return moment >= begin or moment < end
