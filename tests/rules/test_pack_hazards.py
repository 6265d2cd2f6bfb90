"""The standard pack over hazards: each is found for every usual voltage and supply; an ordinary day is left alone."""

from collections.abc import Callable
from math import exp, pi, sin

import pytest

from community.estate import Device, Estate, Household, Place, PlaceKind
from community.finding import Finding
from community.frame import Frame, Reading, Tick
from rules.engine import Engine
from rules.rulebook import standard_rulebook
from tests.rules.makers import PARTITION, T0, feed, reading, tick

SUPPLIES = [(volts, phases) for volts in (120, 220, 230) for phases in (1, 3)]
MINUTE, HOUR = 60.0, 3600.0
MIDNIGHT = 17_600.0  # s from T0 to the next local midnight (Asia/Shanghai)

Stream = Callable[[float, int], list[Reading]]


def phase(signal: str, phases: int, number: int = 2) -> str:
    """The signal of a device with one phase, or of one of three."""
    return signal if phases == 1 else f"{signal}_l{number}"


def lasting(signal: str, value: Callable[[float], float] | float, seconds: float, every: float = 10) -> Stream:
    """One signal at a value (which may follow the nominal voltage) for a time."""

    def stream(volts: float, phases: int) -> list[Reading]:
        v = value(volts) if callable(value) else value
        name = phase(signal, phases) if signal in ("voltage", "current", "residual_current") else signal
        return [reading(k * every, **{name: v}) for k in range(int(seconds / every) + 1)]

    return stream


def event(name: str, of: str = "d") -> Stream:
    return lambda volts, phases: [reading(0, of, **{name: 1})]


def over_time(
    signal: str, values: Callable[[float], float], seconds: float, every: float, of: str = "d", **more: float
) -> Stream:
    def stream(volts: float, phases: int) -> list[Reading]:
        times = [k * every for k in range(int(seconds / every) + 1)]
        own = {phase(s, phases): v for s, v in more.items()}
        return [reading(t, of, **{phase(signal, phases) if of == "d" else signal: values(t), **own}) for t in times]

    return stream


def both(*streams: Stream) -> Stream:
    def stream(volts: float, phases: int) -> list[Reading]:
        return sorted((r for s in streams for r in s(volts, phases)), key=lambda r: r.ts)

    return stream


def loose_terminal(volts: float, phases: int) -> list[Reading]:
    """Five days at 20 A with a rise of 16 K, then one with 30 K."""
    hot, amps = phase("terminal_temperature", phases), phase("current", phases)
    return [
        reading(h * HOUR + q * 120, **{hot: 25 + (16 if h < 120 else 36), amps: 20, "ambient_temperature": 25})
        for h in range(132)
        for q in range(30)
    ]


def loose_neutral(volts: float, phases: int) -> list[Reading]:
    """A load of 20 A comes and goes over twice the impedance of the alarm."""
    ohm = 0.014 * volts
    return [
        reading(k * 10, **{phase("voltage", phases): volts - ohm * i * 0.5, phase("current", phases): i * 0.5})
        for k, i in enumerate([0, 20] * 6)
    ]


def leakage_drift(volts: float, phases: int) -> list[Reading]:
    """A week at 3 mA, then two days at 10 mA."""
    return [reading(h * HOUR / 2, **{phase("residual_current", phases): 3 if h < 336 else 10}) for h in range(432)]


def charging(volts: float, phases: int) -> list[Reading]:
    """An e-bike of 200 W from 20:00 on."""

    def watts(h: float) -> float:
        return 0.0 if h < 0 else 200.0 if h < 2.5 else max(8.0, 200 * exp(-(h - 2.5)))

    power, factor = phase("active_power", phases), phase("power_factor", phases)
    return [
        reading(MIDNIGHT + 20 * HOUR + k * 60, **{power: 90 + watts(k / 60 - 0.5), factor: 0.6}) for k in range(360)
    ]


def nothing_moves(volts: float, phases: int) -> list[Reading]:
    """A standby of 40 W from 07:00 to 21:00; the night before there was a person."""
    return [reading(MIDNIGHT + 7 * HOUR + k * 60, active_power=40.0 + (500 if k < 2 else 0)) for k in range(14 * 60)]


def door_at_night(volts: float, phases: int) -> list[Reading]:
    return [reading(MIDNIGHT + 2 * HOUR, "door", contact_open=1.0)]


def flat(signal: str) -> Stream:
    return over_time(signal, lambda t: 231.7, 8 * HOUR, 60)


