"""What really happened: incidents that devices report by themselves, or that people have written down."""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from community.clock import DAY, MINUTE, parse_time
from community.estate import Estate
from community.frame import Frame
from community.severity import Category
from rules.backtest.alerts import Fired

EVENTS = ("trip", "fire_alarm", "smoke_alarm", "short_circuit_alarm")
"""Events of devices that count as incidents; not those in a row that says `test`."""

TOGETHER = 10 * MINUTE
"""What a household's devices report within this time of one another is one incident."""

LOOKBACK = DAY
"""An alert that was over longer ago than this was no warning of the incident."""

AT_ONCE = MINUTE
"""Told within this time of the incident is told at once: no warning, but not missed either."""

MOST = 10_000
"""Incidents kept, the first ones; more are counted as `left_out`."""

_WARNING = (Category.LIFE, Category.DETERIORATION)


class Incident(msgspec.Struct, frozen=True):
    """Something that happened in a household.

    Attributes:
        at: when, UTC ms.
        what: the event, or a person's words.
    """

    household: str
    at: int
    what: str


class Incidents:
    """Incidents in the frames that pass.

    Attributes:
        found: in the order in which they were reported.
        left_out: those that found no room.
    """

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        """`known`: written down by people; those that devices report are then left alone."""
        self.found = list(known)
        self.left_out = 0
        self._given = bool(self.found)
        self._last: dict[str, int] = {}

    def take(self, frame: Frame, estate: Estate) -> None:
        """Look for incidents in a frame."""
        columns = [] if self._given else [j for j, s in enumerate(frame.signals) if s in EVENTS]
        if not columns:
            return
        values = frame.values
        with np.errstate(invalid="ignore"):
            happens = values[:, columns] >= 0.5
            if "test" in frame.signals:
                happens &= ~(values[:, [frame.signals.index("test")]] >= 0.5)
        for row, k in zip(*(a.tolist() for a in np.nonzero(happens)), strict=True):
            device = estate.devices.get(frame.devices[int(frame.device[row])])
            if device is not None:
                self._add(Incident(device.household, int(frame.ts[row]), frame.signals[columns[k]]))

    def _add(self, incident: Incident) -> None:
        last = self._last.get(incident.household)
        self._last[incident.household] = incident.at if last is None else max(last, incident.at)
        if last is not None and abs(incident.at - last) < TOGETHER:
            return
        if len(self.found) < MOST:
            self.found.append(incident)
        else:
            self.left_out += 1


def first_warning(incident: Incident, alerts: Iterable[Fired]) -> Fired | None:
    """The alert of this household that was told first, of those that may have warned of the incident.

    Args:
        alerts: the household's, in the order of their raises.
    """
    known = [
        a
        for a in alerts
        if a.category in _WARNING
        and a.told_at <= incident.at + AT_ONCE
        and (a.cleared_at is None or a.cleared_at >= incident.at - LOOKBACK)
    ]
    return min(known, key=lambda a: a.told_at, default=None)


def read_incidents(lines: Iterable[bytes | str]) -> list[Incident]:
    """Read JSON lines: `{"household": "h0012", "at": "2026-11-22T03:00:00+08:00", "what": "socket burnt"}`.

    Raises:
        ValueError: which line, and what was expected.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item: Any = msgspec.json.decode(line)
            if not isinstance(item, dict) or not isinstance(item.get("household"), str):
                raise ValueError('expected an object with "household" and "at"')
            what = item.get("what", "incident")
            found.append(Incident(item["household"], parse_time(item.get("at")), str(what)))
        except (ValueError, msgspec.DecodeError) as error:
            raise ValueError(f"line {number}: {error}") from None
    return sorted(found, key=lambda i: i.at)
