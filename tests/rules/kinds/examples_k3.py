"""Examples of the kinds about habits: e-bike charging, no sign of life, a door at night."""

from rules.kinds.door import DoorRule
from rules.kinds.ebike import EbikeRule
from rules.kinds.inactivity import InactivityRule
from tests.rules.kinds.harness import Example, rule_of

EXAMPLES = {
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
