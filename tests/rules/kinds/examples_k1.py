"""Examples for the conformance list: rise, thermal, contact, leaky, deviation, impedance."""

from rules.kinds.contact import ContactRule
from rules.kinds.deviation import DeviationRule
from rules.kinds.impedance import ImpedanceRule
from rules.kinds.leaky import LeakyRule
from rules.kinds.rise import RiseRule
from rules.kinds.thermal import ThermalRule
from tests.rules.kinds.harness import Example, rule_of

TERMINAL, CURRENT = "terminal_temperature", "current"

EXAMPLES: dict[str, Example] = {
    "rise": Example(
        rule_of(
            RiseRule,
            5.0,
            3.0,
            signals=[TERMINAL, "terminal_temperature_n"],
            only_above=25,
            inhibit={"signals": [CURRENT, "current_l1"], "by": "0.2 * device.rated_current", "hold": 180},
        ),
        {TERMINAL: (20, 30, 80, 500), "terminal_temperature_n": (20, 25, 26), CURRENT: (0, 6, 20), "current_l1": (5,)},
        (0, 1, 24, 60, 60, 60, 100, 179),
    ),
    "thermal": Example(
        rule_of(
            ThermalRule,
            signals=[CURRENT, "current_l1"],
            k=1.3,
            time_constants=[{"up_to": 20, "tau": 199}, {"tau": 399}],
            steps=[
                {"severity": "warning", "limit": 0.75, "clear": 0.65},
                {"severity": "alarm", "limit": 0.9, "clear": 0.8, "hold": 10, "time_to_trip": 120},
                {"severity": "critical", "limit": 1.0, "clear": 0.9, "time_to_trip": 30},
            ],
        ),
        {CURRENT: (0, 16, 32, 40, 60, 200), "current_l1": (0, 45), "ambient_temperature": (-5, 30, 45, 120)},
        (0, 0.1, 5, 10, 60, 100, 4000, 4_294_967.3),
    ),
    "contact": Example(
        rule_of(ContactRule, 1.5, 1.2, least_days=2, least_readings=1, steady_for=0, floor=0.01),
        {TERMINAL: (30, 40, 60), CURRENT: (5, 10, 10.2), "ambient_temperature": (20, 25)},
        (0, 60, 43_200, 86_340, 86_400, 86_400, 172_800, 1_300_000),
    ),
    "leaky": Example(
        rule_of(LeakyRule, 14.0, 7.0, signals=["arc_count"]),
        {"arc_count": (0, 1, 5, 20, 21, 65_535, 1e9)},
        (0, 0.1, 1, 60, 100, 181, 4000),
    ),
    "deviation": Example(
        rule_of(DeviationRule, 3.0, 2.0, signals=["active_power", "voltage"], warm_up=4, floor=0.5, side="both"),
        {"active_power": (-5, 100, 101, 103, 3000), "voltage": (230, 231)},
        (0, 1, 60, 60, 4000, 100_000),
    ),
    "impedance": Example(
        rule_of(
            ImpedanceRule, 0.8, 0.6, signals=["voltage", "voltage_l1"], currents=["current", "current_l1"], least_step=4
        ),
        {"voltage": (200, 228, 231), CURRENT: (0, 6, 15), "voltage_l1": (230, 220), "current_l1": (1, 9)},
        (0, 1, 10, 59, 60, 61),
    ),
}
