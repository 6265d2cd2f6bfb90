"""Quality of a stored reading: what speaks against it, as flags that stay with it for as long as it is kept."""

from collections.abc import Sequence
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from community.clock import MINUTE

LATE_MS = MINUTE
"""A reading that came in this long after it was measured was not seen when it mattered."""


class Flag(IntFlag):
    """What speaks against a reading."""

    LATE = 1
    """Received more than `LATE_MS` after its event time, e.g. out of a buffer after an outage."""
    CLOCK_FAULT = 2
    """The device's clock was not credible: the event time is that of receipt."""
    SENSOR_FAULT = 4
    """The gateway noted a lost or implausible sensor with this reading."""
    CONTRADICTION = 8
    """The reading contradicts itself: a flag its level, or power the product of voltage and current."""


_EVENTS = (
    (Flag.CLOCK_FAULT, "clock_fault"),
    (Flag.SENSOR_FAULT, "sensor_fault"),
    (Flag.CONTRADICTION, "contradiction"),
)


def flags_of(
    signals: Sequence[str],
    ts: NDArray[np.int64],
    received_at: NDArray[np.int64],
    values: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Flags of each row; uint8[n]. Arguments as the fields of `gateway.history.batch.Batch`."""
    flags = np.where(received_at - ts > LATE_MS, np.uint8(Flag.LATE), np.uint8(0))
    for flag, event in _EVENTS:
        if event in signals:
            flags = flags | np.where(values[:, signals.index(event)] == 1, np.uint8(flag), np.uint8(0))
    return flags


def names_of(flags: int) -> list[str]:
    """The flags by name, in lower case, for people and JSON."""
    return [flag.name.lower() for flag in Flag if flag & flags and flag.name is not None]
