"""What every kind must pass: its kernel says what its twin says, on any stream, however it is cut.

The harness also holds that kernels change none of their arguments but the words of their own programs, fill every
measure, leave evidence where something may come of a row, and take unknown devices and late rows for what they are.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.kinds.kernel import EXTRAS
from rules.kinds.registry import KINDS
from tests.rules.kinds.examples import EXAMPLES
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, streams


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("missing", [True, False])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_kernel_equals_twin(name: str, missing: bool, data: st.DataObject) -> None:
    rule, levels, steps = EXAMPLES[name]
    readings = data.draw(streams(levels, steps, missing=missing))
    check_kind(KINDS[name], rule, DUTIES, readings, data.draw(cuttings()))


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_what_it_says(name: str) -> None:
    kind, rule = KINDS[name], EXAMPLES[name].rule
    assert kind.rule is type(rule)
    assert rule.kind == name
    assert kind.words(rule) >= 0
    assert all(len(inputs) > 0 for inputs in kind.inputs(rule))
    widths = {(len(kind.ints(rule, d)), len(kind.reals(rule, d))) for d in DUTIES.values()}
    assert len(widths) == 1
    assert isinstance(kind.unit(rule), str)
    assert isinstance(kind.evidence(rule, (float("nan"),) * EXTRAS), dict)
    assert kind.rule.__doc__
