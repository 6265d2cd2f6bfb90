"""The mutator itself: every mutant is another program, and only kernels are changed."""

import ast
from pathlib import Path

from tests.mutation.figures import BEGIN, END, PAGE, equivalents, kept, page
from tests.mutation.modules import MODULES
from tests.mutation.mutants import mutants_of, mutated

KINDS = Path(__file__).parent.parent.parent / "rules" / "kinds"

SMALL = '''
@compiled
def kernel(x, n):
    """Says 1 + 1."""
    if x < n and n > 0:
        n += 1
    return min(x, -n)


def twin(x):
    return x + 1
'''


def changes(source: str) -> set[tuple[str, str]]:
    return {(m.before, m.after) for m in mutants_of(source)}


def test_each_way_of_being_wrong_is_tried() -> None:
    assert changes(SMALL) == {
        ("x < n and n > 0", "x < n or n > 0"),
        ("x < n and n > 0", "n > 0"),
        ("x < n and n > 0", "x < n"),
        ("x < n", "x <= n"),
        ("x < n", "x > n"),
        ("n > 0", "n >= 0"),
        ("n > 0", "n < 0"),
        ("0", "1"),
        ("0", "-1"),
        ("n += 1", "n -= 1"),
        ("n += 1", "pass"),
        ("1", "2"),
        ("1", "0"),
        ("min(x, -n)", "max(x, -n)"),
        ("-n", "n"),
    }


def test_what_is_no_kernel_is_left_alone() -> None:
    twin = ast.dump(ast.parse(SMALL).body[1])
    assert {ast.dump(ast.parse(mutated(SMALL, m)).body[1]) for m in mutants_of(SMALL)} == {twin}


def test_mutants_differ_from_their_module_and_from_each_other() -> None:
    found = mutants_of(SMALL)
    assert len({mutated(SMALL, m) for m in found} | {ast.unparse(ast.parse(SMALL))}) == len(found) + 1
    assert len({m.key for m in found}) == len(found)


def test_every_module_with_kernels_has_tests_named() -> None:
    assert {p.stem for p in KINDS.glob("*.py") if mutants_of(p.read_text())} == set(MODULES)


def test_the_page_shows_the_figures_that_are_kept() -> None:
    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == page(kept(), equivalents())
