"""Which signal an announced entity is: from its component, device class, unit and, where these leave it open, name."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from community.estate import DeviceKind
from gateway.decoding.units import conversion


class Meaning(NamedTuple):
    """What an entity's state says.

    Attributes:
        signal: canonical name.
        scale, shift: signal = state * scale + shift.
        flag: whether the state is on or off, and not a number.
    """

    signal: str
    scale: float = 1.0
    shift: float = 0.0
    flag: bool = False


class Described(NamedTuple):
    """What an entity says of itself.

    Attributes:
        component: `sensor`, `binary_sensor`, `switch` ...
        device_class: of Home Assistant; empty if none is given.
        unit: of its numbers; empty if none is given.
        name: all that it is called, in one text.
        title: its own name, as shown to people.
        total: whether it counts up for ever (state class `total` or `total_increasing`).
        diagnostic: whether it is about the device itself, not about what it measures.
    """

    component: str
    device_class: str = ""
    unit: str = ""
    name: str = ""
    title: str = ""
    total: bool = False
    diagnostic: bool = False


_CLASSES = {
    "voltage": "voltage", "current": "current", "power": "active_power", "apparent_power": "apparent_power",
    "reactive_power": "reactive_power", "power_factor": "power_factor", "frequency": "frequency", "energy": "energy",
    "temperature": "ambient_temperature", "humidity": "humidity", "battery": "battery", "signal_strength": "signal",
    "carbon_monoxide": "co", "carbon_dioxide": "co2", "atmospheric_pressure": "pressure", "pressure": "pressure",
    "illuminance": "illuminance", "volume_flow_rate": "water_flow",
}  # fmt: skip
_UNITS = {
    "V": "voltage", "mV": "voltage", "A": "current", "mA": "current", "W": "active_power", "kW": "active_power",
    "VA": "apparent_power", "var": "reactive_power", "Hz": "frequency", "kWh": "energy", "Wh": "energy",
    "°C": "ambient_temperature", "°F": "ambient_temperature", "dBm": "signal", "lx": "illuminance", "hPa": "pressure",
    "dB/m": "smoke_obscuration", "%LEL": "gas",
}  # fmt: skip
_ALARMS = {
    "smoke": "smoke_alarm", "carbon_monoxide": "co_alarm", "gas": "gas_alarm", "heat": "heat_alarm",
    "moisture": "water_alarm", "door": "contact_open", "window": "contact_open", "opening": "contact_open",
    "garage_door": "contact_open", "battery": "battery_low", "tamper": "tamper", "connectivity": "online",
}  # fmt: skip
# The first that fits. What a detector says of itself (muted, defective, low battery) stands before what it detects.
_NAMED = (
    ("muted?|silenced?|hushed?", "mute"), ("arc", "arc_alarm"),
    ("short circuit|short_circuit", "short_circuit_alarm"),
    ("overload|over current|overcurrent|over ?power(?:ing|ed)?", "overload_alarm"),
    ("over voltage|overvoltage", "overvoltage_alarm"), ("under voltage|undervoltage", "undervoltage_alarm"),
    ("leakage|earth leak|ground fault|residual|rcd", "residual_alarm"),
    ("over temperature|overtemperature|overheat|overheating|over temp", "temperature_alarm"),
    ("tripped|trip", "trip"), ("end of life|eol", "end_of_life"),
    ("battery (?:is )?low|low battery|(?:weak|replace) battery|battery (?:problem|fault|defect|error)", "battery_low"),
    ("fault|problem|failure|failed|error|malfunction|trouble|defect(?:ive)?|dirty|contaminat(?:ed|ion)", "fault"),
    ("fire", "fire_alarm"), ("smoke", "smoke_alarm"), ("heat", "heat_alarm"), ("carbon monoxide|co", "co_alarm"),
    ("gas", "gas_alarm"), ("water leak|water|leak|flood", "water_alarm"), ("tamper", "tamper"),
)  # fmt: skip
# Things that are called after what they are for: a valve is not a leak.
_THINGS = re.compile(
    r"\b(?:water|gas|heat|fire) ?(?:heater|pump|valve|boiler|supply|meter|tap|shut ?off|place|stove)\b(?! leak)"
)
_HEATING = re.compile(r"\b(?:heating|heater|burner|demand)\b")
_ABOUT = re.compile(r"\b(?:enabled|supported|installed|connected|led|indicator|armed|ready)$")
_TEST = re.compile(r"(?:smoke |heat |co |gas |alarm )?(?:self ?)?test(?: button| mode| active)?")
_PERIOD = re.compile(r"\b(?:today|yesterday|daily|day|hour|hourly|week|weekly|month|monthly|year|yearly|period|last)\b")
_PHASE = re.compile(r"\b(?:l([123])|phase ?([abc123]))\b|\b(?:voltage|current|power|energy) ?([abc])\b")
_NUMBER_OF = {"a": "1", "b": "2", "c": "3"}
_MAINS = frozenset(("current", "active_power", "energy", "power_factor", "apparent_power", "residual_current"))


def meaning_of(entity: Described) -> Meaning | str:
    """The signal of one entity, taken by itself; or why there is none."""
    name = _plain(entity.name)
    if entity.component == "binary_sensor":
        return _alarm(entity, name)
    if entity.component == "switch":
        return Meaning("breaker_closed", flag=True) if _is_main_switch(entity) else "a switch for something else"
    if entity.component != "sensor":
        return f"{entity.component} is no measurement"
    signal = _CLASSES.get(entity.device_class) if entity.device_class else _by_unit(entity, name)
    if signal is None:
        return f"device class {entity.device_class[:40]!r} has no signal" if entity.device_class else "no device class"
    signal = _narrowed(signal, entity, name)
    if signal is None:
        return "a total of a day or month, not of all time"
    if entity.unit == "" and signal != "power_factor":
        return "no unit of measurement"
    converted = conversion(entity.unit.replace("℃", "°C") if entity.unit else None, signal)
    if converted is None:
        return f"unit {entity.unit[:16]!r} is not one of {signal}"
    return Meaning(signal, converted.factor, converted.shift)


def settled(entities: Iterable[tuple[Described, Meaning]]) -> list[Meaning]:
    """What the entities of one device are, seen together: a cell's voltage is none of the mains, a plug's own heat is.

    In the order given.
    """
    found = list(entities)
    signals = {meaning.signal for _, meaning in found}
    mains = bool(signals & _MAINS) or any(s.startswith(("current_", "active_power_")) for s in signals)
    cell = "battery" in signals or "battery_low" in signals

    def settle(meaning: Meaning) -> Meaning:
        if meaning.signal == "voltage" and cell and not mains:
            return meaning._replace(signal="battery_voltage")
        if meaning.signal == "ambient_temperature" and mains:
            return meaning._replace(signal="device_temperature")
        return meaning

    return [settle(meaning) for _, meaning in found]


def kind_of(signals: Iterable[str]) -> DeviceKind | None:
    """The kind of device that has these signals; None if they do not tell."""
    found = set(signals)
    for kind, marks in _KINDS:
        if found & marks:
            return kind
    return None


_KINDS: tuple[tuple[DeviceKind, frozenset[str]], ...] = (
    (DeviceKind.ELECTRICAL_PROTECTOR, frozenset((
        "residual_current", "residual_alarm", "arc_alarm", "overload_alarm", "short_circuit_alarm", "trip",
        "breaker_closed", "overvoltage_alarm", "undervoltage_alarm"))),
    (DeviceKind.SMOKE, frozenset(("smoke_alarm", "smoke_obscuration", "smoke_level"))),
    (DeviceKind.CO, frozenset(("co_alarm", "co"))),
    (DeviceKind.GAS, frozenset(("gas_alarm", "gas", "gas_level"))),
    (DeviceKind.HEAT, frozenset(("heat_alarm",))),
    (DeviceKind.WATER, frozenset(("water_alarm", "water_flow", "water_pressure"))),
    (DeviceKind.DOOR, frozenset(("contact_open",))),
    (DeviceKind.METER, frozenset(("active_power", "energy", "current", "voltage"))),
)  # fmt: skip


def _plain(text: str) -> str:
    """Words in lower case, with single spaces: `Smoke_self-Test` → `smoke self test`."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def _has(words: str, name: str) -> bool:
    return re.search(rf"\b(?:{words})\b", name) is not None