HAZARDS: dict[str, tuple[Stream, str, str]] = {  # hazard: (what devices report, the rule that says it, severity)
    "shock": (lasting("residual_current", 30, 0), "residual.shock", "critical"),
    "leakage near the trip": (lasting("residual_current", 24, 20), "residual.shock", "alarm"),
    "damp insulation": (lasting("residual_current", 16, 70), "residual.early", "warning"),
    "leakage that starts fires": (lasting("residual_current", 310, 40), "residual.fire", "alarm"),
    "insulation ageing": (leakage_drift, "residual.drift", "warning"),
    "leakage by the device": (event("residual_alarm"), "residual.alarm", "alarm"),
    "arcs by the device": (event("arc_alarm"), "arc.alarm", "alarm"),
    "arcs counted": (over_time("arc_count", lambda t: 14.0 * (t >= 60), 60, 60, of="m"), "arc.burst", "alarm"),
    "loose contact by arcs": (
        over_time("arc_count", lambda t: t // HOUR, 3 * HOUR, 60, of="m"), "arc.loose", "warning",
    ),
    "overload": (lasting("current", 1.45 * 32, HOUR), "overload.thermal", "critical"),
    "neutral overloaded": (lasting("neutral_current", 40, 700), "overload.neutral", "alarm"),
    "overload by the device": (event("overload_alarm"), "overload.alarm", "alarm"),
    "short circuit": (event("short_circuit_alarm"), "short_circuit.alarm", "alarm"),
    "trip": (event("trip"), "breaker.trip", "warning"),
    "hot terminal": (over_time("terminal_temperature", lambda t: 90.0, 60, 10), "terminal.temperature", "critical"),
    "terminal warming fast": (
        over_time("terminal_temperature", lambda t: 30 + t / 4, 150, 10), "terminal.rise", "alarm",
    ),
    "loose terminal": (loose_terminal, "terminal.contact", "alarm"),
    "temperature by the device": (event("temperature_alarm"), "temperature.alarm", "alarm"),
    "over-voltage": (lasting("voltage", lambda u: 1.2 * u, 10), "voltage.over", "critical"),
    "under-voltage": (lasting("voltage", lambda u: 0.75 * u, 10), "voltage.under", "critical"),
    "supply lost": (lasting("voltage", 1, 70), "voltage.lost", "warning"),
    "over-voltage by the device": (event("overvoltage_alarm"), "overvoltage.alarm", "alarm"),
    "under-voltage by the device": (event("undervoltage_alarm"), "undervoltage.alarm", "warning"),
    "loose neutral": (loose_neutral, "neutral.impedance", "alarm"),
    "smoke": (over_time("smoke_obscuration", lambda t: 0.8, 20, 5, of="smoke"), "smoke.obscuration", "critical"),
    "smoke by the device": (event("smoke_alarm", "smoke"), "smoke.alarm", "critical"),
    "dirty smoke detector": (
        over_time("smoke_obscuration", lambda t: 0.01 if t < 8 * 86_400 else 0.07, 10 * 86_400, HOUR, of="smoke"),
        "smoke.dirty", "warning",
    ),
    "heat": (over_time("ambient_temperature", lambda t: 58.0, 20, 10, of="heat"), "heat.temperature", "critical"),
    "heat rising": (
        over_time("ambient_temperature", lambda t: 20 + t / 6, 200, 10, of="heat"), "heat.rise", "critical",
    ),
    "heat by the device": (event("heat_alarm", "heat"), "heat.alarm", "critical"),
    "fire by the device": (event("fire_alarm", "heat"), "fire.alarm", "critical"),
    "call by hand": (event("manual_call", "heat"), "manual.call", "critical"),
    "carbon monoxide for hours": (over_time("co", lambda t: 50.0, 90 * 60, 30, of="co"), "co.dose", "critical"),
    "much carbon monoxide": (over_time("co", lambda t: 300.0, 180, 30, of="co"), "co.high", "critical"),
    "carbon monoxide by the device": (event("co_alarm", "co"), "co.alarm", "critical"),
    "gas": (over_time("gas", lambda t: 12.0, 20, 5, of="gas"), "gas.level", "alarm"),
    "gas by the device": (event("gas_alarm", "gas"), "gas.alarm", "critical"),
    "water": (event("water_alarm", "water"), "water.alarm", "warning"),
    "water at live parts": (
        both(event("water_alarm", "water"), lasting("residual_current", 16, 70)), "water.electrical", "critical",
    ),
    "early fire, smoke and heat": (
        both(
            over_time("smoke_obscuration", lambda t: 0.1, 200, 10, of="smoke"),
            over_time("ambient_temperature", lambda t: 20 + t / 15, 200, 10, of="heat"),
        ),
        "fire.early", "alarm",
    ),
    "early fire, smoke and carbon monoxide": (
        both(
            over_time("smoke_obscuration", lambda t: 0.1, 60, 10, of="smoke"),
            over_time("co", lambda t: 40.0, 60, 10, of="co"),
        ),
        "fire.early", "alarm",
    ),
    "electrical fire": (
        both(lasting("residual_current", 310, 70), event("smoke_alarm", "smoke")), "fire.electrical", "critical",
    ),
    "fire seen twice": (
        both(event("smoke_alarm", "smoke"), event("heat_alarm", "heat")), "fire.confirmed", "critical",
    ),
    "e-bike charging": (charging, "ebike.charging", "warning"),
    "no sign of life": (nothing_moves, "welfare.inactivity", "alarm"),
    "door at night": (door_at_night, "welfare.door", "alarm"),
    "tampering": (event("tamper"), "device.tamper", "warning"),
    "battery by the device": (event("battery_low", "smoke"), "device.battery", "warning"),
    "battery": (over_time("battery", lambda t: 8.0, 0, 1, of="smoke"), "device.battery_level", "warning"),
    "weak signal": (over_time("signal", lambda t: -120.0, 2 * HOUR, 60, of="m"), "device.signal", "warning"),
    "fault": (event("fault"), "device.fault", "warning"),
    "end of life": (event("end_of_life", "smoke"), "device.end_of_life", "warning"),
    "device without mains": (event("power_lost"), "device.power_lost", "warning"),
    "clock": (event("clock_fault"), "device.clock", "warning"),
    "lost sensor": (event("sensor_fault"), "device.sensor", "warning"),
    "contradiction": (event("contradiction"), "device.contradiction", "warning"),
    "too many messages": (event("rate_limited"), "device.rate_limited", "warning"),
    "early warning": (event("early_warning"), "protector.early_warning", "warning"),
}  # fmt: skip

ONE_PHASE: dict[str, tuple[Stream, str, str]] = {
    "terminal far above ambient": (
        over_time("terminal_temperature", lambda t: 60.0, 400, 10, ambient_temperature=15),
        "terminal.excess", "warning",
    ),
    "terminals of line and neutral differ": (
        lambda u, _: [
            reading(t, terminal_temperature_l1=48, terminal_temperature_n=30, current=20) for t in range(0, 700, 10)
        ],
        "terminal.difference", "warning",
    ),
    "power that cannot be": (
        lambda u, _: [
            reading(t, voltage=u, current=5, active_power=-11 * u, power_factor=0.9) for t in range(0, 1000, 60)
        ],
        "device.implausible", "warning",
    ),
    "voltage that stands still": (flat("voltage"), "device.stuck", "warning"),
}  # fmt: skip

THREE_PHASES: dict[str, tuple[Stream, str, str]] = {
    "broken neutral": (
        lambda u, _: [reading(t, voltage_l1=1.2 * u, voltage_l2=0.8 * u, voltage_l3=1.05 * u) for t in range(0, 12, 2)],
        "neutral.shift", "critical",
    ),
    "terminal far above ambient": (
        lambda u, _: [
            reading(
                t, terminal_temperature_l1=58, terminal_temperature_l2=30, terminal_temperature_l3=30,
                ambient_temperature=15,
            )
            for t in range(0, 400, 10)
        ],
        "terminal.excess_three", "warning",
    ),
    "terminals of the phases differ": (
        lambda u, _: [
            reading(
                t, terminal_temperature_l1=50, terminal_temperature_l2=30, terminal_temperature_l3=31,
                current_l1=10, current_l2=9, current_l3=10,
            )
            for t in range(0, 700, 10)
        ],
        "terminal.difference_three", "warning",
    ),
    "power that cannot be": (
        lambda u, _: [
            reading(
                t, active_power=20 * u, voltage_l1=u, voltage_l2=u, voltage_l3=u,
                current_l1=5, current_l2=5, current_l3=5,
            )
            for t in range(0, 1000, 60)
        ],
        "device.implausible_three", "warning",
    ),
}  # fmt: skip

ALL = [
    *((name, u, p) for name in HAZARDS for u, p in SUPPLIES),
    *((name, u, 1) for name in ONE_PHASE for u in (120, 220, 230)),
    *((name, u, 3) for name in THREE_PHASES for u in (120, 220, 230)),
]


def a_home(volts: float, **more: object) -> Engine:
    """A home of someone who lives alone, agreed to be looked after and may wander, with one device of each kind."""
    kinds = ("smoke", "heat", "co", "gas", "water", "door")
    devices = (
        Device.model_validate(
            {"id": "d", "household": "h", "kind": "electrical_protector", "ratings": {"nominal_voltage": volts}} | more
        ),
        Device.model_validate({"id": "m", "household": "h", "kind": "electrical_protector", "interval_s": 60}),
        *(Device.model_validate({"id": k, "household": "h", "kind": k, "interval_s": 60}) for k in kinds),
    )
    home = Household(id="h", place="village", lives_alone=True, activity_consent=True, may_wander=True)
    village = Place(id="village", kind=PlaceKind.COMMUNITY)
    return Engine(standard_rulebook(), Estate(place=(village,), household=(home,), device=devices), PARTITION)


def found(engine: Engine, readings: list[Reading], size: int = 500) -> list[Finding]:
    return feed(engine, (Frame.from_readings(readings[k : k + size]) for k in range(0, len(readings), size)))


@pytest.mark.parametrize(("hazard", "volts", "phases"), ALL, ids=str)
def test_every_hazard_is_found(hazard: str, volts: int, phases: int) -> None:
    special = ONE_PHASE if phases == 1 else THREE_PHASES
    stream, rule, severity = special.get(hazard) or HAZARDS[hazard]
    said = [f.severity.word for f in found(a_home(volts), stream(volts, phases)) if f.rule == rule and not f.shadow]
    assert severity in said


def test_every_rule_that_is_told_has_its_hazard() -> None:
    ours = {rule for table in (HAZARDS, ONE_PHASE, THREE_PHASES) for _, rule, _ in table.values()}
    elsewhere = {
        "device.silent", "neutral.building", "neutral.feeder", "supply.sag", "supply.swell", "supply.outage_building",
        "supply.outage_feeder", "supply.outage_community", "fire.building", "terminal.loose", "welfare.habit",
    }  # fmt: skip
    assert {r.id for r in standard_rulebook().rules if r.mode == "live"} == ours | elsewhere


def fridge(t: float) -> float:
    """W; a compressor for 15 of 45 min, with an inrush in its first second."""
    into = t % 2700
    return 700.0 if into < 1 else 110.0 if into < 900 else 0.0


def used(t: float) -> float:
    """W of people at home: kettles, a cooker, a water heater, lamps and a television."""
    h = (t - MIDNIGHT) / HOUR % 24
    kettle = 2000.0 if h % 4 < 0.07 and 6 < h < 22 else 0.0
    cooker = 3500.0 if 18 < h < 18.8 else 0.0
    heater = 2500.0 if 6.5 < h < 7.3 else 0.0
    lamps = 160.0 if 18.2 < h < 22.5 else 0.0
    television = 90 + 30 * sin(t / 97) if 19.4 < h < 22 else 0.0
    return kettle + cooker + heater + lamps + television


def an_ordinary_day(volts: float, phases: int, rated: float) -> list[Reading]:
    """24 h of a home, a reading each minute; its detectors each five minutes, with toast at noon and a fire at five."""
    readings = []
    warmth = 3.0
    for k in range(1440):
        t = MIDNIGHT + k * 60
        shares = [fridge(t) + used(t) + 60] if phases == 1 else [fridge(t) + 30, used(t) + 20, 60 + 0.2 * used(t)]
        values: dict[str, float] = {"ambient_temperature": 24 + 4 * sin(2 * pi * k / 1440), "frequency": 50.01}
        for p, watts in enumerate(shares, 1):
            amps = watts / volts / 0.97
            level = volts * (1 + 0.015 * sin(k / 40 + p)) - 0.002 * volts * amps + 0.1 * (k % 3)
            warmth += 0.2 * (3 + 45 * (amps / rated) ** 2 - warmth)
            for name, value in (
                ("voltage", level), ("current", watts / level / 0.97), ("active_power", watts), ("power_factor", 0.97),
                ("residual_current", 4 + 1.5 * sin(k / 30) + watts / 2000),
                ("terminal_temperature", values["ambient_temperature"] + warmth),
            ):  # fmt: skip
                values[name if phases == 1 else f"{name}_l{p}"] = value
        if phases == 3:
            values["active_power"] = sum(shares)
        readings.append(reading(t, **values))
        if k % 5 == 0:
            h = k / 60
            readings += [
                reading(t, "smoke", smoke_obscuration=0.01 if not 12 < h < 12.01 else 0.2, ambient_temperature=23),
                reading(t, "heat", ambient_temperature=24 + (9 * sin(pi * (h - 18)) if 18 < h < 19 else 0)),
                reading(t, "co", co=2.0 if not 17 < h < 18 else 9.0),
                reading(t, "gas", gas=0.3),
                reading(t, "door", contact_open=float(8 < h < 8.2)),
            ]
    # The inrush of the compressor is seen now and then; steam from the kitchen passes in seconds.
    readings += [reading(MIDNIGHT + 13 * HOUR + s, "smoke", smoke_obscuration=v) for s, v in
                 ((0, 0.0), (1, 0.6), (5, 1.4), (9, 1.0), (14, 0.4), (25, 0.2), (40, 0.1))]  # fmt: skip
    return sorted(readings, key=lambda r: r.ts)


@pytest.mark.parametrize(("volts", "phases"), SUPPLIES)
def test_an_ordinary_day_raises_nothing(volts: int, phases: int) -> None:
    rated = 63 if volts == 120 else 40
    engine = a_home(volts, ratings={"nominal_voltage": volts, "rated_current": rated})
    day = an_ordinary_day(volts, phases, rated)
    assert [(f.rule, (f.ts - T0) / 3_600_000) for f in found(engine, day) if not f.shadow] == []


def a_village(homes: int, buildings: int = 1) -> Engine:
    """Homes on one feeder, their phases in turn, in so many buildings."""
    places = [Place(id="village", kind=PlaceKind.COMMUNITY)]
    places += [Place(id=f"b{k}", kind=PlaceKind.BUILDING, parent="village") for k in range(buildings)]
    homes_of = [Household(id=f"h{k}", place=f"b{k % buildings}") for k in range(homes)]
    devices = [
        Device.model_validate(
            {
                "id": f"d{k}",
                "household": f"h{k}",
                "kind": "electrical_protector",
                "feeder": "f1",
                "phase": f"l{k % 3 + 1}",
            }
        )
        for k in range(homes)
    ]
    estate = Estate(place=tuple(places), household=tuple(homes_of), device=tuple(devices))
    return Engine(standard_rulebook(), estate, PARTITION)


def village_time(homes: int, voltage: Callable[[int, float], float], minutes: int) -> list[Frame | Tick]:
    """Each home reports once a minute at a second of its own; ticks between."""
    records: list[Frame | Tick] = []
    for m in range(minutes):
        row = [reading(m * 60 + k % 50, f"d{k}", voltage=voltage(k, m * 60 + k % 50)) for k in range(homes)]
        records += [Frame.from_readings(sorted(row, key=lambda r: r.ts)), tick(m * 60 + 55, listening=0)]
    return records


def told_in(engine: Engine, records: list[Frame | Tick]) -> dict[str, int]:
    """How many alerts of each rule were raised and told."""
    counts: dict[str, int] = {}
    for f in feed(engine, records):
        if f.severity > f.previous and not f.shadow:
            counts[f.rule] = counts.get(f.rule, 0) + 1
    return counts


def test_a_broken_neutral_of_a_feeder_is_one_life_alert() -> None:
    records = village_time(12, lambda k, t: 230.0 if t < 180 else (262.0, 185.0, 231.0)[k % 3], 8)
    counts = told_in(a_village(12), records)
    assert counts["neutral.feeder"] == counts["neutral.building"] == 1


def test_a_sag_of_a_feeder_is_one_alert_and_not_forty() -> None:
    counts = told_in(a_village(40, 8), village_time(40, lambda k, t: 230.0 if t < 180 else 190.0, 10))
    assert counts == {"supply.sag": 1}


def test_one_home_with_a_low_voltage_is_told_by_itself() -> None:
    counts = told_in(a_village(40, 8), village_time(40, lambda k, t: 190.0 if k == 7 and t >= 180 else 230.0, 10))
    assert set(counts) == {"voltage.under"}


def test_ordinary_fluctuation_of_a_feeder_is_nobodys_neutral() -> None:
    def volts(k: int, t: float) -> float:
        return 230 + 14 * sin(t / 100 + 2 * pi * (k % 3) / 3)

    assert told_in(a_village(12), village_time(12, volts, 30)) == {}


def test_silence_of_a_feeder_is_one_outage() -> None:
    records = village_time(40, lambda k, t: 230.0 + k % 3, 4)
    records += [tick(240 + s, listening=0) for s in range(0, 900, 5)]
    counts = told_in(a_village(40, 2), records)
    assert counts.get("device.silent", 0) == 0
    assert 1 <= sum(counts.values()) <= 4, counts
