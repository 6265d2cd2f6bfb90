"""The page made from the pack tells every rule, every parameter and every source."""

from typing import Literal

import pytest

from rules.docs import described, rules_page
from rules.kinds.definition import LadderRule, Limit, Model, RuleBase
from rules.reading import MODELS
from rules.rulebook import Rulebook, load_rulebook, standard_rulebook

PAGE = rules_page(standard_rulebook())


class Inner(Model):
    """How it is meant."""

    by: Limit


class SomeRule(LadderRule):
    """Some rule, told
    in two lines.

    Attributes:
        one, two: shared text that goes on
            behind the line.
    """

    kind: Literal["some"] = "some"
    one: float = 86_400
    two: tuple[str, ...] = ()
    three: Inner | None = None


def test_docstrings_are_the_documentation() -> None:
    summary, fields = described(SomeRule)
    assert summary == "Some rule, told in two lines."
    assert fields["one"] == fields["two"] == "shared text that goes on behind the line."
    assert fields["three"] == "How it is meant."
    assert fields["mode"].startswith("`live`: people are told")


def test_a_rule_of_any_kind_is_told() -> None:
    text = {"zh": "中文", "en": "English"}
    rule = SomeRule.model_validate(
        {
            "id": "other.rule",
            "title": text,
            "category": "life",
            "standard": "EN 1",
            "guidance": {"responder": text, "staff": text},
            "mode": "probe",
            "one": 2.5,
            "two": ["a", "b"],
            "three": {"by": "2 * device.rated_current"},
            "applies": {"at_most": {"rated_residual": 100}, "flags": ["lives_alone"]},
            "steps": [{"severity": "alarm", "limit": "1.2 * device.nominal_voltage", "hold": 7, "clear": 3}],
        }
    )
    page = rules_page(Rulebook((rule,)))
    for line in (
        "## Other",
        "| [`other.rule`](#other-rule) | English | life | alarm | EN 1 |",
        "### `other.rule`: English · 中文",
        "Category `life`, kind [`some`](#kind-some). Source: EN 1. A probe: told to nobody, "
        "seen by combination and group rules only.",
        "For devices with IΔn up to 100 mA.",
        "In households with `lives_alone`.",
        "- `one`: 2.5",
        "- `two`: `a`, `b`",
        "- `three`: by 2 In",
        "| `alarm` | ≥ 1.2 Un | 7 s | 3 |",
        "- Duty room: English 中文",
        "- Who is sent: English 中文",
    ):
        assert f"\n{line}\n" in page, line


@pytest.mark.parametrize("rule", standard_rulebook().rules, ids=lambda r: r.id)
def test_every_rule_of_the_pack_is_there_with_its_source(rule: RuleBase) -> None:
    (section,) = [part for part in PAGE.split("\n### ") if part.startswith(f"`{rule.id}`: ")]
    assert rule.standard in section
    assert rule.clause in section
    for role in ("resident", "staff", "responder"):
        text = getattr(rule.guidance, role)
        assert text is None or (text.zh in section and text.en in section)


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_is_there_with_every_parameter(name: str) -> None:
    (section,) = [part for part in PAGE.split("\n### ") if part.startswith(f"`{name}`\n")]
    own = [field for field in MODELS[name].model_fields if field not in RuleBase.model_fields and field != "steps"]
    for field in own:
        (line,) = [row for row in section.splitlines() if row.startswith(f"| `{field}` |")]
        assert len(line.split(" | ")[2].strip(" |")) > 1, f"the docstring of {name} says nothing of {field}"


def test_a_formula_cannot_break_a_table() -> None:
    text = """
[[rule]]
id = "a.b"
title = { zh = "一", en = "A" }
category = "life"
kind = "threshold"
standard = "EN 1"
guidance.staff = { zh = "一", en = "A" }
value = "max(current_l1, current_l2) - min(current_l1, current_l2) * 2"
steps = [{ severity = "alarm", limit = "max(2, 0.5 * device.rated_current * device.rated_current)", clear = 1 }]
"""
    page = rules_page(load_rulebook(text, "a.toml"))
    assert "- `value`: `max(current_l1, current_l2) - min(current_l1, current_l2) * 2`\n" in page
    assert "| `alarm` | ≥ max(2, 0.5 In In) | 1 |\n" in page