def _alarm(entity: Described, name: str) -> Meaning | str:
    if _TEST.fullmatch(_plain(entity.title)):
        return Meaning("test", flag=True)
    if entity.device_class == "heat" and _HEATING.search(_plain(entity.title)):
        return "tells that something heats, not that it is hot"
    if entity.device_class in _ALARMS:
        return Meaning(_ALARMS[entity.device_class], flag=True)
    if entity.device_class == "power":  # on: power is there
        return Meaning("power_lost", -1.0, 1.0, flag=True)
    if entity.device_class not in ("", "problem", "safety"):
        return f"device class {entity.device_class[:40]!r} has no signal"
    # The entity's own title first: the rest of its names may carry the room or the device (`fire_station_leak`).
    for text in (_plain(entity.title), name):
        if entity.device_class == "" and re.search(r"\btest\b", text):
            return Meaning("test", flag=True)
        if entity.device_class == "" and _ABOUT.search(text):
            return "tells how the device is set up, not what it sees"
        text = _THINGS.sub(" ", text)
        for words, signal in _NAMED:
            if _has(words, text):
                return Meaning(signal, flag=True)
    return Meaning("fault", flag=True) if entity.device_class else "no device class, and no name we know"


def _by_unit(entity: Described, name: str) -> str | None:
    if entity.unit == "%":
        words = (("humidity", "humidity"), ("battery", "battery"), ("smoke", "smoke_level"))
        return next((signal for word, signal in words if _has(word, name)), None)
    if entity.unit == "ppm":
        words = (("co2|carbon dioxide", "co2"), ("co|carbon monoxide", "co"), ("gas|methane", "gas_level"))
        return next((signal for word, signal in words if _has(word, name)), None)
    return _UNITS.get(entity.unit)


