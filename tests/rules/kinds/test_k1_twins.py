"""Rise, thermal, contact, leaky, deviation and impedance: kernel and twin on any stream."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.kinds import contact, deviation, impedance, leaky, rise, thermal
from tests.rules.kinds.examples_k1 import EXAMPLES
from tests.rules.kinds.harness import DUTIES, check_kind, cuttings, streams

KINDS = {m.__name__.rpartition(".")[2]: m.KIND for m in (contact, deviation, impedance, leaky, rise, thermal)}


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("missing", [True, False])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_kernel_equals_twin(name: str, missing: bool, data: st.DataObject) -> None:
    rule, levels, steps = EXAMPLES[name]
    readings = data.draw(streams(levels, steps, missing=missing))
    check_kind(KINDS[name], rule, DUTIES, readings, data.draw(cuttings()))
