"""An engine's state as bytes: arrays as they lie in memory, with enough beside them to refuse a wrong one."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np

from rules.kinds.batch import State
from rules.kinds.definition import content_hash
from rules.roster import Roster
from rules.rulebook import Rulebook
from rules.tables import Tables

FORMAT = 1
"""Raise it when the meaning of a state word changes."""

_PER_DEVICE = ("newest", "heard", "entered", "offline")


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


class _Image(msgspec.Struct, frozen=True):
    format: int
    shape: str
    partition: int
    now: int | None
    unknown_readings: int
    devices: list[str]
    slot: bytes
    pool: bytes
    times: list[bytes]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Image)


def pack(
    roster: Roster, rulebook: Rulebook, tables: Tables, partition: int, now: int | None, unknown_readings: int
) -> bytes:
    """The snapshot of a roster's state."""
    state = roster.state
    return _encoder.encode(
        _Image(
            FORMAT,
            _shape(rulebook, tables),
            partition,
            now,
            unknown_readings,
            [d.id for d in roster.devices],
            state.slot.tobytes(),
            state.ints[: roster.used].tobytes(),
            [getattr(state, name).tobytes() for name in _PER_DEVICE],
        )
    )


def unpack(data: bytes, roster: Roster, rulebook: Rulebook, tables: Tables, partition: int) -> tuple[int | None, int]:
    """Put a snapshot's state into a fresh roster; devices are found by id.

    Returns:
        (latest time, count of unknown readings).

    Raises:
        SnapshotRefused: with the reason; the roster is then unchanged.
    """
    try:
        image = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise SnapshotRefused(RefusalReason.UNREADABLE, str(error)) from None
    if image.format != FORMAT:
        raise SnapshotRefused(RefusalReason.FORMAT, f"{image.format}, expected {FORMAT}")
    if image.shape != _shape(rulebook, tables):
        raise SnapshotRefused(RefusalReason.SHAPE)
    if image.partition != partition:
        raise SnapshotRefused(RefusalReason.PARTITION, f"{image.partition}, expected {partition}")
    m, slots = len(image.devices), len(tables.slots)
    if len(image.slot) != 4 * m * slots or len(image.pool) % 8 or [len(t) for t in image.times] != [8 * m] * 4:
        raise SnapshotRefused(RefusalReason.UNREADABLE, "arrays disagree in length")
    slot = np.frombuffer(image.slot, np.int32).reshape(m, slots)
    pool = np.frombuffer(image.pool, np.int64)
    words = np.array([s.words for s in tables.slots], np.int64)
    if m and ((slot < -1).any() or (np.where(slot >= 0, slot + words, 0) > len(pool)).any()):
        raise SnapshotRefused(RefusalReason.UNREADABLE, "a slot points beyond the state")
    _take(roster, image.devices, slot, pool, [np.frombuffer(t, np.int64) for t in image.times], tables)
    return image.now, image.unknown_readings


def _take(
    roster: Roster,
    devices: Sequence[str],
    slot: "np.ndarray[tuple[int, ...], np.dtype[np.int32]]",
    pool: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]",
    times: "Sequence[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]",
    tables: Tables,
) -> None:
    old = Roster((), (), len(tables.slots))
    old.row = {d: k for k, d in enumerate(devices)}
    empty = old.state._asdict() | {"slot": slot, "ints": pool} | dict(zip(_PER_DEVICE, times, strict=True))
    old.state = State(**empty)
    roster.forget()
    roster.adopt(old, tables)
    roster.claim_standing(tables)


def _shape(rulebook: Rulebook, tables: Tables) -> str:
    """Hash of what decides the meaning of each slot: rule, kind, signals, words."""
    return content_hash(
        [[rulebook.rules[s.rule].id, rulebook.rules[s.rule].kind, list(s.signals), s.words] for s in tables.slots]
    )
