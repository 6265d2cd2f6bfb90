"""For each kind a rule and the values of which streams are made: what the conformance list runs over."""

from rules.kinds.change import ChangeRule
from rules.kinds.contact import ContactRule
from rules.kinds.count import CountRule
from rules.kinds.deviation import DeviationRule
from rules.kinds.door import DoorRule
from rules.kinds.dose import DoseRule
from rules.kinds.drift import DriftRule
from rules.kinds.ebike import EbikeRule
from rules.kinds.flag import FlagRule
from rules.kinds.impedance import ImpedanceRule
from rules.kinds.inactivity import InactivityRule
from rules.kinds.leaky import LeakyRule
from rules.kinds.neutral import NeutralRule
from rules.kinds.rise import RiseRule
from rules.kinds.stuck import StuckRule
from rules.kinds.thermal import ThermalRule
from rules.kinds.threshold import ThresholdRule
from tests.rules.kinds.harness import Example, rule_of
from tests.rules.kinds.small import a_rule

TERMINAL, CURRENT = "terminal_temperature", "current"
_PHASES = ("voltage_l1", "voltage_l2", "voltage_l3")

EXAMPLES: dict[str, Example] = {
    "threshold": Example(
        rule_of(
            ThresholdRule,
            198.0,
            202.0,
            signals=["voltage", "voltage_l1"],
            side="below",
            beyond="0.1 * device.nominal_voltage",
            unless={"signal": "breaker_closed", "equals": 0},
        ),
        {"voltage": (0, 23, 180, 198, 230), "voltage_l1": (11.9, 150, 230), "breaker_closed": (0, 1)},
    ),
    "flag": Example(
        FlagRule.model_validate(
            {
                "id": "test.flag",
                "kind": "flag",
                "event": "smoke_alarm",
                "severity": "critical",
                "title": {"zh": "烟", "en": "Smoke"},
                "category": "life",
                "standard": "none",
                "guidance": {"staff": {"zh": "看", "en": "Look"}},
            }
        ),
        {"smoke_alarm": (0, 1), "reset": (0, 1)},
    ),
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
    "drift": Example(
        rule_of(DriftRule, 2.0, signals=["residual_current", "residual_current_l1"], least_days=1),
        {"residual_current": (1.0, 4.0, 30.0), "residual_current_l1": (0.0, 9.5)},
        (0, 3600, 7200, 7200, 7200, 14_400, 86_400, 8 * 86_400),
    ),
    "dose": Example(rule_of(DoseRule, 0.1), {"co": (0.0, 20.0, 30.0, 75.0, 400.0)}, (0, 1, 60, 60, 180, 180.001)),
    "change": Example(
        rule_of(ChangeRule, 2.0, learning=1, memory=1),
        {"active_power": (-200.0, 0.0, 80.0, 2000.0)},
        (0, 1800, 3600, 3600, 90_000, 8 * 86_400),
    ),
    "count": Example(
        a_rule(CountRule, 2.0, signals=["voltage", "voltage_l3"], limit=253, rearm=250, within=20, of=3),
        {"voltage": (230.0, 250.0, 253.0), "voltage_l3": (249.9, 260.0)},
        (0, 1, 5, 20, 20.001, 2**32 / 1000),
    ),
    "stuck": Example(
        rule_of(
            StuckRule,
            60.0,
            signals=["current", "current_l1"],
            least_readings=2,
            except_at=[0.0],
            unless={"signal": "breaker_closed", "equals": 0},
        ),
        {"current": (0.0, 1.5), "current_l1": (1.1, 1.2), "breaker_closed": (0.0, 1.0)},
        (0, 10, 60, 60, 180, 180.001),
    ),
    "neutral": Example(
        rule_of(NeutralRule, 0.15), dict.fromkeys(_PHASES, (0.0, 100.0, 115.0, 121.0, 229.3, 231.0, 300.0))
    ),
    # Short spans, so that short streams pass through every mode.
    "ebike": Example(
        rule_of(
            EbikeRule,
            limit=0.6,
            clear=0.5,
            signals=["active_power", "active_power_l2"],
            power_factors=["power_factor", "power_factor_l2"],
            suspect_after=600,
            least_plateau=120,
            decay=[120, 600],
            length=[300, 7200],
            pause=240,
        ),
        {
            "active_power": [100, 100, 104, 250, 250, 250, 252, 225, 200, 175, 150, 140, 2000],
            "active_power_l2": [0, 100, 100, 90, 30],
            "power_factor": [0.6, 0.62, 0.95, 0, -1],
            "power_factor_l2": [0.6, 1],
        },
        steps=(0, 1, 10, 60, 60, 60, 150, 200, 4000),
    ),
    "inactivity": Example(
        rule_of(
            InactivityRule, limit=0.1, clear=0, usual_at_most=0.05, away_below=0.9, away_at_most=0.08, night_end="01:00"
        ),
        {"active_power": [20, 20, 22, 110, 110, 115, 500, 1500]},
        steps=(0, 1, 9, 10, 30, 60, 170, 4000),
    ),
    "door": Example(
        rule_of(DoorRule, limit=1, clear=0.5, begin="10:00", end="17:00"),
        {"contact_open": [0, 1]},
        steps=(0, 60, 3600, 7200),
    ),
}
