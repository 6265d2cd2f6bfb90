"""What every rule says of itself: limits, order of steps, guidance, to which devices it applies."""

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from community.estate import DeviceKind, Ratings
from rules.expressions import Formula
from rules.kinds.definition import USUAL_RATINGS, Applies, LadderRule, Step, limit_of


class SomeRule(LadderRule):
    kind: Literal["some"] = "some"


class LowRule(SomeRule):
    @property
    def sign(self) -> int:
        return -1


def given(**changes: Any) -> dict[str, Any]:
    return {
        "id": "test.rule",
        "title": {"zh": "测试", "en": "Test"},
        "category": "deterioration",
        "standard": "none",
        "guidance": {"staff": {"zh": "看", "en": "Look"}},
        "steps": [step(100, 90)],
    } | changes


def step(limit: float | str, clear: float | str, severity: str = "warning", hold: float = 0) -> dict[str, Any]:
    return {"severity": severity, "limit": limit, "clear": clear, "hold": hold}


def refused(model: type[LadderRule] = SomeRule, **changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(given(**changes))
    return str(caught.value)


def test_a_limit_is_a_number_or_a_formula() -> None:
    rule = SomeRule.model_validate(given(steps=[step("1.10 * device.nominal_voltage", 120)]))
    (only,) = rule.steps
    assert only.limit == Formula("1.10 * device.nominal_voltage")
    assert [limit_of(only.limit, Ratings(nominal_voltage=v)) for v in (220, 230)] == [242.0, 253.0]
    assert limit_of(only.clear, Ratings()) == 120.0
    dumped = rule.model_dump(mode="json")
    assert dumped["steps"][0]["limit"] == "1.10 * device.nominal_voltage"
    assert (
        SomeRule.model_validate({**dumped, "steps": [step(dumped["steps"][0]["limit"], 120)]}).version == rule.version
    )


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"rating": "rated_current", "factor": 1}, "expected a number, or a formula in quotes"),
        (True, "expected a number, or a formula in quotes"),
        (float("nan"), "expected a finite number"),
        ("0.5 * device.rated_curent", "column 7: 'device.rated_curent' is not a rating; did you mean"),
    ],
)
def test_anything_else_is_no_limit(limit: Any, message: str) -> None:
    told = refused(steps=[step(limit, 0)])
    assert message in told
    assert "steps.0.limit\n" in told


def test_the_clear_level_lies_on_the_safe_side_for_all_usual_ratings() -> None:
    # Right at 230 V, wrong at 120 V.
    assert "(for 120 V, 16 A, 10 mA)" in refused(steps=[step("1.1 * device.nominal_voltage", 240)])
    assert "the clear level lies above the limit" in refused(steps=[step(100, 101)])
    assert "the clear level lies below the limit" in refused(LowRule, steps=[step(100, 99)])
    LowRule.model_validate(given(steps=[step(100, 100)]))


def test_only_ratings_to_which_the_rule_applies_are_asked() -> None:
    steps = [step("100 - device.rated_residual / 10", 75)]
    assert "300 mA" in refused(steps=steps)
    SomeRule.model_validate(given(steps=steps, applies={"at_most": {"rated_residual": 100}}))


def test_steps_worsen_and_each_says_something() -> None:
    assert "mildest severity" in refused(steps=[step(100, 90, "alarm"), step(110, 90, "warning")])
    assert "step 2: reached before step 1" in refused(steps=[step(100, 80, hold=10), step(90, 80, "alarm", hold=10)])
    SomeRule.model_validate(given(steps=[step(100, 80, hold=10), step(90, 80, "alarm", hold=60)]))


def test_somebody_must_be_told_what_to_do() -> None:
    text = {"zh": "看", "en": "Look"}
    assert "expected guidance for resident or staff" in refused(guidance={"responder": text})
    rule = SomeRule.model_validate(given(guidance={"resident": text, "responder": text}))
    assert rule.guidance.staff is None


def test_modes() -> None:
    assert SomeRule.model_validate(given()).mode == "live"
    assert SomeRule.model_validate(given(mode="shadow")).version != SomeRule.model_validate(given()).version
    assert "'live', 'shadow' or 'probe'" in refused(mode="dry")


def test_to_whom_a_rule_applies() -> None:
    protector, smoke, ratings = DeviceKind.ELECTRICAL_PROTECTOR, DeviceKind.SMOKE, Ratings(rated_residual=100)
    assert Applies().to(smoke, ratings)
    assert not Applies(kinds=(protector,)).to(smoke, ratings)
    assert Applies(at_most={"rated_residual": 100}).to(smoke, ratings)
    assert not Applies(at_most={"rated_residual": 99}).to(smoke, ratings)
    alone = Applies(flags=("lives_alone", "activity_consent"))
    assert alone.to(smoke, ratings, frozenset({"lives_alone", "activity_consent", "needs_help"}))
    assert not alone.to(smoke, ratings, frozenset({"lives_alone"}))
    assert not alone.to(smoke, ratings)
    assert [*Applies(at_most={"nominal_voltage": 120}).usual_ratings()] == [*USUAL_RATINGS[:3]]


def test_what_one_reading_proves() -> None:
    assert Step.model_validate(step(1, 0)).proven_by_one
    assert not Step.model_validate(step(1, 0, hold=1)).proven_by_one
    assert Step.model_validate(step(1, 0, "critical", hold=30)).proven_by_one
