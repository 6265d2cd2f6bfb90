"""Twenty incidents in a village of two hundred devices: what is published, and what must come of it.

Event times lie in the recent past and are part of the messages, so that every run of the scenario, interrupted or not,
and a replay, must give the same events to the millisecond.
"""

from dataclasses import dataclass

from community.clock import MINUTE, SECOND
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, Ratings

DEVICES = 200
INCIDENTS = 20
STEP = 5 * SECOND
STEPS = 72


@dataclass(frozen=True)
class Message:
    """One publish of one device."""

    topic: str
    ts: int
    values: dict[str, float]
    event: str | None = None
    active: bool = True

    def body(self) -> dict[str, object]:
        if self.event is not None:
            return {"ts": self.ts, "event": self.event, "active": self.active}
        return {"ts": self.ts, "values": self.values}

    def recorded(self, device: str) -> dict[str, object]:
        """As a line of a recording."""
        return {"device": device, **self.body()}


def estate() -> Estate:
    """200 homes with one protector each; the interval is long, so that no silence is judged during a test."""
    ratings = Ratings(nominal_voltage=220, rated_current=32, rated_residual=30)
    numbers = range(1, DEVICES + 1)
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=tuple(Household(id=f"h{n:04}", place="village") for n in numbers),
        device=tuple(
            Device(
                id=f"d{n:04}",
                household=f"h{n:04}",
                kind=DeviceKind.ELECTRICAL_PROTECTOR,
                interval_s=600,
                ratings=ratings,
                secret=f"secret-of-{n:04}",
            )
            for n in numbers
        ),
    )


def messages(homes: Estate, device: Device, start: int) -> list[Message]:
    """What `device` publishes, in order. Every tenth device has an incident, of one of five kinds."""
    topic = homes.topic_of(device)
    number = int(device.id[1:])
    kind = (number // 10) % 5 if number % 10 == 0 else None
    told = []
    for step in range(STEPS):
        ts = start + step * STEP + number  # no two devices report in the same millisecond
        values = {
            "voltage": 221 + (step + number) % 3 * 0.5,
            "current": 4 + (step * 7 + number) % 5 * 0.3,
            "residual_current": 3 + (step + number) % 4 * 0.2,
            "terminal_temperature": 31 + (step + number) % 2 * 0.5,
        }
        ill = 20 <= step < 44
        if ill and kind == 0:
            values["residual_current"] = 45
        if ill and kind == 1:
            values["residual_current"] = 17  # an early warning after 60 s
        if ill and kind == 2:
            values["voltage"] = 258
        if ill and kind == 3:
            values["terminal_temperature"] = 104
        if kind == 4 and step in (20, 44):
            told.append(Message(f"{topic}/event", ts - 1, {}, "smoke_alarm", active=step == 20))
        told.append(Message(f"{topic}/telemetry", ts, values))
    return told


def start_time(now: int) -> int:
    """When the scenario begins, so that all of it lies in the past."""
    return now - STEPS * STEP - 10 * MINUTE
