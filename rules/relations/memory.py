"""The state of the rules over rules as plain data, and back."""

from typing import TYPE_CHECKING, Any

import msgspec

from rules.relations.scope import Scope, Span
from rules.relations.standing import Standing
from rules.relations.telling import Open

if TYPE_CHECKING:
    from rules.relations.relations import Relations


class _ScopeState(msgspec.Struct):
    rule: str
    scope: str
    newest: int
    spans: list[tuple[str, str, str, Span]]


class _State(msgspec.Struct):
    count: int
    standing: list[tuple[str, str, Standing]]
    withheld: list[tuple[str, str, int]]
    scopes: list[_ScopeState]
    open: list[tuple[str, str, Open]]


_encoder = msgspec.msgpack.Encoder(order="deterministic")


def state(relations: "Relations") -> msgspec.Raw:
    """See `Relations.state`."""
    return msgspec.Raw(
        _encoder.encode(
            _State(
                relations.withheld,
                [(*key, standing) for key, standing in sorted(relations.standings.of.items(), key=_key)],
                sorted((*key, until) for key, until in relations.standings.withheld.items()),
                [_ScopeState(*key, s.newest, list(s.all())) for key, s in sorted(relations.scopes.items(), key=_key)],
                [(*key, held) for key, held in sorted(relations.open.items(), key=_key)],
            )
        )
    )


def restore(relations: "Relations", state: Any) -> None:
    """See `Relations.restore`."""
    kept = msgspec.convert(state, _State)
    relations.withheld = kept.count
    for device, rule, standing in kept.standing:
        relations.standings.put((device, rule), standing)
    for device, rule, until in kept.withheld:
        relations.standings.withheld[device, rule] = until
        relations.expect(until, (device, rule), wait=True)
    for held in kept.scopes:
        key = held.rule, held.scope
        relations.scopes[key] = scope = Scope(relations.book.relations[held.rule], held.newest)
        for role, device, rule, span in held.spans:
            relations.expect(scope.put(role, device, rule, span), key)
    relations.open = {(rule, scope): held for rule, scope, held in kept.open}


def _key(item: tuple[tuple[str, str], Any]) -> tuple[str, str]:
    return item[0]
