"""Devices and their rows of state: who stands in which row, and the memory that grows with them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from community.estate import Device, Estate, partition_of
from rules.intake import empty_words, grown
from rules.kinds.batch import NONE, State
from rules.tables import Duty, Tables

_EMPTY_POOL = 1_024


class Roster:
    """The devices of one partition, a row each, and their state.

    Attributes:
        devices: device of each row.
        row: device id → row.
        state: the arrays that kernels work on.
        used: words of the pool in use. The pool grows by half, so less than a third of it lies idle.
    """

    def __init__(self, devices: Sequence[Device], duties: Sequence[Duty], slots: int) -> None:
        number = {duty: k for k, duty in enumerate(duties)}
        m = len(devices)
        self.devices = list(devices)
        self.row = {d.id: k for k, d in enumerate(devices)}
        self.used = 0
        duty = [number[d.kind, d.ratings] for d in devices]
        self.state = _state(
            np.full((m, slots), -1, np.int32),
            empty_words(_EMPTY_POOL),
            np.array(duty, np.int32),
            np.array([round(d.reporting_interval * 1000) for d in devices], np.int64),
            np.array([d.mains_powered for d in devices], np.uint8),
            *(np.full(m, NONE, np.int64) for _ in range(4)),
        )

    def numbers(self, devices: Sequence[str]) -> NDArray[np.int32]:
        """int32[len(devices)]: the row of each device; -1 for one that is not here."""
        try:
            return np.fromiter(map(self.row.__getitem__, devices), np.int32, len(devices))
        except KeyError:  # seldom: the gateway admits only known devices
            return np.array([self.row.get(d, -1) for d in devices], np.int32)

    def claim_standing(self, tables: Tables) -> None:
        """Give every device the slots that exist without any reading (silence)."""
        state = self.state
        for c, slot in enumerate(tables.slots):
            if slot.signals:
                continue
            need = (state.slot[:, c] < 0) & (tables.enabled[state.duty, c] != 0)
            count = int(need.sum())
            state.slot[need, c] = self.used + slot.words * np.arange(count)
            self.make_room(self.used + slot.words * count)

    def forget(self) -> None:
        """Drop all slots, to take others in their place."""
        self.state.slot[:] = -1
        self.state.ints[: self.used] = NONE
        self.used = 0

    def make_room(self, used: int) -> None:
        """Let `used` words be in use; grow the pool if it is too small."""
        self.used = used
        if used > len(self.state.ints):
            pool = grown(self.state.ints, max(used, len(self.state.ints) * 3 // 2), NONE)
            old = self.state
            self.state = _state(
                old.slot, pool, old.duty, old.interval, old.mains, old.newest, old.heard, old.entered, old.offline
            )

    def adopt(self, old: "Roster", tables: Tables) -> None:
        """Take over the state that `old` has of the devices that are in both; slots that no duty needs are dropped."""
        pairs = [(k, old.row[d.id]) for k, d in enumerate(self.devices) if d.id in old.row]
        if not pairs:
            return
        here, there = np.array(pairs, np.int64).T
        for name in ("newest", "heard", "entered", "offline"):
            getattr(self.state, name)[here] = getattr(old.state, name)[there]
        for c, slot in enumerate(tables.slots):
            kept = (old.state.slot[there, c] >= 0) & (tables.enabled[self.state.duty[here], c] != 0)
            new, source = here[kept], old.state.slot[there[kept], c].astype(np.int64)
            places = self.used + slot.words * np.arange(len(new), dtype=np.int64)
            self.make_room(self.used + slot.words * len(new))
            span = np.arange(slot.words)
            self.state.ints[places[:, None] + span] = old.state.ints[source[:, None] + span]
            self.state.slot[new, c] = places

    @property
    def bytes_in_use(self) -> int:
        """Bytes of state of all devices."""
        others = (int(a.nbytes) for name, a in self.state._asdict().items() if name not in _VIEWS)
        return sum(others) + 8 * self.used


_VIEWS = ("ints", "floats", "halves", "singles")


def devices_of(estate: Estate, partition: int) -> list[Device]:
    """The devices of a partition, in the order of the estate."""
    wanted: dict[str, bool] = {}
    found = []
    for device in estate.device:
        community = estate.community_of(device)
        if community not in wanted:
            wanted[community] = partition_of(community) == partition
        if wanted[community]:
            found.append(device)
    return found


def duties_of(devices: Sequence[Device]) -> list[Duty]:
    """The distinct duties, in order of first appearance."""
    return list(dict.fromkeys((d.kind, d.ratings) for d in devices))


def _state(
    slot: NDArray[np.int32],
    pool: NDArray[np.int64],
    duty: NDArray[np.int32],
    interval: NDArray[np.int64],
    mains: NDArray[np.uint8],
    newest: NDArray[np.int64],
    heard: NDArray[np.int64],
    entered: NDArray[np.int64],
    offline: NDArray[np.int64],
) -> State:
    views = (pool, pool.view(np.float64), pool.view(np.int32), pool.view(np.float32))
    return State(slot, *views, duty, interval, mains, newest, heard, entered, offline)
