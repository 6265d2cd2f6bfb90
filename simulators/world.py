"""The physical village: state of every household as arrays, advanced in time, and what its devices would measure."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from community.estate import Device, DeviceKind, Estate
from simulators.appliances import Appliances
from simulators.grid import Grid
from simulators.incidents import Incident, IncidentKind

THERMAL_TIME_CONSTANT_S = 300.0
"""Of a modular breaker's terminals, s; 3 to 10 min are usual."""
TERMINAL_RISE_AT_RATED = 12.0
"""K above ambient of a sound terminal at its rated current in steady state; grows with the square of the current."""
SMOKE_RISE_S, SMOKE_DECAY_S = 6.0, 12.0
"""Time constants of smoke filling a kitchen and of airing it, s."""
SMOKE_ALARM, SMOKE_CLEAR = 0.15, 0.05
"""dB/m at which a detector's own alarm begins and ceases."""
LOCAL_TIME_H = 8.0
_HOUR = 3_600_000


class World:
    """Households, their circuits and their air.

    The same estate, incidents, seed and sequence of `advance` calls give the same world.

    Attributes:
        now: the time it has reached, UTC ms.
        voltage: float[household, 3], V between phase and neutral.
        current: float[household], A, all phases together.
        residual: float[household], mA.
        terminal: float[household], °C of the worst terminal.
        smoke: float[household], dB/m.
        co: float[household], ppm.
        energy: float[household], Wh since the beginning.
    """

    def __init__(self, estate: Estate, start: int, incidents: Iterable[Incident] = (), seed: int = 1) -> None:
        """Begin at `start` (UTC ms). `incidents` come in the order of their starts; there may be no end of them."""
        self._rng = rng = np.random.default_rng(seed)
        self.row = {h.id: i for i, h in enumerate(estate.household)}
        n = len(self.row)
        circuit = _circuits(estate)
        self._nominal = np.array([c.ratings.nominal_voltage if c else 230.0 for c in circuit])
        self._rated = np.array([c.ratings.rated_current if c else 32.0 for c in circuit])
        self.grid = Grid(
            [(c.feeder if c else None) or "" for c in circuit],
            np.array([_SHARES[c.phase if c else None] for c in circuit]).reshape(n, 3),
        )
        self._feeder_nominal = np.zeros(len(self.grid.feeders))
        self._feeder_nominal[self.grid.feeder] = self._nominal
        self._tap = rng.normal(1.03, 0.008, len(self.grid.feeders))
        self._leakage = np.minimum(rng.lognormal(1.0, 0.5, n), 4)  # mA at 60 % humidity; the median house has 2.7
        self._clean_air = rng.uniform(0.001, 0.008, n)
        self._appliances = Appliances(n, self._hour(start), rng)
        self._coming: Iterator[Incident] = iter(incidents)
        self._next = next(self._coming, None)
        self.incidents: list[Incident] = []
        self._cut_off: set[str] = set()
        self._reported: dict[str, set[str]] = {}
        self.now = start
        self.ambient, self.humidity = self._weather(start)
        self.voltage = np.repeat(self._nominal[:, None], 3, axis=1)
        self.current = np.zeros(n)
        self.residual = np.zeros(n)
        self.smoke = self._clean_air.copy()
        self.co = np.ones(n)
        self.energy = np.zeros(n)
        self._flagged = np.zeros(n, bool)
        self.terminal = np.full(n, self.ambient)
        self._measure(dt=0)
        self.terminal = self.ambient + self._terminal_rise()  # settled, not just switched on

    def advance(self, now: int, dt: float) -> None:
        """Let `dt` seconds pass, up to `now` (UTC ms)."""
        self.now = now
        while self._next is not None and self._next.start <= now:
            self.incidents.append(self._next)
            self._next = next(self._coming, None)
        self.incidents = [i for i in self.incidents if now < i.end]
        self._cut_off = {i.household for i in self.incidents if i.kind is IncidentKind.OFFLINE}
        self._reported = {}
        for incident in self.incidents:
            if incident.kind is IncidentKind.DEVICE_EVENT:
                self._reported.setdefault(incident.device, set()).add(incident.event)
        self.ambient, self.humidity = self._weather(now)
        self._appliances.advance(self._hour(now), dt)
        self._measure(dt)

    def values(self, device: Device) -> dict[str, float]:
        """What `device` measures now: signal names of `community.quantities` and values."""
        i = self.row[device.household]
        match device.kind:
            case DeviceKind.ELECTRICAL_PROTECTOR | DeviceKind.METER:
                return self._electrical(i, device)
            case DeviceKind.SMOKE:
                own = {"smoke_obscuration": round(float(self.smoke[i]), 3)}
            case DeviceKind.HEAT:
                own = {"ambient_temperature": round(self.ambient + 20 * float(self.smoke[i]), 1)}
            case DeviceKind.CO:
                own = {"co": round(float(self.co[i]), 1)}
            case DeviceKind.GAS:
                own = {"gas": 0.0}
            case DeviceKind.WATER | DeviceKind.DOOR:
                own = {"contact_open": 0.0}
        return {**own, "battery": 96.0, "signal": -71.0}

    def events(self, device: Device) -> set[str]:
        """Events that hold at `device` now, by name."""
        found = set(self._reported.get(device.id, ()))
        if device.kind is DeviceKind.SMOKE and self._flagged[self.row[device.household]]:
            found.add("smoke_alarm")
        return found

    def urgent(self, device: Device) -> bool:
        """Whether a battery device sees something that makes it report more often than usual."""
        i = self.row[device.household]
        return device.kind in (DeviceKind.SMOKE, DeviceKind.HEAT, DeviceKind.CO) and bool(self.smoke[i] > SMOKE_CLEAR)

    def online(self, device: Device) -> bool:
        """Whether the line between `device` and the broker is whole."""
        return device.household not in self._cut_off

    def _measure(self, dt: float) -> None:
        n = len(self.row)
        load = self._appliances.power() + self._level(IncidentKind.OVERLOAD) * self._nominal
        admittance = load / self._nominal**2
        neutral = np.ones(len(self.grid.feeders))
        broken = self._level(IncidentKind.BROKEN_NEUTRAL, otherwise=1.0)
        np.minimum.at(neutral, self.grid.feeder, broken)
        source = self._feeder_nominal * self._tap * (1 + 0.003 * np.sin(2 * np.pi * self.now / 900_000))
        self.voltage = self.grid.voltages(admittance, source, neutral) + self._rng.normal(0, 0.15, (n, 1))
        self.voltage += self._level(IncidentKind.OVERVOLTAGE)[:, None]
        own = (self.voltage * self.grid.share).sum(axis=1)
        self.current = admittance * own
        self.energy += self.current * own * dt / 3_600
        damp = 1 + 0.8 * (self.humidity - 60) / 40
        fault = self._level(IncidentKind.INSULATION_FAULT)
        self.residual = (self._leakage * damp + fault) * self._rng.normal(1, 0.02, n)
        settled = self.ambient + self._terminal_rise()
        self.terminal = settled + (self.terminal - settled) * np.exp(-dt / THERMAL_TIME_CONSTANT_S)
        self._breathe(dt)

    def _terminal_rise(self) -> NDArray[np.float64]:
        """float[n]: K above ambient in steady state; grows with contact resistance and the square of the current."""
        contact = self._level(IncidentKind.LOOSE_TERMINAL, otherwise=1.0)
        rise: NDArray[np.float64] = TERMINAL_RISE_AT_RATED * contact * (self.current / self._rated) ** 2
        return rise

    def _breathe(self, dt: float) -> None:
        target = self._clean_air + self._level(IncidentKind.KITCHEN_SMOKE)
        constant = np.where(target > self.smoke, SMOKE_RISE_S, SMOKE_DECAY_S)
        self.smoke = target + (self.smoke - target) * np.exp(-dt / constant)
        self.co = 1 + 25 * self.smoke
        self._flagged = (self.smoke >= SMOKE_ALARM) | (self._flagged & (self.smoke > SMOKE_CLEAR))

    def _level(self, kind: IncidentKind, otherwise: float = 0.0) -> NDArray[np.float64]:
        """float[n]: the strength of incidents of `kind` at each household; `otherwise` where there is none."""
        level = np.full(len(self.row), otherwise)
        for incident in self.incidents:
            if incident.kind is kind and incident.holds(self.now) and incident.household in self.row:
                level[self.row[incident.household]] = incident.strength(self.now)
        return level

    def _electrical(self, i: int, device: Device) -> dict[str, float]:
        volts, amperes = self.voltage[i], float(self.current[i])
        rest = {
            "residual_current": round(float(self.residual[i]), 2),
            "terminal_temperature": round(float(self.terminal[i]), 1),
            "energy": round(float(self.energy[i]), 1),
        }
        if device.phase == "3":
            return {
                **{f"voltage_l{k + 1}": round(float(volts[k]), 1) for k in range(3)},
                **{f"current_l{k + 1}": round(amperes / 3, 2) for k in range(3)},
                "active_power": round(float(volts.mean()) * amperes, 1),
                **rest,
            }
        own = float(volts @ self.grid.share[i])
        return {
            "voltage": round(own, 1), "current": round(amperes, 2), "active_power": round(own * amperes, 1), **rest,
        }  # fmt: skip

    def _weather(self, now: int) -> tuple[float, float]:
        """°C and % relative humidity: coolest and dampest before sunrise."""
        swing = float(np.cos(2 * np.pi * (self._hour(now) - 15) / 24))
        return 18 + 5 * swing, 75 - 15 * swing

    @staticmethod
    def _hour(now: int) -> float:
        return (now / _HOUR + LOCAL_TIME_H) % 24


_SHARES: dict[str | None, tuple[float, float, float]] = {
    None: (1, 0, 0), "l1": (1, 0, 0), "l2": (0, 1, 0), "l3": (0, 0, 1), "3": (1 / 3, 1 / 3, 1 / 3),
}  # fmt: skip


def _circuits(estate: Estate) -> list[Device | None]:
    """The electrical device of each household (the first, if it has several)."""
    first: dict[str, Device] = {}
    for device in estate.device:
        if device.kind in (DeviceKind.ELECTRICAL_PROTECTOR, DeviceKind.METER):
            first.setdefault(device.household, device)
    return [first.get(h.id) for h in estate.household]
