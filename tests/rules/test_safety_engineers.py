"""The page for safety engineers runs: its rulebook is right, its tests pass, and it names every key there is."""

import re
from pathlib import Path

from rules.kinds.definition import RuleBase, Step
from rules.rulebook import load_rulebook
from rules.ruletest import load_tests, run_tests
from rules.ruletest.definition import Case, Expectation

PAGE = (Path(__file__).parents[2] / "docs" / "safety-engineers.md").read_text(encoding="utf-8")


def blocks(name: str) -> str:
    """The TOML blocks of the page that begin with the name of this file, as one text."""
    found = re.findall(rf"```toml\n(# {re.escape(name)}\n.*?)```", PAGE, re.DOTALL)
    assert found, name
    return "\n".join(found)


def test_its_rulebook_is_right_and_its_tests_pass() -> None:
    book = load_rulebook(blocks("rules.toml"), "rules.toml")
    assert len(book.overrides) == 3
    tests = load_tests(blocks("tests.toml"), "tests.toml", {"rules.toml": blocks("rules.toml")}.__getitem__)
    (outcome,) = run_tests(tests)
    assert outcome.passed, outcome.failures


def test_its_failure_is_the_real_one() -> None:
    changed = blocks("tests.toml").replace('between = ["15m", "20m"]', 'between = ["5m", "10m"]')
    tests = load_tests(changed, "tests.toml", {"rules.toml": blocks("rules.toml")}.__getitem__)
    (outcome,) = run_tests(tests)
    (failure,) = outcome.failures
    shown = "\n".join(f"    {line}" for line in failure.splitlines())
    assert f"tests.toml:{outcome.line}: {outcome.name}: FAILED\n{shown}\n" in PAGE


def test_every_key_is_named() -> None:
    for model in (RuleBase, Step, Expectation, Case):
        for name, field in model.model_fields.items():
            assert re.search(rf"[`{{ .\n]{field.alias or name}(`| =|\]\])", PAGE), name
