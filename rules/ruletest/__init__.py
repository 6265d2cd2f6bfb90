"""Tests of rules as data: series of readings in, findings out, in virtual time and through the real engine.

For safety engineers: `mingluo rules test FILE`, described in `docs/safety-engineers.md`.
"""

from rules.ruletest.definition import RuleTests, load_tests
from rules.ruletest.running import Outcome, run_case, run_tests

__all__ = ["Outcome", "RuleTests", "load_tests", "run_case", "run_tests"]
