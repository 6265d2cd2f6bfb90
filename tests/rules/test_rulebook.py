"""Reading a rulebook: every fault is told, with its place; versions follow the content."""

import pytest

from community.quantities import QUANTITIES
from rules.kinds.threshold import ThresholdRule
from rules.reading import Source, read_rulebook
from rules.rulebook import RulebookErrors, load_rulebook, standard_rulebook, standard_text

GOOD = """
[[rule]]
id = "test.voltage"
title = { zh = "测试", en = "Test" }
category = "deterioration"
kind = "threshold"
standard = "none"
guidance.staff = { zh = "看", en = "Look" }
signals = ["voltage"]
steps = [{ severity = "warning", limit = 250, hold = 5, clear = 245 }]
"""

COMBINATION = """
[[rule]]
id = "test.together"
title = { zh = "合并", en = "Together" }
category = "life"
kind = "combination"
standard = "none"
guidance.staff = { zh = "看", en = "Look" }
scope = "household"
parts.one = { rules = ["test.*"] }
condition = "one"
within = 60
severity = "alarm"
"""


GROUP = """
[[rule]]
id = "test.group"
title = { zh = "群组", en = "Group" }
category = "deterioration"
kind = "group"
standard = "none"
guidance.staff = { zh = "看", en = "Look" }
over = "feeder"
rules = ["test.voltage"]
absorbs = ["test.*"]
least = 3
within = 60
severity = "alarm"
"""


def faults(text: str) -> list[str]:
    with pytest.raises(RulebookErrors) as caught:
        load_rulebook(text, "rules.toml")
    return [str(e) for e in caught.value.errors]


def test_a_good_rulebook_is_read() -> None:
    book = load_rulebook(GOOD, "rules.toml")
    assert [r.id for r in book.rules] == ["test.voltage"]
    assert load_rulebook("\ufeff" + GOOD, "rules.toml").version == book.version
    (described,) = book.describe()
    assert described["title"] == {"zh": "测试", "en": "Test"}
    assert described["guidance"] == {"staff": {"zh": "看", "en": "Look"}}
    assert described["version"] == book.rules[0].version


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('kind = "threshold"', 'kind = "treshold"'), "did you mean threshold?"),
        (('kind = "threshold"', "kind = 3"), "expected one of threshold, flag"),
        (('kind = "threshold"\n', ""), "rule test.voltage.kind: expected one of threshold, flag"),
        (('signals = ["voltage"]', 'signals = ["voltag"]'), "did you mean voltage?"),
        (("signals = ", "signal = "), "unknown key; did you mean signals?"),
        (('"warning"', '"warnign"'), "expected one of warning, alarm, critical"),
        (("limit = 250", "limit = nan"), "finite number"),
        (("limit = 250", "limit = { rating = 1 }"), "expected a number, or a formula in quotes"),
        (("limit = 250", 'limit = "1.1 * device.nominal_voltag"'), "column 7"),
        (("limit = 250", 'limit = "1.1 * device.nominal_voltage"'), "(for 120 V, 16 A, 10 mA)"),
        (("hold = 5", "hold = -5"), "greater than or equal to 0"),
        (("clear = 245", "clear = 255"), "clear level lies above the limit"),
        ((', en = "Look"', ""), "guidance.staff.en: Field required"),
        (("guidance.staff", "guidance.stuff"), "guidance.stuff: unknown key; did you mean staff?"),
        (("guidance.staff", "guidance.responder"), "expected guidance for resident or staff"),
        (('id = "test.voltage"', 'id = "Voltage"'), "should match pattern"),
        (("[[rule]]", "[[rules]]"), "did you mean rule?"),
        (("limit = 250", "limit = "), "not TOML"),
        (('category = "deterioration"', 'category = "deteriorating"'), "did you mean deterioration?"),
        (("signals = ", 'mode = "shado"\nsignals = '), "did you mean shadow?"),
        (("signals = ", 'applies.flags = ["lives_alon"]\nsignals = '), "did you mean lives_alone?"),
        (("[[rule]]", 'extends = "standart"\n[[rule]]'), "extends: expected one of standard; did you mean standard?"),
        (("[[rule]]", "override = 3\n[[rule]]"), "override: expected up to 10,000 [[override]] tables"),
        (("[[rule]]", "rule = 3\n[[rul]]"), "rule: expected up to 1,000 [[rule]] tables"),
    ],
)
def test_a_fault_is_told_with_what_was_expected(change: tuple[str, str], expected: str) -> None:
    told = faults(GOOD.replace(*change))
    assert any(expected in f for f in told), told
    assert all(f.startswith("rules.toml") for f in told)


