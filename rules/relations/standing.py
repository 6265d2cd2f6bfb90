"""What plain rules say at present, as far as rules over rules must know it, and what of it is withheld.

Bounded by what holds: one entry for each device and rule above normal.
"""

from typing import Literal

import msgspec

from community.finding import Finding
from community.severity import Severity
from rules.relations.book import Book
from rules.relations.scope import Span

Key = tuple[str, str]
"""Device and rule; or rule over rules and scope."""

ToldAs = Literal["", "live", "shadow"]


class Standing(msgspec.Struct):
    """A plain rule that holds for a device.

    Attributes:
        severity: present.
        levels: for each severity from warning on: since when it has been reached; None where it is not.
        told_as: how its level was told; empty: not at all (a probe, or withheld).
        finding: the latest, kept only where a group may absorb it.
    """

    severity: Severity
    levels: list[Span | None]
    told_as: ToldAs = ""
    finding: Finding | None = None

    def turn(self, finding: Finding) -> None:
        """Take its next finding."""
        self.severity = finding.severity
        for n, span in enumerate(self.levels, 1):
            if n > finding.severity:
                self.levels[n - 1] = None
            elif span is None:
                self.levels[n - 1] = Span(finding.ts, None, finding.since, finding.value)


class Standings:
    """All of them, with those that groups may absorb by group.

    Attributes:
        of: by device and rule.
        withheld: those that wait or are absorbed → until when (receipt time, UTC ms) they wait for a group at most.
    """

    def __init__(self, book: Book) -> None:
        self.of: dict[Key, Standing] = {}
        self.withheld: dict[Key, int] = {}
        self._by_group: dict[Key, dict[Key, None]] = {}
        self._groups: dict[Key, tuple[Key, ...]] = {}
        self._book = book

    def take(self, finding: Finding) -> Standing:
        """Take a finding that holds."""
        key = finding.device, finding.rule
        standing = self.of.get(key)
        if standing is None:
            standing = self.of[key] = Standing(finding.severity, [None, None, None])
            self._enter(key)
        standing.turn(finding)
        standing.finding = finding if key in self._groups or key in self.withheld else None
        return standing

    def end(self, key: Key) -> Standing | None:
        """Forget what no longer holds; what it was, if it was known."""
        self.withheld.pop(key, None)
        for group in self._groups.pop(key, ()):
            members = self._by_group[group]
            members.pop(key)
            if not members:
                del self._by_group[group]
        return self.of.pop(key, None)

    def groups(self, key: Key) -> tuple[Key, ...]:
        """The (group rule, scope) pairs that may absorb what holds for this device and rule."""
        return self._groups.get(key, ())

    def absorbable(self, group: Key) -> list[Key]:
        """What a group may absorb of what holds now, in order of names."""
        return sorted(self._by_group.get(group, ()))

    def put(self, key: Key, standing: Standing) -> None:
        """Set an entry, as a snapshot has it."""
        self.of[key] = standing
        self._enter(key)

    def change(self, book: Book) -> None:
        """Go on with another book."""
        self._book = book
        self._by_group, self._groups = {}, {}
        for key in self.of:
            self._enter(key)
            if key not in self._groups and key not in self.withheld:
                self.of[key].finding = None

    def _enter(self, key: Key) -> None:
        groups = candidates(self._book, key)
        if groups:
            self._groups[key] = groups
            for group in groups:
                self._by_group.setdefault(group, {})[key] = None


def candidates(book: Book, key: Key) -> tuple[Key, ...]:
    """The groups, large enough to matter, that may absorb findings of this device and rule."""
    device, rule = key
    found = []
    for group in book.absorbers(rule):
        scope = book.scope_of(group, device)
        if scope is not None and len(book.members(group, scope)) >= group.least:
            found.append((group.id, scope))
    return tuple(found)
