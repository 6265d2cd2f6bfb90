"""Conditions over named parts, e.g. `smoke and (co or heat)`."""

from dataclasses import dataclass, field

from rules.expressions.syntax import Expression, ExpressionError, Name, Node, Operation, names_of, only, parse, walk

_OPERATORS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Condition(Expression):
    """Whether parts that are true together make something true: names with `and`, `or`, `not` and brackets.

    Attributes:
        names: the parts it names, each once.

    Raises:
        ExpressionError: the text is not such a condition, or it is true when no part is.
    """

    names: tuple[str, ...] = field(init=False, compare=False)
    _node: Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        node = parse(self.text)
        only(node, _OPERATORS, "a condition")
        for inner in walk(node):
            if not isinstance(inner, Name | Operation):
                raise ExpressionError(inner.at, "expected the name of a part, got a number")
        object.__setattr__(self, "_node", node)
        object.__setattr__(self, "names", tuple(n.name for n in names_of(node)))
        if self.true(frozenset()):
            raise ExpressionError(0, "true although no part is")

    def true(self, parts: frozenset[str]) -> bool:
        """Whether the condition is met when exactly these parts are true."""
        return _true(self._node, parts)


def _true(node: Node, parts: frozenset[str]) -> bool:
    if not isinstance(node, Operation):
        return isinstance(node, Name) and node.name in parts
    operands = [_true(o, parts) for o in node.operands]
    if node.operator == "not":
        return not operands[0]
    return all(operands) if node.operator == "and" else any(operands)
