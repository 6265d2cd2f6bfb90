"""The standard pack does what its own tests say: `rules/packs/tests`."""

from importlib.resources import files
from pathlib import Path

import pytest

from rules.ruletest import load_tests, run_case

FOLDER = Path(str(files("rules.packs").joinpath("tests")))
TESTS = {p.name: load_tests(p.read_text(encoding="utf-8"), p.name, str) for p in sorted(FOLDER.glob("*.toml"))}
CASES = [(name, line, case) for name, tests in TESTS.items() for line, case in tests.cases]


@pytest.mark.parametrize(("file", "line", "case"), CASES, ids=[f"{f}:{line}" for f, line, _ in CASES])
def test_the_pack_passes(file: str, line: int, case: object) -> None:
    tests = TESTS[file]
    (given,) = (c for at, c in tests.cases if at == line)
    assert given is case
    told = run_case(given, tests.rulebook, tests.estate, file, line)
    assert told.passed, "\n".join(told.failures)
