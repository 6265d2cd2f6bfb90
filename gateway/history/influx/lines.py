"""InfluxDB's line protocol out of a batch, column by column.

A reading becomes one line of the measurement `readings`: tags `device` and `flags`, a field for each signal that it
has, and `received_at`; time in ms. The flags are a tag because the server can then roll up what is in order and what is
not apart from one another, natively, and forget neither; there are few of them, and most devices only ever have 0.

Readings are stored by event time, yet are asked for by receipt too (export, replay). So every batch also says, in the
measurement `receipt`, how old the readings were that came in during a minute: the tag `age` is a power of two of
minutes. What a receipt time asks for is then found without looking through all that was ever measured.

Both are idempotent: the same lines twice are the same points.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from community.clock import MINUTE
from gateway.history.batch import Batch

READINGS, RECEIPT, TICK = "readings", "receipt", "tick"
RECEIVED = "received_at"
"""Field of `READINGS` that is no signal."""

_TAG = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\=", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def tag(text: str) -> str:
    """A tag key, tag value or field key, escaped. The protocol cannot say a backslash at the end; no id has one."""
    return text.translate(_TAG)


def lines_of(batch: Batch) -> list[bytes]:
    """The lines of a batch, in its order; then receipts and ticks.

    A value that is not finite is left out: the protocol has no word for it.
    """
    lines = _readings(batch) if len(batch) else []
    if len(batch):
        ages = age_class(batch.received_at - batch.ts)
        minutes = batch.received_at // MINUTE * MINUTE
        pairs = np.unique(np.stack([ages, minutes]), axis=1)
        lines += [b"%s,age=%d n=1i %d" % (RECEIPT.encode(), age, minute) for age, minute in pairs.T.tolist()]
    lines += [b"%s n=1i %d" % (TICK.encode(), ts) for ts in batch.ticks.tolist()]
    return lines


def not_finite(batch: Batch) -> int:
    """Values that `lines_of` leaves out although they are there."""
    return int(np.count_nonzero(np.isinf(batch.values)))


def age_class(age: NDArray[np.int64]) -> NDArray[np.int64]:
    """Class of an age in ms: 0 up to a minute either way, k up to 2**k minutes; negative where the event lies ahead."""
    minutes = np.maximum(np.abs(age) / MINUTE, 1.0)
    return (np.sign(age) * np.ceil(np.log2(minutes))).astype(np.int64)


def ages_of(cls: int) -> tuple[int, int]:
    """Least and greatest age in ms of a class (a little wider than it is)."""
    if cls == 0:
        return -MINUTE, MINUTE
    near, far = MINUTE * 2 ** (abs(cls) - 1), MINUTE * 2 ** abs(cls)
    return (near - 1, far + 1) if cls > 0 else (-far - 1, -near + 1)


def _readings(batch: Batch) -> list[bytes]:
    heads = [f"{READINGS},device={tag(device)},flags=" for device in batch.devices]
    # One head for each device and flags that occur, then one look-up for each row.
    kinds, which = np.unique(batch.device.astype(np.int64) * 256 + batch.flags, return_inverse=True)
    head = np.array([f"{heads[k >> 8]}{k & 255} ".encode() for k in kinds.tolist()], object)
    columns = [head[which].tolist()]
    for j, name in enumerate(batch.signals):
        values = np.where(np.isfinite(batch.values[:, j]), batch.values[:, j], np.nan)
        columns.append(_column(values, f"{tag(name)}=", ","))
    columns.append(_column(batch.received_at, f"{RECEIVED}=", "i "))
    columns.append(_column(batch.ts, "", ""))
    return list(map(b"".join, zip(*columns, strict=True)))


def _column(values: NDArray[np.float64] | NDArray[np.int64], before: str, after: str) -> list[bytes]:
    """Each value as text, shortest that reads back the same, between `before` and `after`; NaN is nothing.

    The encoder writes a whole column at C's speed (NaN as null); a Python loop over values would be ten times slower.
    """
    begin, end = before.encode(), after.encode()
    text = msgspec.json.encode(values.tolist())[1:-1].replace(b",", end + b"\n" + begin)
    whole: Sequence[bytes] = (begin + text + end).split(b"\n")
    nothing = begin + b"null" + end
    return [b"" if item == nothing else item for item in whole] if nothing in whole else list(whole)
