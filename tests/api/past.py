"""A history for the house, made up as it is asked: a day of readings, and what a question was."""

import json
import math
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from api.histories import FormatWord, NoHistory, Question
from api.problems import Unavailable
from community.quantities import QUANTITIES
from tests.api.house import START

MINUTE = 60_000
QUARTER = 15 * MINUTE
DAY = 24 * 60 * MINUTE
GAP = (START - 8 * 60 * MINUTE, START - 6 * 60 * MINUTE)
SPIKE = START - 4 * 60 * MINUTE
TESTED = START - 12 * 60 * MINUTE
LATE = START - 2 * 60 * MINUTE
LAST = {
    "voltage_l1": 231.0,
    "voltage_l2": 229.0,
    "voltage_l3": 230.0,
    "residual_current": 4.25,
    "residual_limit": 30.0,
    "test": 0.0,
    "online": 1.0,
}


class Histories:
    """See `api.histories.Histories`. One device, `e0000`, reports every minute of the day before `START`.

    Attributes:
        asked: every question so far.
        away: whether the store does not answer.
        kept: whether there is a history at all.
    """

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.away = False
        self.kept = True

    async def series(self, question: Question) -> bytes:
        """Points as wide as they must be; nothing within `GAP`; a quarter of an hour from `SPIKE` at 300."""
        self._check()
        self.asked.append(question)
        start, end = max(question.start, START - DAY), min(question.end, START)
        width = MINUTE * math.ceil((question.end - question.start) / question.points / MINUTE)
        times = [ts for ts in range(start - start % width, end, width) if not GAP[0] <= ts < GAP[1]]
        found = [_series(d, s, width, times) for d in question.devices for s in question.signals if d == "e0000"]
        answer = {
            "start": question.start,
            "end": question.end,
            "series": [series for series in found if series["ts"]],
            "flags": {"1": "late", "2": "clock_fault", "4": "sensor_fault", "8": "contradiction"},
            "kept": {"raw": 7 * DAY, "minutes": 365 * DAY, "hours": None},
        }
        return json.dumps(answer).encode()

    async def last(self, devices: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, float]]]:
        """`LAST`, a minute before `START`."""
        self._check()
        return {"e0000": {s: (START - MINUTE, v) for s, v in LAST.items()}} if "e0000" in devices else {}

    async def status(self) -> Mapping[str, Any]:
        """Not asked here."""
        raise NotImplementedError

    async def export(self, question: Question, form: FormatWord) -> AsyncIterator[bytes]:
        """Not asked here."""
        raise NotImplementedError

    async def rebuild(self, devices: Collection[str]) -> int:
        """Not asked here."""
        raise NotImplementedError

    def _check(self) -> None:
        if not self.kept:
            raise NoHistory
        if self.away:
            raise Unavailable("the store does not answer")


def _series(device: str, signal: str, width: int, times: list[int]) -> dict[str, Any]:
    unit = QUANTITIES[signal].unit if signal in QUANTITIES else ""
    usual = LAST[signal]
    if signal in ("test", "online"):
        times = [ts for ts in times if ts <= TESTED < ts + width] if signal == "test" else times[:1]
    peak = [_peak(signal, usual, ts, width) for ts in times]
    return {
        "device": device,
        "signal": signal,
        "unit": unit,
        "width": width,
        "ts": times,
        "min": [usual] * len(times),
        "mean": [(usual + high) / 2 for high in peak],
        "max": peak,
        "last": [usual] * len(times),
        "count": [max(1, width // MINUTE)] * len(times),
        "quality": [1.0] * len(times),
        "flags": [int(LATE - width < ts < LATE + QUARTER) for ts in times],
        "interval": MINUTE,
        "gaps": [GAP]
        if times and times[0] < GAP[0] and times[-1] >= GAP[1] and signal not in ("test", "online")
        else [],
    }


def _peak(signal: str, usual: float, ts: int, width: int) -> float:
    if signal == "test":
        return 1.0
    return 300.0 if signal == "residual_current" and SPIKE - width < ts < SPIKE + QUARTER else usual
