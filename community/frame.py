"""What travels in the readings log: frames of readings, ticks of the clock, changes of estate and rulebook, baselines.

A log record is one of five tagged structs, encoded with MessagePack. Records are immutable: nobody writes into a
frame's arrays (they are read-only views of the bytes received).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from community.quantities import SIGNAL_INDEX


class Reading(NamedTuple):
    """What one device reported at one moment; the row of a `Frame`, for people, tests and the scalar twins.

    Attributes:
        device: device id.
        ts: event time by the device's clock (or receipt, if it has none), UTC ms.
        received_at: when the gateway had it, UTC ms.
        values: signal name → value; absent is missing. Events are 1.0 or 0.0.
    """

    device: str
    ts: int
    received_at: int
    values: dict[str, float]


class Frame(msgspec.Struct, frozen=True, tag="frame", tag_field="kind", eq=False):
    """Columns of `n` readings of one partition, in the order in which they were admitted.

    Attributes:
        devices: ids of the devices that occur; `device` indexes this.
        signals: names of the columns of `values`.
        device_column: int32[n] as little-endian bytes.
        ts_column: int64[n], event times, UTC ms, as bytes.
        received_column: int64[n], receipt times, UTC ms, as bytes.
        value_matrix: float64[n, len(signals)], C order, as bytes; NaN is missing.
    """

    devices: tuple[str, ...]
    signals: tuple[str, ...]
    device_column: bytes
    ts_column: bytes
    received_column: bytes
    value_matrix: bytes

    def __post_init__(self) -> None:
        n = len(self.device_column) // 4
        if not (
            len(self.device_column) == 4 * n
            and len(self.ts_column) == len(self.received_column) == 8 * n
            and len(self.value_matrix) == 8 * n * len(self.signals)
        ):
            raise ValueError(f"frame columns disagree in length (n={n}, {len(self.signals)} signals)")

    def __len__(self) -> int:
        return len(self.ts_column) // 8

    @property
    def device(self) -> NDArray[np.int32]:
        """int32[n]: index into `devices`."""
        return np.frombuffer(self.device_column, "<i4")

    @property
    def ts(self) -> NDArray[np.int64]:
        """int64[n]: event times, UTC ms."""
        return np.frombuffer(self.ts_column, "<i8")

    @property
    def received_at(self) -> NDArray[np.int64]:
        """int64[n]: receipt times, UTC ms."""
        return np.frombuffer(self.received_column, "<i8")

    @property
    def values(self) -> NDArray[np.float64]:
        """float64[n, len(signals)]; NaN is missing."""
        return np.frombuffer(self.value_matrix, "<f8").reshape(len(self), len(self.signals))

    @classmethod
    def from_columns(
        cls,
        devices: Sequence[str],
        signals: Sequence[str],
        device: NDArray[np.int32],
        ts: NDArray[np.int64],
        received_at: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> "Frame":
        """Pack columns (shapes as the properties of the same names) into a frame."""
        return cls(
            tuple(devices),
            tuple(signals),
            np.ascontiguousarray(device, "<i4").tobytes(),
            np.ascontiguousarray(ts, "<i8").tobytes(),
            np.ascontiguousarray(received_at, "<i8").tobytes(),
            np.ascontiguousarray(values, "<f8").tobytes(),
        )

    @classmethod
    def from_readings(cls, readings: Sequence[Reading]) -> "Frame":
        """Pack readings, in order; columns appear in the order of `SIGNALS`.

        Raises:
            KeyError: for a signal that is not in `SIGNALS`.
        """
        signals = sorted({s for r in readings for s in r.values}, key=SIGNAL_INDEX.__getitem__)
        devices = list(dict.fromkeys(r.device for r in readings))
        column = {s: j for j, s in enumerate(signals)}
        number = {d: i for i, d in enumerate(devices)}
        values = np.full((len(readings), len(signals)), np.nan)
        for i, reading in enumerate(readings):
            for signal, value in reading.values.items():
                values[i, column[signal]] = value
        return cls.from_columns(
            devices,
            signals,
            np.array([number[r.device] for r in readings], np.int32),
            np.array([r.ts for r in readings], np.int64),
            np.array([r.received_at for r in readings], np.int64),
            values,
        )

    def readings(self) -> Iterator[Reading]:
        """The rows, one by one (slow; for replay files, tests and scalar twins)."""
        values = self.values
        for i, (d, ts, received) in enumerate(
            zip(self.device.tolist(), self.ts.tolist(), self.received_at.tolist(), strict=True)
        ):
            row = values[i]
            present = np.flatnonzero(~np.isnan(row))
            yield Reading(self.devices[d], ts, received, {self.signals[j]: float(row[j]) for j in present})


class Tick(msgspec.Struct, frozen=True, tag="tick", tag_field="kind"):
    """The gateway's clock, written to the log about once a second so that absence can be judged.

    Attributes:
        ts: the gateway's time, UTC ms.
        listening_since: since when the gateway has been connected to the devices' broker without a break, UTC ms,
            or None if unknown. Silence before it is our deafness, not the device's.
        unheard: whether devices that have never been heard are judged too. False in a recording made without ticks:
            it does not say which devices it was to cover.
    """

    ts: int
    listening_since: int | None = None
    unheard: bool = True


class EstateChange(msgspec.Struct, frozen=True, tag="estate", tag_field="kind"):
    """From this log position on, the estate of this version holds (ratings, households, devices)."""

    version: int


class RulebookChange(msgspec.Struct, frozen=True, tag="rulebook", tag_field="kind"):
    """From this log position on, the rulebook of this version holds."""

    version: int


class Baseline(msgspec.Struct, frozen=True, tag="baseline", tag_field="kind"):
    """From this log position on, the engine's slow memory of a device is this one, rebuilt from history.

    Attributes:
        device: device id.
        begin: event time of the first reading that it was made of, UTC ms.
        end: of the last one.
        form: what the words mean (`rules.snapshot.FORMAT`); another one is passed over.
        programs: by the key of a program, its words of state, int64 little-endian.
    """

    device: str
    begin: int
    end: int
    form: int
    programs: dict[str, bytes]


Record = Frame | Tick | EstateChange | RulebookChange | Baseline

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """A log record as MessagePack bytes."""
    return _encoder.encode(record)


def decode_record(data: bytes) -> Record:
    """The record in `data`.

    Raises:
        msgspec.DecodeError: if `data` is not a record (ValidationError names the place).
    """
    return _decoder.decode(data)
