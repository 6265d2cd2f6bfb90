"""The low-voltage grid: what a transformer's feeder leaves of the voltage at each house."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEEDER_RESISTANCE = 0.05
"""Ω of one phase conductor from the transformer to the houses; it sags about 3 V at 60 A."""
NEUTRAL_CONDUCTANCE = 20.0
"""S of a sound neutral; a broken one has a thousandth of it."""
_ANGLES = np.exp(-2j * np.pi / 3 * np.arange(3))


class Grid:
    """Feeders with three phases and a common neutral, and the houses on them.

    Args:
        feeder: name of each house's feeder.
        share: float[n, 3], how each house's load divides over the phases; rows sum to 1.
    """

    def __init__(self, feeder: Sequence[str], share: NDArray[np.float64]) -> None:
        self.feeders = sorted(set(feeder))
        self.feeder = np.array([self.feeders.index(f) for f in feeder], np.intp)
        self.share = share

    def voltages(
        self, admittance: NDArray[np.float64], source: NDArray[np.float64], neutral: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Voltage between each phase and the neutral at each house.

        A feeder is three sources in star behind `FEEDER_RESISTANCE`, its loads in star, and the neutral between the
        star points; the shift of the star point follows from Millman's theorem. With a sound neutral it is nearly
        nothing; with a broken one the lightly loaded phases rise and the loaded ones fall.

        Args:
            admittance: float[n], S, of each house's load.
            source: float[feeder], V at the transformer.
            neutral: float[feeder], conductance of the neutral as a fraction of `NEUTRAL_CONDUCTANCE`.

        Returns:
            float[n, 3], V.
        """
        load = np.zeros((len(self.feeders), 3))
        np.add.at(load, self.feeder, admittance[:, None] * self.share)
        series = load / (1 + FEEDER_RESISTANCE * load)
        phasors = source[:, None] * _ANGLES
        shift = (series * phasors).sum(axis=1) / (series.sum(axis=1) + neutral * NEUTRAL_CONDUCTANCE)
        at_load = np.abs(phasors - shift[:, None]) / (1 + FEEDER_RESISTANCE * load)
        result: NDArray[np.float64] = at_load[self.feeder]
        return result
