"""Units that devices use → the canonical unit of a quantity: y = x * factor + shift."""

from typing import NamedTuple

from community.quantities import QUANTITIES


class Conversion(NamedTuple):
    """y = x * factor + shift."""

    factor: float = 1.0
    shift: float = 0.0


_TO: dict[str, dict[str, Conversion]] = {
    "V": {"mV": Conversion(1e-3), "kV": Conversion(1e3)},
    "A": {"mA": Conversion(1e-3), "kA": Conversion(1e3)},
    "mA": {"A": Conversion(1e3), "µA": Conversion(1e-3), "uA": Conversion(1e-3)},
    "W": {"kW": Conversion(1e3), "mW": Conversion(1e-3), "MW": Conversion(1e6)},
    "var": {"kvar": Conversion(1e3), "VAr": Conversion()},
    "VA": {"kVA": Conversion(1e3)},
    "Wh": {"kWh": Conversion(1e3), "MWh": Conversion(1e6), "J": Conversion(1 / 3600), "Wmin": Conversion(1 / 60)},
    "Hz": {"mHz": Conversion(1e-3)},
    "°C": {"C": Conversion(), "K": Conversion(1.0, -273.15), "°F": Conversion(5 / 9, -160 / 9),
           "F": Conversion(5 / 9, -160 / 9), "m°C": Conversion(1e-3)},
    "%": {"1": Conversion(100.0), "‰": Conversion(0.1)},
    "%LEL": {},
    "hPa": {"Pa": Conversion(1e-2), "kPa": Conversion(10.0), "mbar": Conversion(), "mmHg": Conversion(1.333224)},
    "kPa": {"Pa": Conversion(1e-3), "MPa": Conversion(1e3), "bar": Conversion(1e2), "psi": Conversion(6.894757)},
    "ppm": {"ppb": Conversion(1e-3), "%": Conversion(1e4)},
    "L/min": {"m³/h": Conversion(1000 / 60), "L/s": Conversion(60.0), "m³/min": Conversion(1000.0)},
    "": {"%": Conversion(1e-2)},
}  # fmt: skip


def conversion(unit: str | None, signal: str) -> Conversion | None:
    """How a value in `unit` becomes one of `signal`; None if that is impossible."""
    quantity = QUANTITIES.get(signal)
    if unit is None or (quantity is not None and unit == quantity.unit):
        return Conversion()
    return None if quantity is None else _TO.get(quantity.unit, {}).get(unit)


def known_units(signal: str) -> list[str]:
    """The units that can be converted to the signal's own, that one first."""
    quantity = QUANTITIES.get(signal)
    return [] if quantity is None else [quantity.unit or "none", *_TO.get(quantity.unit, {})]
