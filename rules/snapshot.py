"""An engine's state as bytes: in the order of devices and programs, so that equal histories give equal bytes."""

from enum import StrEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rules.kinds.definition import content_hash
from rules.kinds.kernel import NONE
from rules.kinds.ladder import BASE, DEVICE, DUTY, ENTERED, EPISODE_WORDS, HEARD, NEWEST, NEXT, OFFLINE, PROGRAM, SHAPE
from rules.ledger import Ledger
from rules.roster import Roster
from rules.rulebook import Rulebook

FORMAT = 3
"""Raise it when the meaning of a word of state changes."""

_TIMES = [NEWEST, HEARD, OFFLINE, ENTERED]


class RefusalReason(StrEnum):
    """Why a snapshot cannot be used."""

    UNREADABLE = "unreadable"
    FORMAT = "other format"
    SHAPE = "rulebook with another shape of state"
    PARTITION = "other partition"


class SnapshotRefused(Exception):
    """A snapshot cannot be gone on from; replay the log from its beginning.

    Attributes:
        reason: the named reason.
    """

    def __init__(self, reason: RefusalReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class Image(msgspec.Struct, frozen=True):
    """What a snapshot holds.

    Attributes:
        shape: hash of what decides the meaning of every word.
        sets: distinct sets of programs with state; `of_device` (int32 bytes) tells each device's.
        times: int64[m, 4] as bytes, the times of the headers.
        words: the blocks of all devices, one after another, as bytes.
        episodes: int64[k, EPISODE_WORDS] as bytes, ordered by device and program.
        late: (device id, rule id, event time) of late findings told.
        relations: as `Relations.state` gives it.
    """

    format: int
    shape: str
    partition: int
    now: int | None
    unknown_readings: int
    devices: list[str]
    sets: list[list[int]]
    of_device: bytes
    times: bytes
    words: bytes
    episodes: bytes
    late: list[tuple[str, str, int]]
    relations: Any


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Image)


def pack(
    roster: Roster,
    rulebook: Rulebook,
    ledger: Ledger,
    relations: Any,
    partition: int,
    now: int | None,
    unknown_readings: int,
) -> bytes:
    """The snapshot of an engine's state."""
    header = roster.memory.header
    sets = sorted({roster.shapes[s][1] for s in np.unique(header[:, SHAPE]).tolist()})
    number = {programs: k for k, programs in enumerate(sets)}
    of_shape = np.array([number.get(programs, -1) for _, programs in roster.shapes], np.int32)
    used = roster.active_episodes()
    episodes = roster.memory.episodes[used]
    episodes[:, NEXT] = NONE
    return _encoder.encode(
        Image(
            FORMAT,
            _shape(roster),
            partition,
            now,
            unknown_readings,
            [d.id for d in roster.devices],
            [list(s) for s in sets],
            (of_shape[header[:, SHAPE]] if len(header) else of_shape[:0]).tobytes(),
            np.ascontiguousarray(header[:, _TIMES]).tobytes(),
            roster.words[_spans(roster)].tobytes(),
            episodes.tobytes(),
            sorted((device, rule, ts) for (device, rule), ts in ledger.late.items()),
            relations,
        )
    )


def unpack(data: bytes, roster: Roster, rulebook: Rulebook, partition: int) -> Image:
    """Put a snapshot's state into a fresh roster; devices are found by id.

    Raises:
        SnapshotRefused: with the reason; the roster is then unchanged.
    """
    try:
        image = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise SnapshotRefused(RefusalReason.UNREADABLE, str(error)) from None
    if image.format != FORMAT:
        raise SnapshotRefused(RefusalReason.FORMAT, f"{image.format}, expected {FORMAT}")
    if image.shape != _shape(roster):
        raise SnapshotRefused(RefusalReason.SHAPE)
    if image.partition != partition:
        raise SnapshotRefused(RefusalReason.PARTITION, f"{image.partition}, expected {partition}")
    _put(_checked(image, roster), image, roster)
    return image


