"""The level of each rule: channels brought together, transitions turned into findings.

Transitions are rare, so this is plain Python. What a rule's channels hold is remembered here only as an index of the
episodes; it can be made from them at any time.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from community.estate import Estate
from community.finding import Finding
from community.severity import Severity
from rules.evidence import evidence_of, finding
from rules.kinds.ladder import DEVICE, DUTY, HELD, META, PROGRAM
from rules.roster import Roster
from rules.rulebook import Rule

LATE_APART_MS = 60_000
"""Late findings of one rule for one device are at least this far apart in event time."""


class Transition(NamedTuple):
    """A channel's top step changed. Fields as the columns of `rules.kinds.ladder.Out`; extras follow the peak."""

    row: int
    device: int
    program: int
    before: int
    after: int
    late: int
    reason: int
    ts: int
    since: int
    received: int
    gap: int
    value: float
    first: float
    peak: float
    extra_1: float
    extra_2: float
    extra_3: float
    extra_4: float


class Ledger:
    """What every rule's channels hold for every device, and late findings told lately.

    Attributes:
        late: (device id, rule id) → event time of the last late finding; at most one for each.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], dict[int, int]] = {}
        self.late: dict[tuple[str, str], int] = {}

    def rebuild(self, roster: Roster) -> None:
        """Make the index of held steps anew from the episodes."""
        self._held = {}
        for e in roster.active_episodes().tolist():
            words = roster.memory.episodes[e]
            step = (int(words[META]) & HELD).bit_length() - 1
            if step >= 0:
                program = int(words[PROGRAM])
                at = int(words[DEVICE]), roster.programs.all[program].rule
                self._held.setdefault(at, {})[program] = step

    def levels(self, roster: Roster) -> dict[tuple[int, int], int]:
        """Severity by (device row, rule number), where it is above normal; in that order."""
        return {at: self._level(roster, at) for at in sorted(self._held)}

    def findings(self, transitions: Iterable[Transition], roster: Roster, estate: Estate) -> list[Finding]:
        """Turn transitions into findings, in the order of rows, then of rules.

        Args:
            transitions: of one frame or tick; those of one program in the order of rows.
        """
        programs = roster.programs

        def key(t: Transition) -> tuple[int, int]:
            return t.row, programs.all[t.program].rule

        found: list[Finding] = []
        for (_, number), group in groupby(sorted(transitions, key=key), key):
            ts = list(group)
            duty = int(roster.memory.header[ts[0].device, DUTY])
            rule = programs.resolved[duty][number]
            if rule is None:
                continue
            if ts[0].late:
                found += self._late(ts, rule, number, duty, roster, estate)
            else:
                found += self._turn(ts, rule, number, duty, roster, estate)
        return found

    def _level(self, roster: Roster, at: tuple[int, int]) -> int:
        held = self._held.get(at)
        if not held:
            return 0
        duty = int(roster.memory.header[at[0], DUTY])
        return max(roster.programs.severity_of(duty, g, step) for g, step in held.items())

    def _turn(
        self, ts: Sequence[Transition], rule: Rule, number: int, duty: int, roster: Roster, estate: Estate
    ) -> list[Finding]:
        at = ts[0].device, number
        before = self._level(roster, at)
        held = self._held.setdefault(at, {})
        for t in ts:
            if t.after < 0:
                held.pop(t.program, None)
            else:
                held[t.program] = t.after
        after = self._level(roster, at)
        if not held:
            del self._held[at]
        if after == before:
            return []
        severity_of = roster.programs.severity_of
        if after > before:
            # Up is named by the worst channel, and of equals by the one that is further beyond.
            deciding = max(
                (t for t in ts if t.after > t.before), key=lambda t: (severity_of(duty, t.program, t.after), t.value)
            )
        else:
            # Down is named by the channel that was worst.
            deciding = max((t for t in ts if t.after < t.before), key=lambda t: severity_of(duty, t.program, t.before))
        return [self._finding(deciding, rule, duty, roster, estate, after, before)]

    def _late(
        self, ts: Sequence[Transition], rule: Rule, number: int, duty: int, roster: Roster, estate: Estate
    ) -> list[Finding]:
        severity_of = roster.programs.severity_of
        worst = max(ts, key=lambda t: (severity_of(duty, t.program, t.after), t.value))
        severity = severity_of(duty, worst.program, worst.after)
        if severity <= self._level(roster, (worst.device, number)):
            return []
        key = roster.devices[worst.device].id, rule.id
        last = self.late.get(key)
        if last is not None and abs(worst.ts - last) <= LATE_APART_MS:
            return []
        self.late[key] = worst.ts
        # Newer readings told already that it does not hold now: it returns at once.
        return [
            self._finding(worst, rule, duty, roster, estate, severity, 0),
            self._finding(worst, rule, duty, roster, estate, 0, severity),
        ]

    def _finding(
        self, t: Transition, rule: Rule, duty: int, roster: Roster, estate: Estate, severity: int, previous: int
    ) -> Finding:
        device = roster.devices[t.device]
        value, threshold, unit, evidence = evidence_of(
            t, rule, duty, roster.programs, device.ratings, up=severity > previous
        )
        return finding(
            rule,
            device,
            estate,
            Severity(severity),
            Severity(previous),
            ts=t.ts,
            since=t.since,
            received_at=t.received,
            value=value,
            threshold=threshold,
            unit=unit,
            late=bool(t.late),
            evidence=evidence,
        )


def transitions_of(ints: Sequence[Sequence[int]], floats: Sequence[Sequence[float]]) -> list[Transition]:
    """The rows of an `Out` as transitions."""
    return [Transition(*a, *b) for a, b in zip(ints, floats, strict=True)]
