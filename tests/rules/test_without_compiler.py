"""Where numba is missing the same kernels run uncompiled: with a warning, and with the same findings."""

import subprocess
import sys

_JUDGE = """
import random, sys
import msgspec
from community.frame import Frame, Reading
from rules.engine import Engine
from tests.rules.makers import ALL_TOLD, PARTITION, device, estate, tick

homes = estate(device("a"), device("b", kind="smoke", household="h2"), device("m", kind="meter"))
engine, chance, found = Engine(ALL_TOLD, homes, PARTITION), random.Random(7), []
levels = {
    "voltage": [180, 228, 231, 262], "current": [3, 12, 45], "residual_current": [4, 16, 31], "arc_count": [0, 3, 40],
    "terminal_temperature": [30, 62, 90], "ambient_temperature": [22, 58], "active_power": [80, 300, 2500],
    "power_factor": [0.6, 0.98], "co": [0, 60, 350], "smoke_obscuration": [0, 0.2], "smoke_alarm": [0, 1],
    "reset": [0, 1],
}
now = 1_795_000_000_000
for _ in range(600):
    now += chance.choice([1_000, 10_000, 60_000, 60_000, 3_600_000])
    values = {s: float(chance.choice(v)) for s, v in levels.items() if chance.random() < 0.5}
    ts = now - chance.choice([0, 0, 90_000])
    found += engine.apply(Frame.from_readings([Reading(chance.choice("abm"), ts, now, values)]))
    if chance.random() < 0.3:
        found += engine.tick(tick((now - 1_795_000_000_000) / 1000))
told = [[f.rule, f.device, int(f.severity), f.ts, f.since, f.late] for f in found]
sys.stdout.buffer.write(msgspec.json.encode(told))
"""


def _judged(before: str) -> tuple[bytes, str]:
    done = subprocess.run([sys.executable, "-c", before + _JUDGE], capture_output=True, check=True)
    return done.stdout, done.stderr.decode()


def test_the_findings_are_the_same_without_numba() -> None:
    compiled, quiet = _judged("")
    plain, warned = _judged("import sys; sys.modules['numba'] = None\n")
    assert plain == compiled
    assert compiled.count(b"[") > 100
    assert "numba" in warned
    assert "numba" not in quiet
