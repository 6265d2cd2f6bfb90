"""Devices and their state: who stands in which row, and the memory that grows with what they show.

A device has a header (one cache line) and a block of words in the pool. The block holds the state of just those
programs whose signals the device has sent; which ones these are, and where each stands, is the device's *shape*,
shared by all devices alike.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from community.estate import Device, Estate, partition_of
from rules.kinds.kernel import NONE, Duty
from rules.kinds.ladder import ACTIVE, BASE, DEVICE, DUTY, EPISODE_WORDS, HEADER_WORDS, NEXT, PROGRAM, SHAPE, Devices
from rules.programs import Programs
from rules.rulebook import Rulebook

_FIRST_WORDS, _FIRST_EPISODES, _FIRST_SHAPES = 1_024, 64, 16


class Roster:
    """The devices of one partition and their state.

    Attributes:
        devices: device of each row.
        row: device id → row.
        programs: what the state belongs to.
        memory: headers, deadlines and episodes.
        words: int64[pool], all blocks.
        offsets: int32[shapes, g], words from a block's begin to a program's state; -1 if the shape has none.
        shapes: of each shape: duty and programs.
    """

    def __init__(self, devices: Sequence[Device], duty: Sequence[int], programs: Programs) -> None:
        m = len(devices)
        self.devices = tuple(devices)
        self.row = {d.id: k for k, d in enumerate(devices)}
        self.programs = programs
        self.words = np.zeros(_FIRST_WORDS, np.int64)
        self.used = 0
        self._holes: dict[int, list[int]] = {}  # by size; what shapes leave behind when a device shows a new signal
        self._stateful = np.array([p.words for p in programs.all], np.int64)
        self.shapes: list[tuple[int, tuple[int, ...]]] = []
        self._number: dict[tuple[int, tuple[int, ...]], int] = {}
        self._size: list[int] = []
        self.offsets = np.full((_FIRST_SHAPES, len(programs.all)), -1, np.int32)
        header = np.full((m, HEADER_WORDS), NONE, np.int64)
        header[:, BASE] = 0
        header[:, ACTIVE] = -1
        header[:, DUTY] = duty
        bare = {q: self.shape(q, ()) for q in sorted(set(duty))}
        header[:, SHAPE] = [bare[q] for q in duty]
        self.memory = Devices(header, np.full(m, NONE, np.int64), *_free_episodes(_FIRST_EPISODES))

    def numbers(self, devices: Sequence[str]) -> NDArray[np.int32]:
        """int32[len(devices)]: the row of each device; -1 for one that is not here."""
        try:
            return np.fromiter(map(self.row.__getitem__, devices), np.int32, len(devices))
        except KeyError:  # seldom: the gateway admits only known devices
            return np.array([self.row.get(d, -1) for d in devices], np.int32)

    def shape(self, duty: int, programs: Iterable[int]) -> int:
        """Number of the shape with the state of these programs; made if there is none."""
        key = duty, tuple(sorted(programs))
        found = self._number.get(key)
        if found is not None:
            return found
        number = len(self.shapes)
        if number == len(self.offsets):
            self.offsets = np.concatenate([self.offsets, np.full_like(self.offsets, -1)])
        at = 0
        for g in key[1]:
            self.offsets[number, g] = at
            at += int(self._stateful[g])
        self.shapes.append(key)
        self._size.append(at)
        self._number[key] = number
        return number

    @property
    def largest(self) -> int:
        """Words of the largest block."""
        return max(self._size, default=0)

    def size_of(self, shape: int) -> int:
        """Words of a block of this shape."""
        return self._size[shape]

    def need(self, rows: NDArray[np.intp], wanted: NDArray[np.bool_]) -> None:
        """Give devices the state of more programs.

        Args:
            rows: int[k], rows of devices, each once.
            wanted: bool[k, g]; programs that a device has already, or that its duty does not know, are passed over.
        """
        header = self.memory.header
        wanted = wanted & (self.programs.enabled[header[rows, DUTY]] != 0) & (self._stateful > 0)
        wanted &= self.offsets[header[rows, SHAPE]] < 0
        some = wanted.any(axis=1)
        if not some.any():
            return
        rows, wanted = rows[some], wanted[some]
        shapes = header[rows, SHAPE]
        kinds, group = np.unique(np.column_stack([shapes, wanted]), axis=0, return_inverse=True)
        for number, kind in enumerate(kinds.tolist()):
            duty, had = self.shapes[kind[0]]
            more = [g for g, wants in enumerate(kind[1:]) if wants]
            self.move(rows[group.ravel() == number], kind[0], self.shape(duty, {*had, *more}))

    def move(self, rows: NDArray[np.intp], old: int, new: int) -> None:
        """Move the state of devices of one shape into blocks of another, which has all of its programs."""
        if self._size[old] == self._size[new]:
            self.memory.header[rows, SHAPE] = new
            return
        source = self.memory.header[rows, BASE]
        target = self._blocks(self._size[new], len(rows))
        for g in self.shapes[old][1]:
            span = np.arange(self._stateful[g])
            here, there = self.offsets[new, g], self.offsets[old, g]
            self.words[target[:, None] + here + span] = self.words[source[:, None] + there + span]
        if self._size[old]:
            self._holes.setdefault(self._size[old], []).extend(source.tolist())
        self.memory.header[rows, BASE] = target
        self.memory.header[rows, SHAPE] = new

    def more_episodes(self) -> None:
        """Double the room for episodes."""
        old = self.memory
        size = len(old.episodes)
        episodes, free = _free_episodes(2 * size)
        episodes[:size] = old.episodes
        # The new ones stand before the free ones that are left.
        episodes[-1, NEXT] = old.free[0]
        free[0] = size
        self.memory = Devices(old.header, old.due, episodes, free)

    def active_episodes(self) -> NDArray[np.int64]:
        """int64[k]: the episodes in use, ordered by device and program."""
        episodes = self.memory.episodes
        used = np.flatnonzero(episodes[:, DEVICE] >= 0)
        return used[np.lexsort((episodes[used, PROGRAM], episodes[used, DEVICE]))]

    def put_episode(self, device: int, words: NDArray[np.int64]) -> None:
        """Add an episode with these words (its device and program among them) to a device."""
        if self.memory.free[0] < 0:
            self.more_episodes()
        devices = self.memory
        e = int(devices.free[0])
        devices.free[0] = devices.episodes[e, NEXT]
        devices.episodes[e] = words
        devices.episodes[e, DEVICE] = device
        devices.episodes[e, NEXT] = devices.header[device, ACTIVE]
        devices.header[device, ACTIVE] = e

    @property
    def bytes_in_use(self) -> int:
        """Bytes of state of all devices: headers, deadlines, blocks and episodes in use."""
        devices = self.memory
        episodes = int((devices.episodes[:, DEVICE] >= 0).sum()) * 8 * EPISODE_WORDS
        return int(devices.header.nbytes + devices.due.nbytes) + 8 * self.used + episodes

    def _blocks(self, size: int, count: int) -> NDArray[np.int64]:
        """Begins of `count` zeroed blocks."""
        holes = self._holes.get(size, [])
        reused = [holes.pop() for _ in range(min(count, len(holes)))]
        fresh = self.used + size * np.arange(count - len(reused), dtype=np.int64)
        self.used += size * len(fresh)
        if self.used > len(self.words):
            grown = np.zeros(max(self.used, len(self.words) * 3 // 2), np.int64)
            grown[: len(self.words)] = self.words
            self.words = grown
        blocks = np.concatenate([np.array(reused, np.int64), fresh])
        self.words[blocks[: len(reused), None] + np.arange(size)] = 0
        return blocks


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


def duties_of(devices: Sequence[Device], estate: Estate, rulebook: Rulebook) -> tuple[list[Duty], list[int]]:
    """The distinct duties in order of first appearance, and the number of each device's."""
    number: dict[Duty, int] = {}
    of_device = []
    for device in devices:
        duty = Duty(
            device.kind,
            device.ratings,
            round(device.reporting_interval * 1000),
            device.mains_powered,
            estate.flags_of(estate.households[device.household]),
            estate.zone_of(device),
            rulebook.overrides_for(estate, device),
        )
        of_device.append(number.setdefault(duty, len(number)))
    return list(number), of_device


def _free_episodes(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    episodes = np.full((count, EPISODE_WORDS), NONE, np.int64)
    episodes[:, DEVICE] = -1
    episodes[:, NEXT] = np.arange(1, count + 1)
    episodes[-1, NEXT] = -1
    return episodes, np.zeros(1, np.int64)
