"""Every shipped profile does what its own examples say, and its page shows."""

import pytest

from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.examples import failures, run_examples
from gateway.payloads import Check

PROFILES = Profiles()
SHIPPED = [p for p in PROFILES.values() if isinstance(p, DataProfile)]


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda p: p.name)
def test_a_profile_shows_what_comes_in_and_what_does_not(profile: DataProfile) -> None:
    outcomes = {e.outcome for e in profile.file.example}
    assert "quarantined" in outcomes
    assert outcomes & {"accepted", "event"}
    assert len(profile.file.about) > 400


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda p: p.name)
def test_what_the_examples_say_comes_out(profile: DataProfile) -> None:
    wrong = {example.note: texts for example, texts in run_examples(PROFILES, profile.name) if texts}
    assert wrong == {}


def test_an_example_that_says_another_thing_is_named() -> None:
    example = next(e for e in SHIPPED[0].file.example if e.outcome == "event")
    for changed in (
        example.model_copy(update={"outcome": "accepted"}),
        example.model_copy(update={"device": "somebody else"}),
        example.model_copy(update={"reason": "nothing of the kind"}),
        example.model_copy(update={"payload_hex": "xyz"}),
    ):
        assert failures(Check(PROFILES, SHIPPED[0].name), changed)
