"""What goes wrong in the simulated village, declared as data: who, what, from when to when, how strongly."""

from dataclasses import dataclass
from enum import StrEnum


class IncidentKind(StrEnum):
    """What goes wrong. The meaning of an incident's `level` stands behind each.

    INSULATION_FAULT: residual current added, mA.
    LOOSE_TERMINAL: contact resistance of the worst terminal as a multiple of a sound one's.
    KITCHEN_SMOKE: smoke obscuration towards which the room tends, dB/m.
    OVERVOLTAGE: rise at this house alone, V (a solar inverter that pushes too hard).
    BROKEN_NEUTRAL: remaining conductance of the feeder's neutral, as a fraction; hits every house of the feeder.
    OVERLOAD: current added, A.
    OFFLINE: the line of the house's devices is cut; they go on measuring, and send late. Level is not used.
    DEVICE_EVENT: the device `device` reports `event`. Level is not used.
    """

    INSULATION_FAULT = "insulation_fault"
    LOOSE_TERMINAL = "loose_terminal"
    KITCHEN_SMOKE = "kitchen_smoke"
    OVERVOLTAGE = "overvoltage"
    BROKEN_NEUTRAL = "broken_neutral"
    OVERLOAD = "overload"
    OFFLINE = "offline"
    DEVICE_EVENT = "device_event"


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that goes wrong in one household.

    Attributes:
        start, end: UTC ms; holds from `start` until before `end`.
        level: how strongly, in the unit that `IncidentKind` names.
        ramp_s: time over which it grows from nothing to `level`, s; 0 at once.
        device, event: for DEVICE_EVENT: which device, and the event's name from `community.quantities.EVENTS`.
    """

    household: str
    kind: IncidentKind
    start: int
    end: int
    level: float = 0
    ramp_s: float = 0
    device: str = ""
    event: str = ""

    def holds(self, now: int) -> bool:
        """Whether it is going on at `now`, UTC ms."""
        return self.start <= now < self.end

    def strength(self, now: int) -> float:
        """Its level at `now`: 0 outside its time, rising linearly over the ramp."""
        if not self.holds(now):
            return 0
        if self.ramp_s <= 0:
            return self.level
        return self.level * min((now - self.start) / (1_000 * self.ramp_s), 1)
