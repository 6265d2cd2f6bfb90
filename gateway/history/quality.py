"""Quality of a stored reading: what speaks against it, as flags that stay with it for as long as it is kept."""

from collections.abc import Mapping, Sequence
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
    """The gateway noted a lost or implausible sensor, and has not taken it back."""
    CONTRADICTION = 8
    """The device contradicts itself: a flag its level, or power the product of voltage and current."""


NOTED = {
    "clock_fault": Flag.CLOCK_FAULT,
    "sensor_fault": Flag.SENSOR_FAULT,
    "contradiction": Flag.CONTRADICTION,
}
"""Events of the gateway by which a flag begins (1) and ends (0). A device's rows in between carry the flag too."""


def names_of(flags: int) -> list[str]:
    """The flags by name, in lower case, for people and JSON."""
    return [flag.name.lower() for flag in Flag if flag & flags and flag.name is not None]


class Standing:
    """Which flags stand for which device, between the event that began them and the one that ends them.

    It keeps only devices with a flag, so what bounds it is the estate: the gateway notes nothing of strangers.
    """

    def __init__(self, flags: Mapping[str, Flag] | None = None) -> None:
        """`flags`: what stands at the beginning, by device."""
        self._flags = {device: int(flag) for device, flag in (flags or {}).items() if flag}

    def of(self, device: str) -> Flag:
        """What stands now."""
        return Flag(self._flags.get(device, 0))

    def flag(
        self,
        devices: Sequence[str],
        device: NDArray[np.int32],
        ts: NDArray[np.int64],
        received_at: NDArray[np.int64],
        signals: Sequence[str],
        values: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        """Flags of each row, uint8[n], and go on from behind them. Arguments as the fields of `Batch`."""
        flags = np.where(received_at - ts > LATE_MS, np.uint8(Flag.LATE), np.uint8(0))
        standing = np.array([self._flags.get(d, 0) for d in devices], np.uint8)
        noted = [(NOTED[s], column) for column, s in enumerate(signals) if s in NOTED]
        quiet = np.uint8(0xFF & ~sum(flag for flag, _ in noted))
        flags |= standing[device] & quiet
        for flag, column in noted:
            before = (standing & np.uint8(flag)) != 0
            on, standing_on = _filled(device, values[:, column], before)
            flags |= np.where(on, np.uint8(flag), np.uint8(0))
            standing = np.where(standing_on, standing | np.uint8(flag), standing & np.uint8(0xFF & ~flag))
        if noted:
            for name, now in zip(devices, standing.tolist(), strict=True):
                if now:
                    self._flags[name] = now
                else:
                    self._flags.pop(name, None)
        return flags


def _filled(
    device: NDArray[np.int32], column: NDArray[np.float64], before: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """An event's state at each row (its own included), and for each device behind its last row."""
    order = np.argsort(device, kind="stable")
    sorted_device, said = device[order], column[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = sorted_device[1:] != sorted_device[:-1]
    silent = begins & np.isnan(said)
    said[silent] = before[sorted_device[silent]]
    latest = np.maximum.accumulate(np.where(np.isnan(said), 0, np.arange(len(said))))
    state = said[latest] == 1
    on = np.empty(len(order), np.bool_)
    on[order] = state
    after = before.copy()
    after[sorted_device] = state  # rows of a device stand in their order, so its last one is the last to write
    return on, after
