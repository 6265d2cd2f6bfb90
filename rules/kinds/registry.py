"""All kinds whose rules are measures, in the order in which their kernels run. Silence has kernels of its own."""

from importlib import import_module
from typing import Any

from rules.kinds.kernel import Kind

_NAMES = (
    "threshold", "flag", "door", "count", "rise", "thermal", "leaky", "deviation", "impedance", "neutral", "dose",
    "stuck", "contact", "drift", "change", "ebike", "inactivity",
)  # fmt: skip

KINDS: dict[str, Kind[Any]] = {name: import_module(f"rules.kinds.{name}").KIND for name in _NAMES}
"""Kind by name, which is also the name of its file and the value of `kind` in a rulebook."""
