"""Which kernels are mutated, and the tests that answer for each."""

from collections.abc import Mapping
from types import MappingProxyType

_KINDS = "tests/rules/kinds"
_ROOM = "tests/rules/test_room.py"
_SEMANTICS = "tests/rules/test_semantics.py"
_TWIN = "tests/rules/test_twin.py::test_kernels_say_what_the_twin_says"


def _conformance(*names: str) -> tuple[str, ...]:
    equals_twin = f"{_KINDS}/test_conformance.py::test_kernel_equals_twin"
    return tuple(f"{equals_twin}[{missing}-{name}]" for name in names for missing in ("True", "False"))


def _kind(name: str) -> tuple[str, ...]:
    return f"{_KINDS}/test_{name}.py", *_conformance(name)


MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ladder": (_ROOM, _SEMANTICS, _TWIN),
        "silence": (_ROOM, _SEMANTICS, _TWIN),
        "threshold": (*_kind("threshold"), _SEMANTICS),
        "flag": (*_kind("flag"), _SEMANTICS),
        "thermal": _kind("thermal"),
        "count": _kind("count"),
        "rise": _kind("rise"),
        "contact": _kind("contact"),
        "dose": _kind("dose"),
        "neutral": _kind("neutral"),
        "stuck": _kind("stuck"),
        "leaky": _kind("leaky"),
        "drift": _kind("drift"),
        "deviation": _kind("deviation"),
        "impedance": _kind("impedance"),
        "change": _kind("change"),
        "door": _kind("door"),
        "ebike_kernel": _kind("ebike"),
        "inactivity_kernel": _kind("inactivity"),
        "codes": (f"{_KINDS}/test_codes.py", f"{_KINDS}/test_drift.py", *_conformance("contact", "drift", "impedance")),
        "clock_time": (f"{_KINDS}/test_door.py", *_conformance("door", "ebike", "inactivity")),
        "local_time": (f"{_KINDS}/test_change.py", *_conformance("door", "change", "inactivity")),
    }
)
"""Tests in the order in which they are tried: those that answer soonest come first."""
