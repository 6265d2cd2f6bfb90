"""Rules and values for the conformance list: drift, dose, change, count, stuck, neutral."""

from rules.kinds.change import ChangeRule
from rules.kinds.count import CountRule
from rules.kinds.dose import DoseRule
from rules.kinds.drift import DriftRule
from rules.kinds.neutral import NeutralRule
from rules.kinds.stuck import StuckRule
from tests.rules.kinds.harness import Example, rule_of
from tests.rules.kinds.rules_k2 import a_rule

_PHASES = ("voltage_l1", "voltage_l2", "voltage_l3")

EXAMPLES: dict[str, Example] = {
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
}
