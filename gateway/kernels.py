"""The gateway's compiled kernels: their cache on disk, and how to have them ready before messages come."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from community.compiler import COMPILED
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.kernel_cache import KernelCache
from gateway import duplicates, journal, slots
from gateway.admission import Admission
from gateway.columnar import kernel, scan, split, tables, topics
from gateway.columnar.packets import Packets
from gateway.journal import Journal
from gateway.link.packets import Message
from gateway.trust import kernel as trust
from gateway.trust import rates

_HERE = Path(str(slots.__file__)).parent

CACHE = KernelCache(
    [split.find, topics._find, topics._put, topics._move, kernel.scan_messages, tables.fill, duplicates.content_of,
     duplicates.recognise, slots._give, slots._copy, trust.judge, rates.take_tokens],
    # Constants of any of these may be frozen into a kernel.
    sorted([*_HERE.glob("columnar/*.py"), *_HERE.glob("trust/*.py"), _HERE / "duplicates.py", _HERE / "slots.py"]),
)  # fmt: skip


def prepare(say: Callable[[str], None] = lambda _: None) -> bool:
    """Compile the kernels, or load them from disk: seconds the first time, for a thread.

    Args:
        say: is told the progress.

    Returns:
        Whether they had to be compiled.
    """
    if not COMPILED:
        return False
    CACHE.drop_stale()
    fresh = not CACHE.ready()
    for number, step in enumerate((split.prepare, topics.prepare, scan.prepare, journal.prepare, _admit_one), 1):
        if fresh:
            say(f"compiling the gateway, once: {number} of 5")
        step()
    CACHE.mark_ready()
    return fresh


def _admit_one() -> None:
    """Let one reading in, the same way as all that will follow."""
    home = Household(id="h", place="c")
    device = Device(id="d", household="h", kind=DeviceKind.METER)
    estate = Estate(place=(Place(id="c", kind=PlaceKind.COMMUNITY),), household=(home,), device=(device,))
    payload = b'{"values":{"voltage":230.0}}'
    message = Message(b"mingluo/v1/c/h/d/telemetry", payload, 0, b"", len(payload), 1)
    admission = Admission(estate, journal=Journal(budget=2**20, young_bytes=0))
    assert admission.take([Packets.of([message])]).readings == 1, "a plain reading comes in"
    rates.Rates().allow(np.zeros(1, np.int32) - 1, np.zeros(1, np.bool_), 1)


if __name__ == "__main__":
    prepare(lambda text: print(text, flush=True))  # noqa: T201  # a command line
