"""What the checks of trust know of each signal and each device."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from community.estate import Ratings
from community.quantities import PHASES, SIGNAL_INDEX, SIGNALS


class Class(IntEnum):
    """What kind of number a signal is, as far as the checks care."""

    OTHER = 0
    VOLTAGE = 1
    CURRENT = 2
    POWER = 3
    FREQUENCY = 4
    POWER_FACTOR = 5
    RESIDUAL = 6
    TEMPERATURE = 7
    GAS = 8


class Why(IntEnum):
    """Why a value was blanked."""

    SOUND = 0
    RATING = 1
    """No instrument on a circuit with these ratings can report it."""
    MARKER = 2
    """It is how a sensor or its converter says "nothing"."""
    WRAPPED = 3
    """The power tells that the current ran over its 16 bits."""
    LOST = 4
    """Part of an all-zero measurement of a live circuit."""
    SILENT = 5
    """Not a measurement at all: the voltage behind an open breaker, the frequency of no voltage."""


def _phases(*names: str) -> tuple[str, ...]:
    return tuple(n + s for n in names for s in ("", *(f"_{p}" for p in PHASES)))


_CLASSES: dict[Class, tuple[str, ...]] = {
    Class.VOLTAGE: _phases("voltage"),
    Class.CURRENT: (*_phases("current"), "neutral_current"),
    Class.POWER: _phases("active_power", "reactive_power", "apparent_power"),
    Class.FREQUENCY: ("frequency",),
    Class.POWER_FACTOR: _phases("power_factor"),
    Class.RESIDUAL: _phases("residual_current"),
    Class.TEMPERATURE: (*_phases("terminal_temperature"), "ambient_temperature", "device_temperature"),
    Class.GAS: ("co", "co2", "gas_level"),
}

CLASS_OF: NDArray[np.uint8] = np.zeros(len(SIGNALS), np.uint8)
"""uint8[signals]: `Class` of each signal."""
for _class, _names in _CLASSES.items():
    CLASS_OF[[SIGNAL_INDEX[n] for n in _names]] = _class

# All ones in 16 bits, signed and unsigned, as they look after the usual scales. Only numbers stand here that a
# working sensor of the class does not mean: 327.67 V may be a broken neutral and 32.767 A a load, so they pass. Of
# those that a disaster could reach (65.535 A), the exact number for longer than one reading is the marker.
_MARKERS: dict[Class, tuple[float, ...]] = {
    Class.VOLTAGE: (655.35,),
    Class.CURRENT: (65.535, 655.35, 6553.5, 3276.7),
    Class.POWER: (65_535.0, 65_534.0, 6_553.5),
    Class.FREQUENCY: (65.535,),
    Class.RESIDUAL: (65_535.0, 6_553.5, 32_767.0, 3_276.7),
    Class.TEMPERATURE: (127.99, 327.67),
    Class.GAS: (65_535.0, 32_767.0),
}

MARKERS: NDArray[np.float64] = np.full((len(Class), 4), np.nan)
"""float64[classes, 4]: numbers that mean "no measurement"; NaN pads."""
for _class, _values in _MARKERS.items():
    MARKERS[_class, : len(_values)] = _values

START_TEMPERATURE = 85.0
"""°C; what a DS18B20 holds before its first conversion (data sheet, power-on value of the temperature register)."""

MOST_VOLTAGE = 2.2
"""Times the nominal voltage. With a broken neutral a phase reaches √3 times; RMS values of surges are not reported."""

MOST_CURRENT = 20.0
"""Times the rated current. IEC 60898-1: type D breakers trip at once at 10 to 20 In, so no reading shows more."""

LIVE = 50.0
"""V; above, a conductor is live (the limit of extra-low voltage, IEC 61140)."""

WRAP = 65.536
"""A; where a current of 16 bits in mA begins anew."""

TOLERANCE = 1.1
FLOOR = 100.0
"""W or VA: power may exceed TOLERANCE times V·I and this before it contradicts."""

PAIRS: tuple[tuple[str, str, float, float], ...] = (
    ("smoke_alarm", "smoke_obscuration", 0.0, 1.0),
    ("smoke_alarm", "smoke_level", 0.0, np.inf),
    ("gas_alarm", "gas", 0.0, 25.0),
    ("gas_alarm", "gas_level", 0.0, np.inf),
    ("co_alarm", "co", 0.0, 500.0),
    ("heat_alarm", "ambient_temperature", 25.0, 90.0),
)
"""(flag, its level, an active flag contradicts levels up to, an inactive flag contradicts levels from).

A smoke alarm sounds below 0.25 dB/m (EN 14604), a gas alarm below 20 %LEL (EN 50194-1), a CO alarm within three
minutes of 300 ppm (EN 50291-1), a heat alarm below 70 °C (EN 54-5): the numbers stand well above. The scales of
`smoke_level` and `gas_level` are the maker's own: only their zero tells anything."""

BATTERY_EMPTY, BATTERY_FULL = 5.0, 90.0
"""%: `battery_low` 0 contradicts the first or less, `battery_low` 1 the second or more."""

TRIPLES: tuple[tuple[str, str, str], ...] = tuple(
    (f"voltage{s}", f"current{s}", f"active_power{s}") for s in ("", "_l1", "_l2", "_l3")
)
"""(voltage, current, active power) of one path."""

NOTES: tuple[str, ...] = ("clock_fault", "sensor_fault", "contradiction", "rate_limited")
"""Events that the gateway notes; the order of the bits in a device's memory."""


def limits(ratings: Ratings | None) -> tuple[float, float, float]:
    """Greatest voltage (V), current (A) and power (W) of a circuit; infinite where its ratings are not known.

    The power of three phases together stands for all, as the total of a three-phase device has the same name as that
    of a single-phase one.
    """
    if ratings is None:
        return np.inf, np.inf, np.inf
    volts, amperes = MOST_VOLTAGE * ratings.nominal_voltage, MOST_CURRENT * ratings.rated_current
    return volts, amperes, 3 * volts * amperes
