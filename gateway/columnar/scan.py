"""JSON straight into columns: one pass over each payload, compiled.

The kernel takes what it is sure of and leaves the rest, whole messages at a time, to `gateway.decoding`. What it takes,
`json.loads` and the plan would have read the same, to the last bit; what is no JSON it never takes.
"""

import numpy as np
from numpy.typing import NDArray

from gateway.columnar.kernel import EMPTY, FAST, MAX_DEPTH, MISSING, SLOW, scan_messages
from gateway.columnar.packets import COLUMNS, PAYLOAD_END
from gateway.columnar.plan import native_plan
from gateway.columnar.plans import Plans
from gateway.columnar.words import padded, view

__all__ = ["EMPTY", "FAST", "MAX_DEPTH", "MISSING", "SLOW", "Scanned", "prepare", "scan"]


class Scanned:
    """What a scan found: arrays that are used again for the next one.

    Attributes:
        message, column, value: int32, int16 and float64[values]: number of the message, index in `SIGNALS`, value; in
            the order of the messages. The first `count` are filled.
        count: values found.
        ts, seq: int64[messages]: the device's time in UTC ms, or `MISSING`; its running number, or -1.
        status: uint8[messages]: `FAST`, `SLOW` or `EMPTY`.
    """

    def __init__(self, messages: int, values: int) -> None:
        """Make room for so many messages and values at once."""
        self.message = np.zeros(values, np.int32)
        self.column = np.zeros(values, np.int16)
        self.value = np.zeros(values, np.float64)
        self.count = 0
        self.ts = np.zeros(messages, np.int64)
        self.seq = np.zeros(messages, np.int64)
        self.status = np.zeros(messages, np.uint8)


def scan(
    data: bytes,
    index: NDArray[np.int32],
    plan_of_message: NDArray[np.int32],
    plans: Plans,
    out: Scanned,
    first: int = 0,
) -> int:
    """Read the payloads of some messages.

    Args:
        data: the bytes in which they lie.
        index: int32[n, 6]; see `gateway.columnar.packets`.
        plan_of_message: int32[n]: number in `plans`; -1 leaves the message to Python.
        plans: what is read.
        out: written; values come behind the `count` that are there.
        first: message to begin with.

    Returns:
        The message to go on with: n, or the first one for whose values there is no room. Then take what is there, set
        `out.count` to 0 and call again.

    Raises:
        ValueError: `out` has no room for so many messages, or not for the values of a single one.
    """
    if len(index) > len(out.status) or plans.most > len(out.value):
        raise ValueError(f"no room for {len(index)} messages, or for the {plans.most} values of one")
    if not len(index):
        return 0
    buffer = padded(data, int(index[-1, PAYLOAD_END]))
    columns = (out.message, out.column, out.value, out.ts, out.seq, out.status)
    done, out.count = scan_messages(view(buffer), index, plan_of_message, plans.tables, first, out.count, columns)
    return int(done)


def prepare() -> None:
    """Compile the kernels, or load them from disk."""
    plans = Plans.compile([native_plan()])
    scan(b"{}", np.zeros((1, COLUMNS), np.int32), np.zeros(1, np.int32), plans, Scanned(1, plans.most))
