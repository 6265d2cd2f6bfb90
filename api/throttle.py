"""Slows down guessing of passwords without letting a guesser lock the night shift out."""

from collections import OrderedDict
from dataclasses import dataclass

from community.clock import MINUTE, SECOND

CAPACITY = 10_000
"""Keys remembered; beyond it the one that failed longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Failures that are free, and the longest pause that more of them lead to, ms."""

    free: int
    longest: int


# The pair is strict: a person mistypes, a guesser repeats. The address is looser: an office shares one. The account
# alone has a short pause at most, since anybody can make it fail from anywhere, and its owner must still get in.
PAIR = Allowance(free=5, longest=5 * MINUTE)
ADDRESS = Allowance(free=30, longest=5 * MINUTE)
ACCOUNT = Allowance(free=50, longest=5 * SECOND)

FORGET_AFTER = 30 * MINUTE

_Key = tuple[str, str]


@dataclass(slots=True)
class _Failures:
    count: int
    last: int


class Throttle:
    """Counts failed sign-ins by account and address. Not safe to use from several threads at once."""

    def __init__(self) -> None:
        self._failures: OrderedDict[_Key, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def pause(self, account: str, address: str, now: int) -> int:
        """How long to wait before the next attempt is looked at, ms; 0: at once."""
        return max(self._pause(key, allowance, now) for key, allowance in _keys(account, address))

    def failed(self, account: str, address: str, now: int) -> None:
        """Note a failed attempt."""
        for key, _ in _keys(account, address):
            entry = self._failures.pop(key, None)
            if entry is None or now - entry.last > FORGET_AFTER:
                entry = _Failures(0, now)
            entry.count += 1
            entry.last = now
            self._failures[key] = entry
        while len(self._failures) > CAPACITY:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of this person at this place. Those of the address alone stand: it may be guessing."""
        self._failures.pop((account, address), None)

    def _pause(self, key: _Key, allowance: Allowance, now: int) -> int:
        entry = self._failures.get(key)
        if entry is None or now - entry.last > FORGET_AFTER or entry.count < allowance.free:
            return 0
        doubled = SECOND << min(entry.count - allowance.free, 20)
        return max(0, entry.last + min(doubled, allowance.longest) - now)


def _keys(account: str, address: str) -> tuple[tuple[_Key, Allowance], ...]:
    # NUL occurs in neither an account name nor an address, so the kinds of key cannot be confused.
    return ((account, address), PAIR), (("\0address", address), ADDRESS), (("\0account", account), ACCOUNT)
