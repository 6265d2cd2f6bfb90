"""How many messages each device may send: a token bucket for each, over the messages of a flush at once."""

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled

SUSTAINED = 20
"""Messages a second that a device may send for ever."""

BURST = 10_000
"""Messages that it may send at once: 27 h of readings every 10 s, kept through an outage and sent together."""

URGENT = 10
"""Times both bounds for messages that may carry an event."""

REST = 600
"""A limited device is no longer called limited when so many more messages would pass: 30 s of silence, so that one
which goes on does not begin an episode with every message."""


@compiled
def take_tokens(rows, urgent, now, sustained, burst, rest, tokens, filled, limited, last, allowed):  # type: ignore[no-untyped-def]  # compiled
    """Decide message by message.

    Args:
        rows: int32[n], device of each message; those below 0 share the last bucket.
        urgent: bool[n].
        now: ms.
        sustained, burst, rest: of ordinary messages, as floats.
        tokens: float64[devices + 1, 2], left in the buckets of ordinary and urgent messages.
        filled: int64[devices + 1], ms, when they were last filled.
        limited: bool[devices + 1], whether a message was held off in the present episode.
        last: int64[devices + 1], scratch.
        allowed: bool[n], the result.

    Returns:
        Number of messages held off.
    """
    shared = len(tokens) - 1
    lost = 0
    for i in range(len(rows)):
        row = rows[i] if rows[i] >= 0 else shared
        last[row] = i
        if now > filled[row]:
            gained = (now - filled[row]) * (sustained / 1_000.0)
            tokens[row, 0] = min(tokens[row, 0] + gained, burst)
            tokens[row, 1] = min(tokens[row, 1] + gained * URGENT, burst * URGENT)
            filled[row] = now
            if limited[row] and tokens[row, 0] >= rest and tokens[row, 1] >= rest:
                limited[row] = False
        kind = 1 if urgent[i] else 0
        if tokens[row, kind] >= 1:
            tokens[row, kind] -= 1
            allowed[i] = True
        else:
            allowed[i] = False
            limited[row] = True
    for i in range(len(rows)):
        if not allowed[i]:
            if rows[i] >= 0 and last[rows[i]] == i:
                allowed[i] = True
            else:
                lost += 1
    return lost


class Rates:
    """The buckets of all devices, and one for everything unknown together. 49 bytes a device; no clock.

    The last message of each device in a flush always passes: of a device that floods us, the present state is known
    all the same. What comes on a topic that may carry events has ten times the bound.
    """

    def __init__(self, sustained: float = SUSTAINED, burst: int = BURST) -> None:
        """Begin with full buckets: `sustained` messages a second for ever, `burst` at once."""
        self._sustained, self._burst = float(sustained), float(burst)
        self._rest = min(float(REST), self._burst)
        self._full = self._burst, self._burst * URGENT
        self._tokens: NDArray[np.float64] = np.array([self._full])
        self._filled: NDArray[np.int64] = np.zeros(1, np.int64)
        self._limited: NDArray[np.bool_] = np.zeros(1, np.bool_)
        self._last: NDArray[np.int64] = np.zeros(1, np.int64)

    @property
    def limited(self) -> NDArray[np.bool_]:
        """bool[devices]: which are being limited."""
        return self._limited[:-1]

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return self._tokens.nbytes + self._filled.nbytes + self._limited.nbytes + self._last.nbytes

    def resize(self, rows: int, fresh: NDArray[np.int64]) -> None:
        """Make room for `rows` devices, and forget what was remembered in the rows `fresh`."""
        more = rows + 1 - len(self._filled)
        if more > 0:  # the shared bucket stays the last
            self._tokens = np.insert(self._tokens, [-1] * more, self._full, axis=0)
            self._filled = np.insert(self._filled, [-1] * more, 0)
            self._limited = np.insert(self._limited, [-1] * more, False)
            self._last = np.zeros(rows + 1, np.int64)
        self._tokens[fresh] = self._full
        self._filled[fresh] = 0
        self._limited[fresh] = False

    def allow(self, rows: NDArray[np.int32], urgent: NDArray[np.bool_], now: int) -> NDArray[np.bool_]:
        """bool[n]: which messages of a flush are read.

        Args:
            rows: int32[n], device of each message in order; -1 if it is of none that is known.
            urgent: bool[n], whether its topic may carry an event.
            now: receipt time, UTC ms. A clock that steps back gives nothing until it catches up.
        """
        allowed = np.empty(len(rows), np.bool_)
        take_tokens(
            rows, urgent, now, self._sustained, self._burst, self._rest,
            self._tokens, self._filled, self._limited, self._last, allowed,
        )  # fmt: skip
        return allowed
