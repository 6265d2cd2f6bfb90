"""What people switch on: appliances of every household as a two-state process with the hour of the day."""

import numpy as np
from numpy.typing import NDArray

# name, power W, mean time on s, mean switchings a day, hours of the day in which it is mostly used (local time).
_APPLIANCES = (
    ("refrigerator", 120, 900, 32, range(24)),
    ("lights", 60, 9_000, 2, (6, 7, 18, 19, 20, 21, 22)),
    ("television", 110, 7_200, 1.5, (12, 18, 19, 20, 21, 22)),
    ("rice cooker", 800, 1_500, 2, (6, 7, 11, 12, 17, 18)),
    ("kettle", 1_500, 240, 5, (6, 7, 8, 12, 15, 18, 21)),
    ("induction cooker", 2_000, 1_200, 2, (7, 11, 12, 17, 18, 19)),
    ("washing machine", 400, 2_400, 0.5, (8, 9, 10, 19)),
    ("heater", 1_200, 3_600, 0.8, (6, 7, 19, 20, 21, 22, 23)),
    ("e-bike charger", 180, 14_400, 0.7, (21, 22, 23, 0)),
)
_USED = 20.0
"""How much likelier a switching is in the hours named than in the others."""

POWER = np.array([a[1] for a in _APPLIANCES], float)
"""float[appliance]: W."""
_TIME_ON = np.array([a[2] for a in _APPLIANCES], float)
_PER_DAY = np.array([a[3] for a in _APPLIANCES], float)
_WEIGHT = np.array([[_USED if h in a[4] else 1.0 for a in _APPLIANCES] for h in range(24)])
#: float[hour, appliance]: switchings on per second.
_RATE = _PER_DAY * _WEIGHT / _WEIGHT.sum(axis=0) / 3_600

_STANDBY_W = 25.0


class Appliances:
    """Which of the appliances are on, in each of `n` households."""

    def __init__(self, n: int, hour: float, rng: np.random.Generator) -> None:
        self._rng = rng
        # Begin where the process would have settled, so that the first minute looks like any other.
        rate = _RATE[int(hour) % 24]
        self.on: NDArray[np.bool_] = rng.random((n, len(POWER))) < rate / (rate + 1 / _TIME_ON)
        # Households differ: one heats with 800 W, another with 1500 W.
        self._own = rng.lognormal(0, 0.2, (n, len(POWER)))

    def advance(self, hour: float, dt: float) -> None:
        """Let `dt` seconds pass at the hour of day `hour` (0..24, local)."""
        rate = _RATE[int(hour) % 24]
        draw = self._rng.random(self.on.shape)
        switch = draw < -np.expm1(-dt * np.where(self.on, 1 / _TIME_ON, rate))
        self.on ^= switch

    def power(self) -> NDArray[np.float64]:
        """float[n]: W at nominal voltage."""
        power: NDArray[np.float64] = (self.on * self._own) @ POWER + _STANDBY_W
        return power