def _narrowed(signal: str, entity: Described, name: str) -> str | None:
    """The signal with what its name adds: the phase, the leak, the cell, the chip. None: not to be read."""
    if signal == "current" and _has("leak|leakage|residual|earth|rcd", name):
        signal = "residual_current"
    elif signal == "current" and _has("neutral", name):
        return "neutral_current"
    elif signal == "voltage" and (entity.unit == "mV" or _has("battery|batt|vbat|cell", name)):
        return "battery_voltage"
    elif signal == "ambient_temperature":
        if _has("terminal|wire|cable|busbar", name):
            signal = "terminal_temperature"
        elif entity.diagnostic or _has("chip|cpu|soc|device|internal|board|mcu|esp|esp32", name):
            return "device_temperature"
    elif signal == "energy" and (_PERIOD.search(name) or _has("export|exported|returned|production", name)):
        return None
    elif signal == "pressure" and _has("water|pipe", name):
        return "water_pressure"
    if signal in ("voltage", "current", "active_power", "energy", "residual_current", "terminal_temperature"):
        found = _PHASE.search(name)
        if found:
            return f"{signal}_l{_NUMBER_OF.get(found[found.lastindex or 1], found[found.lastindex or 1])}"
    return signal


def _is_main_switch(entity: Described) -> bool:
    title = _plain(entity.title)
    return not entity.diagnostic and (
        entity.device_class in ("outlet", "switch")
        or title == ""
        or _has("relay|outlet|socket|plug|breaker|switch|power", title)
    )
