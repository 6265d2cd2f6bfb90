"""The second storey of the engine: it takes the findings of plain rules, and says what is to be told.

Pure: the same findings and ticks in the same order give the same answers, whatever was restored in between. Memory is
bounded by what holds (one entry for each device and rule above normal, see `rules.relations.standing`), by what ended
less than the longest `within` ago (`rules.relations.scope`), and by the findings of its own rules that hold.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import msgspec

from community.estate import Device, Estate
from community.finding import Finding
from community.severity import Severity
from rules.relations import changes, memory
from rules.relations.book import Book, Rules
from rules.relations.definition import GroupRule, RelationRule
from rules.relations.judge import begins, holds
from rules.relations.scope import Scope
from rules.relations.standing import Key, Standings, candidates
from rules.relations.telling import Open, Why, raised, released, taken, turned, untold

_SCOPE, _WAIT = 0, 1
"""What a deadline is about."""


class Relations:
    """Combination and group rules over the devices of one partition.

    Attributes:
        withheld: how many findings ended while they were withheld or absorbed, so that nobody heard of them (or of
            their end, where a group had taken them over before).
    """

    def __init__(self, rulebook: Rules, estate: Estate, devices: Sequence[Device]) -> None:
        self.withheld = 0
        self.book = Book(rulebook, estate, devices)
        self.standings = Standings(self.book)
        self.scopes: dict[Key, Scope] = {}
        self.open: dict[Key, Open] = {}
        self._deadlines: list[tuple[int, int, Key]] = []  # some may no longer be true

    @property
    def next_deadline(self) -> int | None:
        """UTC ms; a tick before it brings nothing. None: no tick brings anything."""
        return self._deadlines[0][0] if self._deadlines else None

    def take(self, finding: Finding) -> list[Finding]:
        """Take a finding of a plain rule, of whatever mode.

        Returns:
            What is to be told now, in this order: the finding itself, unless it is a probe's or withheld; what rules
            over rules conclude.
        """
        key = finding.device, finding.rule
        told = self._late(finding) if finding.late else self._plain(finding)
        concluded = self._look(finding)  # may begin a group that absorbs it
        return told + self.release([key], finding.received_at) + concluded

    def tick(self, now: int) -> list[Finding]:
        """Judge what time alone brings, in the order of deadlines: windows that run out, raises that have waited."""
        told: list[Finding] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            time, what, key = heappop(self._deadlines)
            if what == _SCOPE:
                relation, scope = self.book.relations.get(key[0]), self.scopes.get(key)
                if relation is not None and scope is not None:
                    scope.expire(time)
                    told += self._expired(relation, key, now, time)
            elif self.standings.withheld.get(key) == time and not self.absorbed(key):
                told += self.tell_withheld(key)
        return told

    def change(self, rulebook: Rules, estate: Estate, devices: Sequence[Device], now: int) -> list[Finding]:
        """Go on with another rulebook or estate: keep what still holds, end what does not, begin what now does.

        Args:
            now: UTC ms.
        """
        return changes.change(self, Book(rulebook, estate, devices), now)

    def told(self, plain: dict[Key, Severity]) -> dict[Key, Severity]:
        """Every level above normal that was told to people, by (device id or group, rule id).

        Args:
            plain: levels of the plain rules.
        """
        standing = self.standings.of
        levels = {k: s for k, s in plain.items() if (known := standing.get(k)) is not None and known.told_as == "live"}
        for held in self.open.values():
            key = held.finding.device, held.finding.rule
            if standing[key].told_as == "live":
                levels[key] = held.finding.severity
        return levels

    def state(self) -> msgspec.Raw:
        """Everything, as msgpack. Equal histories give equal states."""
        return memory.state(self)

    def restore(self, state: Any) -> None:
        """Put a state, decoded, into fresh relations with the rulebook and estate of its moment.

        Raises:
            msgspec.ValidationError: it is none.
        """
        memory.restore(self, state)

    def absorbed(self, key: Key) -> bool:
        """Whether the finding of a group stands for this device and rule now."""
        return any(group in self.open for group in self.standings.groups(key))

    def tell_withheld(self, key: Key) -> list[Finding]:
        """Tell what was withheld, at its latest."""
        del self.standings.withheld[key]
        standing = self.standings.of[key]
        if standing.finding is None:
            return []
        standing.told_as = "live"
        standing.finding = untold(standing.finding)
        return [standing.finding]

    def expect(self, time: int | None, key: Key, *, wait: bool = False) -> None:
        """Note a deadline of a scope, or of what waits."""
        if time is not None:
            heappush(self._deadlines, (time, _WAIT if wait else _SCOPE, key))

    def forget_deadlines(self) -> None:
        """Before they are all noted anew."""
        self._deadlines = []

    def judge(
        self, relation: RelationRule, name: str, received: int, *, at: int | None = None, around: int | None = None
    ) -> list[Finding]:
        """Look at one scope.

        Args:
            received: receipt time of what gave occasion, UTC ms.
            at: event time of the occasion, where it is none of the signs.
            around: see `begins`.
        """
        key = relation.id, name
        scope, held = self.scopes.get(key), self.open.get(key)
        scope = Scope(relation, at or 0) if scope is None else scope
        members = len(self.book.members(relation, name))
        told: list[Finding] = []
        if held is None:
            verdict = begins(relation, scope, members, around)
            if verdict is not None:
                finding = raised(relation, name, verdict, self.book, at, received)
                self.open[key] = Open(finding, verdict.first)
                told = self._conclude(finding) + self._absorb(relation, key, finding)
        elif not holds(relation, scope, members, held.first):
            why = Why.FEW_LEFT if isinstance(relation, GroupRule) else Why.CONDITION_OVER
            told = self.close(key, why, scope.newest if at is None else at, received)
        if not scope:
            self.scopes.pop(key, None)
        return told

    def close(self, key: Key, why: Why, at: int, received: int) -> list[Finding]:
        """End a finding of a rule over rules, and tell what it stood for and still holds.

        Those are told at once, or where the rule has a `wait` when that has passed once more: where a supply comes
        back, the last homes tell of it some time after the first.
        """
        ended = turned(self.open.pop(key).finding, Severity.NORMAL, why, at, received)
        told = self._conclude(ended)
        rule = self.book.relations.get(key[0])
        until = received + (rule.wait_ms if isinstance(rule, GroupRule) else 0)
        for member in self.standings.absorbable(key):
            standing = self.standings.of[member]
            if standing.finding is None or not self._waited(member, received):
                continue
            standing.finding = released(standing.finding, ended)
            if until > received:
                self.standings.withheld[member] = until
                self.expect(until, member, wait=True)
            else:
                told += self.tell_withheld(member)
        return told

    def release(self, keys: Iterable[Key], now: int) -> list[Finding]:
        """Tell of these what is withheld, has waited long enough, and is absorbed by nobody."""
        return [f for key in keys if self._waited(key, now) for f in self.tell_withheld(key)]

    def _waited(self, key: Key, now: int) -> bool:
        until = self.standings.withheld.get(key)
        return until is not None and until <= now and not self.absorbed(key)

    def turn(self, key: Key, finding: Finding) -> list[Finding]:
        """Go on with a finding of a rule over rules at another severity."""
        self.open[key] = Open(finding, self.open[key].first)
        return self._conclude(finding)

    def _conclude(self, finding: Finding) -> list[Finding]:
        """What is told of a finding of a rule over rules: a wider group may absorb a group's like any other."""
        told = self._plain(finding)
        return told + self.release([(finding.device, finding.rule)], finding.received_at)

    def _plain(self, finding: Finding) -> list[Finding]:
        key = finding.device, finding.rule
        if finding.severity is Severity.NORMAL:
            self.withheld += key in self.standings.withheld
            before = self.standings.end(key)
            if before is None or not before.told_as:
                return []
            return [msgspec.structs.replace(finding, shadow=before.told_as == "shadow")]
        new = key not in self.standings.of
        standing = self.standings.take(finding)
        if new:
            mode = self.book.mode(finding.rule, finding.device)
            if mode == "live" and self.standings.groups(key):
                self._withhold(key, finding.received_at)
            elif mode != "probe":
                standing.told_as = mode
        if not standing.told_as:
            return []
        return [msgspec.structs.replace(finding, shadow=standing.told_as == "shadow")]

    def _withhold(self, key: Key, received: int) -> None:
        waits = (self.book.relations[group] for group, _ in self.standings.groups(key))
        until = received + max(rule.wait_ms for rule in waits if isinstance(rule, GroupRule))
        self.standings.withheld[key] = until
        self.expect(until, key, wait=True)

    def _late(self, finding: Finding) -> list[Finding]:
        """A late proof and its return come at once, so they never wait; absorbed they are, both."""
        mode = self.book.mode(finding.rule, finding.device)
        if mode == "live" and any(g in self.open for g in candidates(self.book, (finding.device, finding.rule))):
            self.withheld += finding.severity is not Severity.NORMAL
            return []
        return [] if mode == "probe" else [finding]

    def _look(self, finding: Finding) -> list[Finding]:
        """Let the rules over rules see a finding, and judge."""
        seen: dict[Key, tuple[RelationRule, int | None]] = {}
        for relation, role, at_least in self.book.watches(finding.rule):
            name = self.book.scope_of(relation, finding.device)
            if name is None:
                continue
            key = relation.id, name
            bad = finding.severity >= at_least
            if key not in self.scopes:
                if not bad:
                    continue
                self.scopes[key] = Scope(relation, finding.ts)
            self.expect(self.scopes[key].note(role, at_least, finding), key)
            around = finding.ts if bad else seen.get(key, (relation, None))[1]
            seen[key] = relation, around
        told: list[Finding] = []
        for key, (relation, around) in seen.items():
            self.scopes[key].expire(self.scopes[key].newest)
            if around is None:
                told += self._expired(relation, key, finding.received_at, None)
            else:
                told += self.judge(relation, key[1], finding.received_at, around=around)
        return told

    def _expired(self, relation: RelationRule, key: Key, received: int, at: int | None) -> list[Finding]:
        """Judge a scope in which nothing began: no group begins by that, and looking would take long."""
        if isinstance(relation, GroupRule) and key not in self.open:
            if not self.scopes[key]:
                del self.scopes[key]
            return []
        return self.judge(relation, key[1], received, at=at)

    def _absorb(self, relation: RelationRule, key: Key, group: Finding) -> list[Finding]:
        """End the findings of members that were told just before, because the group's stands for them now."""
        if not isinstance(relation, GroupRule) or group.shadow:
            return []
        told = []
        for member in self.standings.absorbable(key):
            standing = self.standings.of[member]
            level = standing.levels[0]
            recent = level is not None and level.began >= group.since - relation.within_ms
            if standing.told_as == "live" and standing.finding is not None and recent:
                told.append(taken(standing.finding, group))
                standing.told_as = ""
                self.standings.withheld[member] = group.received_at
        return told
