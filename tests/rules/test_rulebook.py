"""Reading a rulebook: every fault is told, with its place; versions follow the content."""

import pytest

from rules.rulebook import RulebookErrors, load_rulebook, standard_rulebook

GOOD = """
[[rule]]
id = "test.voltage"
title = { zh = "测试", en = "Test" }
category = "deterioration"
kind = "threshold"
standard = "none"
guidance = { zh = "看", en = "Look" }
signals = ["voltage"]
steps = [{ severity = "warning", limit = 250, hold = 5, clear = 245 }]
"""


def faults(text: str) -> list[str]:
    with pytest.raises(RulebookErrors) as caught:
        load_rulebook(text, "rules.toml")
    return [str(e) for e in caught.value.errors]


def test_a_good_rulebook_is_read() -> None:
    book = load_rulebook(GOOD, "rules.toml")
    assert [r.id for r in book.rules] == ["test.voltage"]
    (described,) = book.describe()
    assert described["title"] == {"zh": "测试", "en": "Test"}
    assert described["version"] == book.rules[0].version


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('kind = "threshold"', 'kind = "treshold"'), "did you mean threshold?"),
        (('signals = ["voltage"]', 'signals = ["voltag"]'), "did you mean voltage?"),
        (("signals = ", "signal = "), "unknown key; did you mean signals?"),
        (('"warning"', '"warnign"'), "expected one of warning, alarm, critical"),
        (("limit = 250", "limit = nan"), "finite number"),
        (("limit = 250", 'limit = { rating = "rated_curent", factor = 1 }'), "'rated_current'"),
        (("hold = 5", "hold = -5"), "greater than or equal to 0"),
        (("clear = 245", "clear = 255"), "clear level lies above the limit"),
        ((', en = "Test"', ""), "title.en: Field required"),
        (('id = "test.voltage"', 'id = "Voltage"'), "should match pattern"),
        (("[[rule]]", "[[rules]]"), "did you mean rule?"),
        (("limit = 250", "limit = "), "not TOML"),
        (('category = "deterioration"', 'category = "death"'), "'life'"),
    ],
)
def test_a_fault_is_told_with_what_was_expected(change: tuple[str, str], expected: str) -> None:
    told = faults(GOOD.replace(*change))
    assert any(expected in f for f in told), told
    assert all(f.startswith("rules.toml:") for f in told)


def test_all_faults_are_told_at_once_with_their_lines() -> None:
    second = GOOD.replace("limit = 250", 'limit = "high"').replace("test.voltage", "test.other")
    third = GOOD.replace('"deterioration"', '"nothing"').replace("test.voltage", "test.third")
    told = faults(GOOD + second + third + GOOD)
    assert [f.split(": ")[:2] for f in told] == [
        ["rules.toml:20", "rule test.other.steps.1.limit"],
        ["rules.toml:25", "rule test.third.category"],
        ["rules.toml:32", "rule test.voltage.id"],
    ]


def test_steps_must_worsen() -> None:
    steps = (
        'steps = [{ severity = "alarm", limit = 260, clear = 250 }, { severity = "warning", limit = 250, clear = 245 }]'
    )
    old = 'steps = [{ severity = "warning", limit = 250, hold = 5, clear = 245 }]'
    assert "mildest severity to the worst" in faults(GOOD.replace(old, steps))[0]


def test_no_rule_may_raise_on_a_test_button() -> None:
    flag = GOOD.replace('"threshold"', '"flag"').replace('signals = ["voltage"]', 'event = "test"\nseverity = "alarm"')
    assert any("may raise an alert" in f for f in faults(flag))


def test_versions_follow_the_content() -> None:
    book = load_rulebook(GOOD, "rules.toml")
    assert load_rulebook(GOOD + "\n# a comment\n", "other.toml").version == book.version
    changed = load_rulebook(GOOD.replace("250", "251"), "rules.toml")
    assert changed.version != book.version
    assert changed.rules[0].version != book.rules[0].version


def test_the_standard_pack_is_one_book() -> None:
    book = standard_rulebook()
    assert len({r.id for r in book.rules}) == len(book.rules) >= 30
    assert all(r.standard and r.guidance.zh and r.guidance.en for r in book.rules)
