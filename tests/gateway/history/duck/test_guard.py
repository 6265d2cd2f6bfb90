"""Files are unlinked when the last question that may open them has ended, and not before."""

from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given

from gateway.history.duck.guard import Guard


def test_without_questions_a_file_goes_at_once() -> None:
    gone: list[Path] = []
    Guard(gone.append).retire([Path("a"), Path("b")])
    assert gone == [Path("a"), Path("b")]


@given(st.lists(st.one_of(st.just("ask"), st.just("retire"), st.integers(0, 5)), max_size=30))
def test_a_file_waits_for_those_who_began_before(steps: list[str | int]) -> None:
    gone: list[Path] = []
    guard = Guard(gone.append)
    running: list[tuple[ExitStack, set[Path]]] = []
    retired: list[Path] = []
    for step in steps:
        if step == "ask":
            stack = ExitStack()
            stack.enter_context(guard.reading())
            running.append((stack, set()))
        elif step == "retire":
            file = Path(str(len(retired)))
            retired.append(file)
            for _, may_open in running:
                may_open.add(file)
            guard.retire([file])
        elif running:
            stack, _ = running.pop(int(step) % len(running))
            stack.close()
        waiting = set().union(*(may_open for _, may_open in running))
        # A file may wait for an older question than those that can open it, never for none.
        assert waiting.isdisjoint(gone)
        assert running or set(gone) == set(retired)
        assert guard.waiting() == len(retired) - len(gone)
    for stack, _ in running:
        stack.close()
    assert sorted(gone) == sorted(retired)
