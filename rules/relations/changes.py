"""Another rulebook or estate: what of the rules over rules goes on, what ends, and what begins."""

from typing import TYPE_CHECKING

from community.finding import Finding
from community.severity import Severity
from rules.relations.book import Book
from rules.relations.scope import Scope, Span
from rules.relations.standing import Key, Standing, ToldAs
from rules.relations.telling import Why, restated, turned

if TYPE_CHECKING:
    from rules.relations.relations import Relations


def change(relations: "Relations", book: Book, now: int) -> list[Finding]:
    """See `Relations.change`."""
    same_rules = relations.book.relations == book.relations
    old, relations.scopes = relations.scopes, {}
    relations.book = book
    relations.standings.change(book)
    relations.forget_deadlines()
    _seat(relations, old)
    told = _other_modes(relations, now)
    told += _open_ones(relations, Why.ESTATE_CHANGED if same_rules else Why.RULE_CHANGED, now)
    for rule, scope in sorted(relations.scopes):
        if (rule, scope) not in relations.open:
            told += relations.judge(book.relations[rule], scope, now, at=now)
    waiting = sorted(relations.standings.withheld)
    for key in waiting:
        relations.expect(relations.standings.withheld[key], key, wait=True)
    return told + relations.release(waiting, now)


def _seat(relations: "Relations", old: dict[Key, Scope]) -> None:
    """Put what holds, and what ended not long ago, into the scopes of the new book."""
    for (device, rule), standing in sorted(relations.standings.of.items(), key=lambda item: item[0]):
        for relation, role, at_least in relations.book.watches(rule):
            level = standing.levels[at_least - 1]
            name = relations.book.scope_of(relation, device)
            if level is not None and name is not None:
                _put(relations, (relation.id, name), role, device, rule, level, level.began)
    for (relation_id, name), scope in sorted(old.items(), key=lambda item: item[0]):
        for role, device, rule, span in scope.all():
            for relation, new_role, _ in relations.book.watches(rule):
                if span.ended is None or (relation.id, new_role) != (relation_id, role):
                    continue
                new_name = relations.book.scope_of(relation, device)
                if new_name is not None:
                    newest = scope.newest if new_name == name else span.ended
                    _put(relations, (relation.id, new_name), role, device, rule, span, newest)
        if (relation_id, name) in relations.scopes:
            here = relations.scopes[relation_id, name]
            here.newest = max(here.newest, scope.newest)


def _put(relations: "Relations", key: Key, role: str, device: str, rule: str, span: Span, newest: int) -> None:
    scope = relations.scopes.setdefault(key, Scope(relations.book.relations[key[0]], newest))
    scope.newest = max(scope.newest, newest)
    if rule not in scope.roles[role].spans.get(device, {}):
        copy = Span(span.began, span.ended, span.since, span.value)
        relations.expect(scope.put(role, device, rule, copy), key)


def _other_modes(relations: "Relations", now: int) -> list[Finding]:
    """End what is no longer told, or no longer told to people; tell what now is."""
    told: list[Finding] = []
    standings = relations.standings
    ours = {(held.finding.device, held.finding.rule) for held in relations.open.values()}
    for key, standing in sorted(standings.of.items(), key=lambda item: item[0]):
        device, rule = key
        if key in ours:
            continue  # see `_open_ones`
        mode = relations.book.mode(rule, device)
        want: ToldAs = "" if mode == "probe" else mode
        if key in standings.withheld:
            if want == "live":
                continue
            del standings.withheld[key]
            relations.withheld += 1
        if standing.told_as == want:
            continue
        if standing.told_as:
            told += _restated(relations, key, standing, standing.told_as, Severity.NORMAL, standing.severity, now)
        if want:
            told += _restated(relations, key, standing, want, standing.severity, Severity.NORMAL, now)
        standing.told_as = want
    return told


def _restated(
    relations: "Relations",
    key: Key,
    standing: Standing,
    told_as: ToldAs,
    severity: Severity,
    previous: Severity,
    now: int,
) -> list[Finding]:
    device, rule = relations.book.devices.get(key[0]), relations.book.base(key[1])
    level = standing.levels[0]
    if device is None or rule is None or level is None:
        return []
    community = relations.book.community(device.id)
    shadow = told_as == "shadow"
    return [
        restated(rule, device, community, severity, previous, since=level.since, value=level.value, shadow=shadow,
                 now=now)
    ]  # fmt: skip


def _open_ones(relations: "Relations", why: Why, now: int) -> list[Finding]:
    """Keep the findings of rules over rules that still hold, at the severity of now; end the others."""
    told: list[Finding] = []
    for key in sorted(relations.open):
        held = relations.open[key]
        rule = relations.book.relations.get(key[0])
        if rule is None:
            told += relations.close(key, Why.RULE_REMOVED, now, now)
            continue
        finding = held.finding
        same = (rule.mode == "shadow", rule.category) == (finding.shadow, finding.category)
        # A combination names a device: it must still be there, in this scope.
        named = relations.book.scope_of(rule, finding.device) if finding.household else key[1]
        if not same or named != key[1]:
            told += relations.close(key, why, now, now)
            continue
        told += relations.judge(rule, key[1], now, at=now)
        if key in relations.open and rule.severity is not finding.severity:
            turn = turned(finding, rule.severity, Why.RULE_CHANGED, now, now)
            told += relations.turn(key, turn)
    return told