def test_all_faults_are_told_at_once_with_their_lines() -> None:
    second = GOOD.replace("limit = 250", 'limit = "high"').replace("test.voltage", "test.other")
    third = GOOD.replace('"deterioration"', '"nothing"').replace("test.voltage", "test.third")
    override = '[[override]]\nrule = "test.voltage"\nplace = "village"\nhould = 3\n'
    told = faults(GOOD + second + third + GOOD + override)
    assert [f.split(": ")[:2] for f in told] == [
        ["rules.toml:20", "rule test.other.steps.1.limit"],
        ["rules.toml:25", "rule test.third.category"],
        ["rules.toml:33", "rule test.voltage.id"],
        ["rules.toml:44", "override test.voltage.hould"],
    ]


def test_an_empty_rulebook_is_none() -> None:
    assert faults("# nothing\n") == ["rules.toml: rule: expected 1 to 1000 [[rule]] tables"]
    assert "not TOML" in faults("a = " + "[" * 5_000)[0]


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


def test_rules_over_rules_name_what_is_there() -> None:
    load_rulebook(GOOD + COMBINATION, "rules.toml")
    (told,) = faults(GOOD + COMBINATION.replace("test.*", "test.voltag"))
    assert told.startswith("rules.toml:12: rule test.together: no rule is named 'test.voltag'")
    assert told.endswith("; did you mean test.voltage?")
    # Rules over rules are not among those that are meant.
    (told,) = faults(
        GOOD + COMBINATION + GROUP.replace('"test.voltage"', '"test.together"').replace("test.*", "test.voltage")
    )
    assert "no rule is named 'test.together'" in told
    # A rule that was refused is there, though it is wrong: one fault, not two.
    assert len(faults(GOOD.replace("250", '"x"') + COMBINATION.replace("test.*", "test.voltage"))) == 1


def test_no_group_absorbs_a_life_rule() -> None:
    load_rulebook(GOOD + GROUP, "rules.toml")
    (told,) = faults(GOOD.replace("deterioration", "life") + GROUP)
    assert (
        told == "rules.toml:21: rule test.group.absorbs: would absorb test.voltage, a life rule; each of those is told"
    )


def test_a_rulebook_may_extend_the_standard_one() -> None:
    own = 'extends = "standard"\n' + GOOD.replace("test.voltage", "base.voltage").replace("250", "251") + GOOD
    base = GOOD.replace("test.voltage", "base.voltage") + GOOD.replace("test.voltage", "base.other")
    book = load_rulebook(own, "rules.toml", base)
    assert [r.id for r in book.rules] == ["base.voltage", "base.other", "test.voltage"]
    assert isinstance(book.rules[0], ThresholdRule)
    assert book.rules[0].steps[0].limit == 251
    with pytest.raises(RulebookErrors) as caught:
        load_rulebook(own + GOOD.replace("test.voltage", "base.voltage"), "rules.toml", base)
    assert [str(e) for e in caught.value.errors] == ["rules.toml:24: rule base.voltage.id: another rule has this id"]
    with pytest.raises(RulebookErrors) as caught:
        load_rulebook(own, "rules.toml", base.replace("250", "240"))
    assert [(e.file, e.line) for e in caught.value.errors] == [("standard.toml", 2), ("standard.toml", 12)]


def test_files_of_one_rulebook_keep_their_lines() -> None:
    with pytest.raises(RulebookErrors) as caught:
        read_rulebook([Source("a.toml", GOOD), Source("b.toml", "\n" + GOOD)])
    assert [str(e) for e in caught.value.errors] == ["b.toml:4: rule test.voltage.id: another rule has this id"]


def test_a_formula_of_many_signals() -> None:
    assert "active_power" in QUANTITIES
    changed = GOOD.replace('signals = ["voltage"]', 'value = "abs(active_power) - voltage * current"')
    (rule,) = load_rulebook(changed, "rules.toml").rules
    assert isinstance(rule, ThresholdRule)
    assert str(rule.value) == "abs(active_power) - voltage * current"
    assert "column 1" in faults(changed.replace("abs(", "abc("))[0]


def test_the_standard_pack_is_one_book() -> None:
    book = standard_rulebook()
    assert len({r.id for r in book.rules}) == len(book.rules) >= 30
    assert load_rulebook(standard_text(), "standard.toml").version == book.version
    extended = load_rulebook('extends = "standard"\n' + GOOD, "own.toml")
    assert [r.id for r in extended.rules] == [*(r.id for r in book.rules), "test.voltage"]
