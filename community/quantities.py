"""What can be measured or reported: canonical quantities with units and plausible limits, and events.

Quantities and events together are *signals*: the columns of a `Frame`. An event is a signal whose value is 1
(active) or 0 (withdrawn). A quantity may carry a phase or terminal as suffix: `voltage_l2`, `terminal_temperature_n`.
"""

from dataclasses import dataclass
from difflib import get_close_matches

PHASES = ("l1", "l2", "l3", "n")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A canonical quantity.

    Attributes:
        name: the field's standard term, e.g. `residual_current`.
        unit: SI-style unit, e.g. `mA`; empty for ratios and flags.
        low: least value that a working sensor can report, in `unit`.
        high: greatest value that a working sensor can report, in `unit`.
        per_phase: whether the suffixes `_l1 _l2 _l3 _n` exist.
    """

    name: str
    unit: str
    low: float
    high: float
    per_phase: bool = False


# The limits are those of the instrument, not of the installation: an absurd value is a broken sensor or a broken
# decoder and is refused; a dangerous value must pass.
_BASE = (
    Quantity("voltage", "V", 0, 1_000, per_phase=True),
    Quantity("current", "A", 0, 10_000, per_phase=True),
    Quantity("neutral_current", "A", 0, 10_000),
    Quantity("active_power", "W", -5e6, 5e6, per_phase=True),
    Quantity("reactive_power", "var", -5e6, 5e6, per_phase=True),
    Quantity("apparent_power", "VA", 0, 5e6, per_phase=True),
    Quantity("power_factor", "", -1, 1, per_phase=True),
    Quantity("frequency", "Hz", 0, 100),
    Quantity("energy", "Wh", 0, 1e15, per_phase=True),
    Quantity("voltage_thd", "%", 0, 1_000, per_phase=True),
    Quantity("current_thd", "%", 0, 1_000, per_phase=True),
    Quantity("residual_current", "mA", 0, 100_000, per_phase=True),
    Quantity("terminal_temperature", "°C", -60, 500, per_phase=True),
    Quantity("ambient_temperature", "°C", -60, 500),
    Quantity("device_temperature", "°C", -60, 200),
    Quantity("humidity", "%", 0, 100),
    Quantity("smoke_obscuration", "dB/m", 0, 50),
    Quantity("co", "ppm", 0, 100_000),
    Quantity("co2", "ppm", 0, 1_000_000),
    Quantity("gas", "%LEL", 0, 100),
    Quantity("arc_count", "", 0, 1e12),
    Quantity("breaker_closed", "", 0, 1),
    Quantity("contact_open", "", 0, 1),
    Quantity("battery", "%", 0, 100),
    Quantity("battery_voltage", "V", 0, 100),
    Quantity("signal", "dBm", -200, 30),
    # What the device itself is set to: at these values it warns or trips.
    Quantity("residual_limit", "mA", 0, 100_000),
    Quantity("current_limit", "A", 0, 10_000),
    Quantity("overvoltage_limit", "V", 0, 1_000),
    Quantity("undervoltage_limit", "V", 0, 1_000),
    Quantity("temperature_limit", "°C", -60, 500),
    Quantity("power_limit", "W", 0, 5e6),
    Quantity("pressure", "hPa", 0, 2_000),
    Quantity("illuminance", "lx", 0, 200_000),
    # On the maker's own scale: it may be compared with the same device's past, not with a standard's limit.
    Quantity("smoke_level", "%", 0, 100),
    Quantity("gas_level", "ppm", 0, 1_000_000),
    Quantity("water_flow", "L/min", 0, 10_000),
    Quantity("water_pressure", "kPa", 0, 10_000),
)

QUANTITIES: dict[str, Quantity] = {
    name: Quantity(name, q.unit, q.low, q.high, per_phase=False)
    for q in _BASE
    for name in ((q.name, *(f"{q.name}_{p}" for p in PHASES)) if q.per_phase else (q.name,))
}
"""Every canonical quantity by name, phases and terminals included."""

EVENTS: tuple[str, ...] = (
    "fire_alarm", "smoke_alarm", "heat_alarm", "co_alarm", "gas_alarm", "water_alarm", "arc_alarm",
    "residual_alarm", "overload_alarm", "short_circuit_alarm", "temperature_alarm", "overvoltage_alarm",
    "undervoltage_alarm", "trip", "manual_call", "test", "mute", "tamper", "battery_low", "fault", "end_of_life",
    "restart", "reset", "power_lost", "online", "early_warning",
    # What the gateway notes about a device: 1 when it begins, 0 when it is over.
    "clock_fault", "sensor_fault", "contradiction", "rate_limited",
)  # fmt: skip
"""What a device itself decides or reports. `online` is its status topic: birth 1, last will 0."""

SIGNALS: tuple[str, ...] = (*QUANTITIES, *EVENTS)
"""Every column a frame may have. Append only: recorded frames name their columns, snapshots rely on the order."""

SIGNAL_INDEX: dict[str, int] = {name: i for i, name in enumerate(SIGNALS)}


def nearest_signal(name: str) -> str | None:
    """The known signal that `name` most resembles, for error messages; None if nothing is near."""
    matches = get_close_matches(name, SIGNALS, n=1, cutoff=0.6)
    return matches[0] if matches else None
