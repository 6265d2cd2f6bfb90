"""Devices as rows: their addresses, their own topics, and the partition that carries them."""

import numpy as np
from numpy.typing import NDArray

from community.estate import Estate, partition_of


class Roster:
    """The devices of an estate, each with a row number that it keeps as long as it is installed. Immutable.

    Attributes:
        row_of_id: device id → row.
        row_of_address: (profile, address in it) → row.
        ids: device id of each row; None for a row that nobody holds.
        topics: own topic of each row in the native profile, as text: whatever it speaks, it is told of errors there.
        partition: int64[rows], partition of the readings log.
        fresh: rows whose device is new in this roster: what was remembered of the row is another's.
    """

    def __init__(self, estate: Estate, before: "Roster | None" = None) -> None:
        """Rows for `estate`; devices that `before` held keep theirs."""
        old = before.row_of_id if before is not None else {}
        held = {row for device, row in old.items() if device in estate.devices}
        size = max(len(before.ids) if before is not None else 0, len(estate.device))
        free = (row for row in range(size) if row not in held)
        self.row_of_id: dict[str, int] = {}
        self.row_of_address: dict[tuple[str, str], int] = {}
        self.ids: list[str | None] = [None] * size
        self.topics: list[str] = [""] * size
        self.partition: NDArray[np.int64] = np.zeros(size, np.int64)
        fresh = []
        for device in estate.device:
            row = old.get(device.id)
            if row is None:
                row = next(free)
                fresh.append(row)
            self.row_of_id[device.id] = row
            self.row_of_address[device.profile, device.own_address] = row
            self.ids[row] = device.id
            self.topics[row] = estate.topic_of(device)
            self.partition[row] = partition_of(estate.community_of(device))
        self.fresh: NDArray[np.int64] = np.array(fresh, np.int64)

    def __len__(self) -> int:
        return len(self.ids)
