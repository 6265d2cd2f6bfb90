"""Mutants of compiled functions: one small change each, of the kinds that people make by mistake.

Only the bodies of functions decorated with `@compiled` or `@inner` are changed: the kernels. What the rest of a
module does (definitions, twins) is Python that other tests see through quickly.
"""

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

KERNEL_DECORATORS = frozenset({"compiled", "inner"})

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt,),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_TWINS = {"min": "max", "max": "min"}
_DROPPED = (ast.Assign, ast.AugAssign, ast.Expr, ast.Continue, ast.Break)


class Mutant(NamedTuple):
    """One change to one module.

    Attributes:
        key: stable name, as long as the changed statement and its function keep their text.
        function: the kernel that is changed.
        line: of the change.
        before, after: the changed part, as Python writes it.
    """

    key: str
    function: str
    line: int
    before: str
    after: str


def mutants_of(source: str) -> list[Mutant]:
    """All mutants of a module's kernels, in the order of its text; each differs from the module in one place."""
    return list(_mutated_in_turn(ast.parse(source)))


def mutated(source: str, mutant: Mutant) -> str:
    """The module with this change.

    Raises:
        KeyError: it has no such mutant.
    """
    tree = ast.parse(source)
    for other in _mutated_in_turn(tree):
        if other.key == mutant.key:
            return ast.unparse(tree)
    raise KeyError(mutant.key)


def _mutated_in_turn(tree: ast.Module) -> Iterator[Mutant]:
    """Each mutant; while it is looked at, the tree is the mutated one."""
    seen = Counter[str]()
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or not _is_kernel(function):
            continue
        for holder, field, at in _statements(function):
            whole = _text(getattr(holder, field)[at])
            for line, before, after in _changes(holder, field, at):
                described = f"{function.name}\n{whole}\n{before}\n{after}"
                seen[described] += 1
                digest = hashlib.sha256(f"{described}\n{seen[described]}".encode()).hexdigest()
                yield Mutant(digest[:8], function.name, line, before, after)


def _is_kernel(function: ast.FunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id in KERNEL_DECORATORS for d in function.decorator_list)


def _statements(holder: ast.AST) -> Iterator[tuple[ast.AST, str, int]]:
    """(holder, field, position) of each statement within, in the order of the text; without the docstring."""
    for field in ("body", "orelse"):
        for at, statement in enumerate(getattr(holder, field, ())):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            yield holder, field, at
            yield from _statements(statement)


def _changes(holder: ast.AST, field: str, at: int) -> Iterator[tuple[int, str, str]]:
    """Make each change of a statement in turn, describe it while it stands, and take it back."""
    block = getattr(holder, field)
    statement: ast.stmt = block[at]
    for parent, name, index, node in list(_expressions(statement)):
        for mutated in _replacements(node):
            _put(parent, name, index, mutated)
            yield node.lineno, _text(node), _text(mutated)
        _put(parent, name, index, node)
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _OPERATORS:
        mutated_statement = copy.copy(statement)
        mutated_statement.op = _OPERATORS[type(statement.op)]()
        block[at] = mutated_statement
        yield statement.lineno, _text(statement), _text(mutated_statement)
    if isinstance(statement, _DROPPED):
        block[at] = ast.copy_location(ast.Pass(), statement)
        yield statement.lineno, _text(statement), "pass"
    block[at] = statement


def _expressions(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    """(parent, field, position in it, expression) of all expressions in a statement, but not in those it holds."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.expr):
                yield node, field, index, child
                yield from _expressions(child)


def _replacements(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in _COMPARISONS.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [op()], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for left_out in range(len(node.values)):
            rest = [v for k, v in enumerate(node.values) if k != left_out]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TWINS:
        yield ast.Call(ast.Name(_TWINS[node.func.id]), node.args, node.keywords)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)


def _put(parent: ast.AST, field: str, index: int | None, node: ast.expr) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _text(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0]