def _shape(roster: Roster) -> str:
    bounds = roster.programs.ladders.steps.tolist()
    return content_hash([[[p.key, p.words] for p in roster.programs.all], bounds])


def _spans(roster: Roster) -> NDArray[np.int64]:
    """Index of every word of every block, in the order of devices."""
    header = roster.memory.header
    size = np.array([roster.size_of(s) for s in range(len(roster.shapes))], np.int64)
    sizes = size[header[:, SHAPE]] if len(header) else np.zeros(0, np.int64)
    begins = np.repeat(header[:, BASE] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) if len(header) else sizes
    index: NDArray[np.int64] = begins + np.arange(int(sizes.sum()))
    return index


def _checked(image: Image, roster: Roster) -> NDArray[np.int32]:
    """The set of each device; everything that is read afterwards is known to be there.

    Raises:
        SnapshotRefused: lengths or numbers do not agree.
    """
    m, g = len(image.devices), len(roster.programs.all)
    words = np.array([p.words for p in roster.programs.all], np.int64)
    sets_fit = all(0 <= p < g and words[p] > 0 for s in image.sets for p in s)
    lengths = (len(image.of_device), len(image.times))
    if lengths != (4 * m, 32 * m) or len(image.words) % 8 or len(image.episodes) % (8 * EPISODE_WORDS) or not sets_fit:
        raise SnapshotRefused(RefusalReason.UNREADABLE, "arrays disagree in length")
    of_device = np.frombuffer(image.of_device, np.int32)
    if m and not (of_device.min() >= 0 and of_device.max() < len(image.sets)):
        raise SnapshotRefused(RefusalReason.UNREADABLE, "a device has an unknown set of programs")
    sizes = np.array([int(words[s].sum()) for s in image.sets], np.int64)
    if m and int(sizes[of_device].sum()) * 8 != len(image.words):
        raise SnapshotRefused(RefusalReason.UNREADABLE, "blocks disagree in length")
    episodes = np.frombuffer(image.episodes, np.int64).reshape(-1, EPISODE_WORDS)
    inside = (episodes[:, PROGRAM] >= 0) & (episodes[:, PROGRAM] < g)
    inside &= (episodes[:, DEVICE] >= 0) & (episodes[:, DEVICE] < m)
    if not inside.all():
        raise SnapshotRefused(RefusalReason.UNREADABLE, "an episode of no device or program")
    return of_device


def _put(of_device: NDArray[np.int32], image: Image, roster: Roster) -> None:
    rows = np.array([roster.row.get(d, -1) for d in image.devices], np.int64)
    known = rows >= 0
    times = np.frombuffer(image.times, np.int64).reshape(-1, len(_TIMES))
    header = roster.memory.header
    for column, name in enumerate(_TIMES):
        header[rows[known], name] = times[known, column]
    sizes = np.array([sum(roster.programs.all[g].words for g in s) for s in image.sets], np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes[of_device])])
    words = np.frombuffer(image.words, np.int64)
    for number, programs in enumerate(image.sets):
        for duty in sorted(set(header[rows[known & (of_device == number)], DUTY].tolist())):
            picked = np.flatnonzero(known & (of_device == number))
            picked = picked[header[rows[picked], DUTY] == duty]
            new = roster.shape(duty, programs)
            roster.move(rows[picked], int(header[rows[picked[0]], SHAPE]), new)
            span = np.arange(sizes[number])
            # The programs of a set stand in a block in the order of their numbers, in the file as in the pool.
            roster.words[header[rows[picked], BASE][:, None] + span] = words[begins[picked][:, None] + span]
    for episode in np.frombuffer(image.episodes, np.int64).reshape(-1, EPISODE_WORDS):
        row = int(rows[episode[DEVICE]])
        if row >= 0:
            roster.put_episode(row, episode)
