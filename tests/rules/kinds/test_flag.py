"""Flags: up, down, unknown, and withdrawn by a reset."""

from math import isnan

import pytest

from rules.kinds.flag import KIND, FlagRule
from tests.rules.kinds.examples import EXAMPLES
from tests.rules.kinds.harness import Bench, measures, reading

RULE: FlagRule = EXAMPLES["flag"].rule


def test_only_a_reset_withdraws_what_the_reading_does_not_carry() -> None:
    up, other = reading(0, smoke_alarm=1), reading(1, fault=1, contact_open=1, online=1)
    values = measures(KIND, RULE, [up, other])
    assert values[0] == 1
    assert isnan(values[1])
    assert measures(KIND, RULE, [up, reading(1, reset=1)]) == [1, 0]


@pytest.mark.parametrize(("values", "by_reset"), [({"reset": 1.0}, True), ({"reset": 1.0, "smoke_alarm": 0.0}, False)])
def test_evidence_says_that_it_was_a_reset(values: dict[str, float], *, by_reset: bool) -> None:
    run = Bench(KIND, RULE).run([reading(0, smoke_alarm=1), reading(1, **values)], active=True)
    assert run.x[0, 1] == 0
    assert KIND.evidence(RULE, tuple(run.extra[0, 1])) == ({"reset": True} if by_reset else {})
    assert KIND.evidence(RULE, tuple(run.extra[0, 0])) == {}
