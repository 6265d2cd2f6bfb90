"""The checks of trust for one measurement: what the kernel must do, and what the offline check uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from community.estate import Ratings
from community.quantities import SIGNAL_INDEX
from gateway.trust.tables import (
    BATTERY_EMPTY,
    BATTERY_FULL,
    CLASS_OF,
    FLOOR,
    LIVE,
    MARKERS,
    PAIRS,
    START_TEMPERATURE,
    TOLERANCE,
    TRIPLES,
    WRAP,
    Class,
    Why,
    limits,
)

LAG = 600_000
"""ms behind receipt: less is the network's or the device's own haste."""

LAG_STEADY = 5_000
"""ms: a clock that is behind stays behind by the same time."""

LAG_APART = 60_000
"""ms for which it must have been behind by the same time. A backlog that comes only a twelfth faster than it was
measured has lost `LAG_STEADY` by then."""

_ZEROS = {Class.VOLTAGE, Class.CURRENT, Class.POWER, Class.FREQUENCY, Class.POWER_FACTOR, Class.RESIDUAL}
_SHADOWS = {Class.VOLTAGE, Class.FREQUENCY, Class.POWER_FACTOR}
_CODES = MARKERS.tolist()
_LIMITED = {Class.VOLTAGE: 0, Class.CURRENT: 1, Class.POWER: 2}


@dataclass(slots=True)
class Memory:
    """What is remembered of one device.

    Attributes:
        breaker: 1 closed, 0 open, -1 never heard.
        live: whether it ever measured a live voltage.
        fresh: it restarted, and reported no temperature since.
        lag: ms by which its times have been behind their receipt, within `LAG_STEADY`,
        received: since this receipt, ms; -1: none yet.
        sensor, contradiction: signal (index) that made the gateway note a lost sensor or a contradiction; -1: none.
        clock, limited: whether the fault of its clock and the limit of its rate are noted.
    """

    breaker: int = -1
    live: bool = False
    fresh: bool = False
    lag: int = 0
    received: int = -1
    sensor: int = -1
    contradiction: int = -1
    clock: bool = False
    limited: bool = False


class Verdict(NamedTuple):
    """What is made of one measurement.

    Attributes:
        values: those that are left.
        blanked: those that are not, and why.
        ts: the time that counts, UTC ms.
        notes: event that the gateway notes → 1 where it begins, 0 where it ends.
    """

    values: dict[str, float]
    blanked: dict[str, Why]
    ts: int
    notes: dict[str, float]


@dataclass(slots=True)
class _Row:
    values: dict[str, float]
    blanked: dict[str, Why] = field(default_factory=dict)

    def of(self, *classes: Class) -> list[str]:
        return [s for s in self.values if CLASS_OF[SIGNAL_INDEX[s]] in classes]

    def blank(self, signal: str, why: Why) -> None:
        del self.values[signal]
        self.blanked[signal] = why


def judge(
    values: Mapping[str, float],
    ts: int | None,
    received_at: int,
    memory: Memory,
    *,
    steady: bool = True,
    ratings: Ratings | None = None,
    limited: bool = False,
    too_old: int,
    future: int,
) -> Verdict:
    """Judge one measurement; `memory` is brought up to date.

    Args:
        values: canonical signals, all within the limits of instruments.
        ts: the device's own time, or None.
        received_at: UTC ms.
        memory: of the device.
        steady: whether all values belong to one moment.
        ratings: of the device's circuit; None if they are not known: only what none can mean is refused.
        limited: whether the device is being limited in its rate.
        too_old, future: ms before and after the receipt in which a time is credible.
    """
    # The order of SIGNALS, as the columns have it: the first bad signal is the one that a note remembers.
    row = _Row({s: values[s] for s in sorted(values, key=SIGNAL_INDEX.__getitem__)})
    present = set(values)
    if row.values.get("restart") == 1 or row.values.get("online") == 1:
        memory.fresh = True
    sensor = _single(row, memory, limits(ratings))
    if "breaker_closed" in row.values:
        memory.breaker = int(row.values["breaker_closed"])
    lost = _zeros(row, memory)
    sensor = sensor if sensor >= 0 else lost
    contradiction = _powers(row, limits(ratings)[1]) if steady else -1
    contradiction = contradiction if contradiction >= 0 else _flags(row)
    notes: dict[str, float] = {}
    time = received_at if ts is None else _time(ts, received_at, memory, too_old, future, notes)
    _note(notes, "sensor_fault", memory, "sensor", sensor, row)
    _note(notes, "contradiction", memory, "contradiction", contradiction, row)
    if limited != memory.limited:
        memory.limited = limited
        notes["rate_limited"] = float(limited)
    assert set(row.values) | set(row.blanked) == present
    return Verdict(row.values, row.blanked, time, notes)


def _single(row: _Row, memory: Memory, most: tuple[float, float, float]) -> int:
    """Values that are wrong by themselves; the index of the first, or -1."""
    first = -1
    temperatures = row.of(Class.TEMPERATURE)
    for signal, value in list(row.values.items()):
        kind = Class(CLASS_OF[SIGNAL_INDEX[signal]])
        why = Why.SOUND
        if kind in _LIMITED and abs(value) > most[_LIMITED[kind]]:
            why = Why.RATING
        elif value in _CODES[kind] or (kind is Class.TEMPERATURE and memory.fresh and value == START_TEMPERATURE):
            why = Why.MARKER
        if why:
            row.blank(signal, why)
            first = SIGNAL_INDEX[signal] if first < 0 else first
    if temperatures:
        memory.fresh = False
    return first


def _zeros(row: _Row, memory: Memory) -> int:
    """Zeros that mean nothing; the index of a voltage that was lost, or -1."""
    voltages = row.of(Class.VOLTAGE)
    live = any(row.values[s] > LIVE for s in voltages)
    lost = -1
    if row.values.get("power_lost") != 1 and voltages and all(row.values[s] == 0 for s in row.of(*_ZEROS)):
        # One phase alone at zero is a lost phase, and that is a danger: it must be the whole supply.
        whole = "voltage" in row.values or all(f"voltage_{p}" in row.values for p in ("l1", "l2", "l3"))
        if whole and (memory.breaker == 1 or (memory.breaker < 0 and memory.live)):
            lost = SIGNAL_INDEX[voltages[0]]
            for signal in row.of(*_ZEROS):
                row.blank(signal, Why.LOST)
        elif memory.breaker < 0 and not memory.live and whole:
            _shadows(row)
    if memory.breaker == 0 and row.values.get("power_lost") != 1:
        _shadows(row)
    if row.values.get("frequency") == 0:
        row.blank("frequency", Why.RATING if live else Why.SILENT)
    memory.live = memory.live or live
    return lost


def _shadows(row: _Row) -> None:
    for signal in row.of(*_SHADOWS):
        if row.values[signal] == 0:
            row.blank(signal, Why.SILENT)


def _powers(row: _Row, most: float) -> int:
    """Power against voltage and current; the index of the power that contradicts, or -1. A wrapped current goes."""
    three = "voltage_l1" in row.values or "current_l1" in row.values
    first = -1
    for voltage, current, power in TRIPLES:
        if not (voltage in row.values and current in row.values and power in row.values):
            continue
        volts, amperes, watts = row.values[voltage], row.values[current], abs(row.values[power])
        if volts <= LIVE:
            continue
        # The total of three phases has the name of a single one's power.
        share = 3.0 if three and voltage == "voltage" else 1.0
        apparent = share * volts * amperes
        if watts > apparent * TOLERANCE + FLOOR:
            first = SIGNAL_INDEX[power] if first < 0 else first
            if amperes < WRAP and share == 1 and _wrapped(volts, amperes, watts, most):
                row.blank(current, Why.WRAPPED)
        elif watts == 0 and apparent >= FLOOR:
            first = SIGNAL_INDEX[power] if first < 0 else first
    return SIGNAL_INDEX["active_power"] if first < 0 and _total_too_great(row.values) else first


def _total_too_great(values: Mapping[str, float]) -> bool:
    """Whether the power of all three phases is more than they carry: one current may have wrapped, but not which."""
    phases = TRIPLES[1:]
    if "active_power" not in values or not all(v in values and a in values for v, a, _ in phases):
        return False
    apparent = sum(values[v] * values[a] for v, a, _ in phases)
    return any(values[v] > LIVE for v, _, _ in phases) and abs(values["active_power"]) > apparent * TOLERANCE + FLOOR


def _wrapped(volts: float, amperes: float, watts: float, most: float) -> bool:
    """Whether a current a few times 65.536 A greater would fit the power, at a power factor of 0.5 to 1."""
    for turns in range(1, 11):
        true = amperes + turns * WRAP
        if true <= most and 0.5 * volts * true <= watts <= 1.05 * volts * true:
            return True
    return False


def _flags(row: _Row) -> int:
    """Flags against levels; the index of the level that contradicts, or -1. Both stay."""
    values = row.values
    if values.get("test") == 1:
        return -1
    for flag, level, low, high in PAIRS:
        if flag in values and level in values:
            active, value = values[flag] == 1, values[level]
            if (active and value <= low) or (not active and value >= high):
                return SIGNAL_INDEX[level]
    if "battery_low" in values and "battery" in values:
        low_flag, left = values["battery_low"] == 1, values["battery"]
        if (low_flag and left >= BATTERY_FULL) or (not low_flag and left <= BATTERY_EMPTY):
            return SIGNAL_INDEX["battery"]
    return -1


def _time(ts: int, received_at: int, memory: Memory, too_old: int, future: int, notes: dict[str, float]) -> int:
    """The time that counts, and what is noted of the clock."""
    lag = received_at - ts
    bad = lag > too_old or lag < -future
    if not bad:
        # Readings kept through an outage come faster than they were measured, so their lag shrinks. A clock that is
        # behind lags by the same time for as long as it sends.
        if memory.received < 0 or abs(lag - memory.lag) > LAG_STEADY:
            memory.lag, memory.received = lag, received_at
        bad = lag > LAG and received_at - memory.received >= LAG_APART
    if bad != memory.clock:
        memory.clock = bad
        notes["clock_fault"] = float(bad)
    return received_at if bad else ts


def _note(notes: dict[str, float], event: str, memory: Memory, slot: str, found: int, row: _Row) -> None:
    """One event at the beginning, one when the same signal is good again."""
    before = getattr(memory, slot)
    if found >= 0:
        if before < 0:
            notes[event] = 1.0
        setattr(memory, slot, found)
    elif before >= 0 and any(SIGNAL_INDEX[s] == before for s in row.values):
        notes[event] = 0.0
        setattr(memory, slot, -1)
