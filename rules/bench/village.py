"""Quiet villages and their readings, for measuring: columns in memory, in turn or in random order."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, Ratings
from community.frame import Frame
from rules.rulebook import Rulebook, load_rulebook

TEN_SIGNALS = ("voltage", "current", "active_power", "residual_current", "terminal_temperature", "arc_count")
"""What the ten rules look at."""

ALL_SIGNALS = (*TEN_SIGNALS, "power_factor", "ambient_temperature", "energy", "breaker_closed")
"""What a single-phase protector that measures everything sends."""

INTERVAL_MS = 10_000
T0 = 1_795_000_000_000

_MATRICES = 40
"""Distinct value matrices; frames take them in turn."""


@cache
def ten_rules() -> Rulebook:
    """The ten rules that engines are compared by."""
    text = files("rules.bench").joinpath("ten.toml").read_text(encoding="utf-8")
    return load_rulebook(text, "ten.toml")


def village(devices: int) -> Estate:
    """A village of single-phase protectors, one in each household, reporting every ten seconds."""
    ratings = Ratings()
    return Estate.model_construct(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=tuple(Household.model_construct(id=f"h{n}", place="village") for n in range(devices)),
        device=tuple(
            Device.model_construct(
                id=f"d{n}", household=f"h{n}", kind=DeviceKind.ELECTRICAL_PROTECTOR, interval_s=10.0, ratings=ratings
            )
            for n in range(devices)
        ),
    )


class Readings:
    """An endless run of frames of quiet readings; every device reports once in each round of ten seconds.

    Args:
        devices: how many.
        rows: readings in a frame.
        signals: `TEN_SIGNALS` or `ALL_SIGNALS`.
        shuffled: whether each round has its own random order of devices.
    """

    def __init__(
        self, devices: int, rows: int, signals: tuple[str, ...] = TEN_SIGNALS, *, shuffled: bool = False
    ) -> None:
        self.devices, self.rows, self.signals, self.shuffled = devices, min(rows, devices), signals, shuffled
        self.names = tuple(f"d{n}" for n in range(devices))
        self.round = 0
        self._random = np.random.default_rng(1)
        self._load = self._random.uniform(0.3, 20, self.rows)
        self._values = [self._matrix().tobytes() for _ in range(_MATRICES)]

    def frames(self, rounds: int) -> Iterator[Frame]:
        """The frames of so many rounds; the last of a round may be shorter."""
        for _ in range(rounds):
            order = np.arange(self.devices, dtype=np.int32)
            if self.shuffled:
                self._random.shuffle(order)
            for number, begin in enumerate(range(0, self.devices, self.rows)):
                part = order[begin : begin + self.rows]
                n = len(part)
                ts = T0 + self.round * INTERVAL_MS + np.arange(begin, begin + n) * INTERVAL_MS // self.devices
                values = self._values[(self.round + number) % _MATRICES][: 8 * n * len(self.signals)]
                yield Frame(
                    self.names, self.signals, part.tobytes(), ts.tobytes(), (ts + 50).tobytes(), values
                )  # fmt: skip
            self.round += 1

    @property
    def now(self) -> int:
        """The end of the last round, UTC ms."""
        return T0 + self.round * INTERVAL_MS

    def _matrix(self) -> NDArray[np.float64]:
        # In a quiet home a load stays what it is, but for a little noise.
        n, random, load = self.rows, self._random, self._load
        voltage, current = 230 + random.standard_normal(n), load * (1 + 0.01 * random.standard_normal(n))
        columns = {
            "voltage": voltage,
            "current": current,
            "active_power": voltage * current * 0.95,
            "residual_current": random.uniform(0, 8, n),
            "terminal_temperature": 35 + 0.5 * random.standard_normal(n),
            "arc_count": np.zeros(n),
            "power_factor": np.full(n, 0.95),
            "ambient_temperature": 22 + 0.1 * random.standard_normal(n),
            "energy": np.full(n, 1e6),
            "breaker_closed": np.ones(n),
        }
        return np.column_stack([columns[s] for s in self.signals])
