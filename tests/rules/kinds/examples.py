"""For each kind a rule and the values of which streams are made: what the conformance list runs over."""

from importlib import import_module
from importlib.util import find_spec

from tests.rules.kinds.harness import Example

EXAMPLES: dict[str, Example] = {}
for _part in ("examples_k1", "examples_k2", "examples_k3"):
    if find_spec(f"tests.rules.kinds.{_part}"):
        EXAMPLES |= import_module(f"tests.rules.kinds.{_part}").EXAMPLES
