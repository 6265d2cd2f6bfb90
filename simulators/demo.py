"""What happens in the demo village: a first minute in which alerts arise and clear, then a calm rhythm for hours."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

import numpy as np

from community.clock import SECOND
from community.estate import Device, DeviceKind, Estate
from simulators.incidents import Incident, IncidentKind
from simulators.world import TERMINAL_RISE_AT_RATED

LEAST_PAUSE_S, GREATEST_PAUSE_S = 20.0, 40.0
_STOVE_A = 16.0
_REST_S = 120
"""A household is left in peace this long after an incident."""


def demo_incidents(estate: Estate, start: int, seed: int = 1) -> Iterator[Incident]:
    """Incidents without end, in the order of their starts; deterministic from `seed`.

    Args:
        estate: the village; needs electrical protectors and smoke detectors.
        start: UTC ms.

    Raises:
        ValueError: if the estate has too few devices of either kind for the first minute.
    """
    cast = _Cast(estate, np.random.default_rng(seed))
    waiting: list[tuple[int, int, Incident]] = []  # a scene may hold incidents that start later than the next scene
    number = 0
    for scene_at, scene in _scenes(cast, start):
        while waiting and waiting[0][0] <= scene_at:
            yield heappop(waiting)[2]
        for incident in scene:
            number += 1
            heappush(waiting, (incident.start, number, incident))


def _scenes(cast: "_Cast", start: int) -> Iterator[tuple[int, list[Incident]]]:
    for after_s, play, length_s in _OPENING:
        at = start + after_s * SECOND
        yield at, play(cast, at, length_s)
    at = start + 45 * SECOND
    weights = np.array([weight for weight, _, _ in _REPERTOIRE], float)
    weights /= weights.sum()
    while True:
        _, play, (shortest, longest) = _REPERTOIRE[cast.rng.choice(len(weights), p=weights)]
        yield at, play(cast, at, int(cast.rng.uniform(shortest, longest)))
        at += int(cast.rng.uniform(LEAST_PAUSE_S, GREATEST_PAUSE_S) * SECOND)


class _Cast:
    """Chooses devices whose households are not already in trouble."""

    def __init__(self, estate: Estate, rng: np.random.Generator) -> None:
        self.rng = rng
        self.protectors = [d for d in estate.device if d.kind is DeviceKind.ELECTRICAL_PROTECTOR]
        self.detectors = [d for d in estate.device if d.kind is DeviceKind.SMOKE]
        if len(self.protectors) < len(_OPENING) or len(self.detectors) < len(_OPENING):
            raise ValueError(f"the demo needs {len(_OPENING)} electrical protectors and as many smoke detectors")
        self._busy: dict[str, int] = {}

    def choose(self, devices: list[Device], at: int, until: int) -> Device:
        free = [d for d in devices if self._busy.get(d.household, 0) <= at]
        # All busy happens in a tiny village only; then someone has two troubles at once.
        device = (free or devices)[self.rng.integers(len(free or devices))]
        self._busy[device.household] = until + _REST_S * SECOND
        return device


_Play = Callable[[_Cast, int, int], list[Incident]]


def _electrical(kind: IncidentKind, low: float, high: float, ramp_s: float = 0) -> _Play:
    def play(cast: _Cast, at: int, length_s: int) -> list[Incident]:
        end = at + length_s * SECOND
        device = cast.choose(cast.protectors, at, end)
        level = cast.rng.uniform(low, high)
        if kind is IncidentKind.OVERLOAD:
            level *= device.ratings.rated_current
        return [Incident(device.household, kind, at, end, level, ramp_s)]

    return play


def _flag(event: str) -> _Play:
    def play(cast: _Cast, at: int, length_s: int) -> list[Incident]:
        end = at + length_s * SECOND
        device = cast.choose(cast.detectors, at, end)
        return [Incident(device.household, IncidentKind.DEVICE_EVENT, at, end, device=device.id, event=event)]

    return play


def _smoke(cast: _Cast, at: int, length_s: int) -> list[Incident]:
    end = at + length_s * SECOND
    household = cast.choose(cast.detectors, at, end).household
    return [Incident(household, IncidentKind.KITCHEN_SMOKE, at, end, level=cast.rng.uniform(0.4, 0.5))]


def _loose_terminal(cast: _Cast, at: int, length_s: int) -> list[Incident]:
    # A stove is switched on; its terminal loosens only later, so that the heat cannot be laid to the new load.
    loosens, end = at + 200 * SECOND, at + (200 + length_s) * SECOND
    device = cast.choose(cast.protectors, at, end)
    sound = TERMINAL_RISE_AT_RATED * (_STOVE_A / device.ratings.rated_current) ** 2
    return [
        Incident(device.household, IncidentKind.OVERLOAD, at, end, level=_STOVE_A),
        Incident(device.household, IncidentKind.LOOSE_TERMINAL, loosens, end, cast.rng.uniform(45, 55) / sound),
    ]


_OVERVOLTAGE = _electrical(IncidentKind.OVERVOLTAGE, 31, 33)
_LEAKAGE = _electrical(IncidentKind.INSULATION_FAULT, 14.5, 16, ramp_s=20)
_OFFLINE = _electrical(IncidentKind.OFFLINE, 0, 0)

# Seconds after the start, what, how long. Flags and smoke raise at once, the voltage after ten seconds.
_OPENING: tuple[tuple[int, _Play, int], ...] = (
    (5, _flag("tamper"), 24),
    (6, _OVERVOLTAGE, 28),
    (8, _LEAKAGE, 140),
    (12, _smoke, 14),
    (20, _flag("battery_low"), 240),
    (24, _flag("tamper"), 20),
    (32, _OFFLINE, 200),
)

# Weight, what, least and greatest length in seconds. Danger to life is seldom.
_REPERTOIRE: tuple[tuple[float, _Play, tuple[int, int]], ...] = (
    (26, _LEAKAGE, (150, 260)),  # leakage that creeps up
    (14, _electrical(IncidentKind.OVERVOLTAGE, 20, 22), (90, 150)),  # a little too much voltage
    (8, _OVERVOLTAGE, (25, 45)),  # too much voltage
    (10, _electrical(IncidentKind.OVERLOAD, 2.1, 2.2), (70, 90)),  # overload
    (8, _loose_terminal, (500, 700)),  # a terminal works loose
    (10, _OFFLINE, (150, 400)),  # the line is cut
    (10, _flag("tamper"), (20, 60)),  # a detector taken off its base
    (10, _flag("battery_low"), (120, 300)),  # a weak battery
    (3, _smoke, (14, 30)),  # smoke in the kitchen
    (1, _electrical(IncidentKind.INSULATION_FAULT, 25, 27), (20, 30)),  # leakage near the tripping point
)
