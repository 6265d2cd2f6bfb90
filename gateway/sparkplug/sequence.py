"""Sequence numbers of an edge node: 0 to 255 over all its messages since its birth, so that a lost one is noticed."""

REORDER_MS = 5_000
"""How long a missing message may still come, after one behind it (Sparkplug 3.0, 5.9 "Reorder Timeout")."""

_ROUND = 256
_UNKNOWN = -1


class Sequence:
    """What is missing. Bounded: at most 256 numbers."""

    __slots__ = ("_expected", "_missing", "since")

    def __init__(self, birth: int | None) -> None:
        """Begin with the number of the NBIRTH; None if it had none, then the next message begins."""
        self._expected = None if birth is None else (birth + 1) % _ROUND
        self._missing: set[int] = set()
        self.since: int | None = None
        """Since when something is missing, UTC ms of receipt."""

    def take(self, seq: int, now: int) -> None:
        """Note the number of a message received at `now`."""
        expected = seq if self._expected is None else self._expected
        ahead = (seq - expected) % _ROUND
        if ahead >= _ROUND // 2:
            self._take_late(seq, expected, now)
            return
        if ahead:
            self._missing.update((expected + i) % _ROUND for i in range(ahead))
            self.since = now if self.since is None else self.since
        self._expected = (seq + 1) % _ROUND

    def is_broken(self, now: int) -> bool:
        """Whether something is missing that will not come any more."""
        return self.since is not None and not 0 <= now - self.since < REORDER_MS

    def _take_late(self, seq: int, expected: int, now: int) -> None:
        if seq in self._missing:
            self._missing.discard(seq)
            if not self._missing:
                self.since = None
        elif seq != (expected - 1) % _ROUND:  # the last one once more is no harm
            # The node has begun anew without telling, or more than half a round is gone: only a birth can mend that.
            self._missing.add(_UNKNOWN)
            self.since = now if self.since is None else self.since
            self._expected = (seq + 1) % _ROUND
