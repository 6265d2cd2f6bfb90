"""Every shipped profile does what its own examples say, and its page shows."""

from typing import Any

import pytest

from gateway.decoding.definition import Example
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.payloads import Check

PROFILES = Profiles()
SHIPPED = [p for p in PROFILES.values() if isinstance(p, DataProfile)]
EXAMPLES = [
    pytest.param(profile, example, id=f"{profile.name}-{number}")
    for profile in SHIPPED
    for number, example in enumerate(profile.file.example, 1)
]


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda p: p.name)
def test_a_profile_shows_what_comes_in_and_what_does_not(profile: DataProfile) -> None:
    outcomes = {e.outcome for e in profile.file.example}
    assert "quarantined" in outcomes
    assert outcomes & {"accepted", "event"}
    assert len(profile.file.about) > 400


@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
def test_what_the_example_says_comes_out(profile: DataProfile, example: Example) -> None:
    payload = (
        bytes.fromhex(example.payload_hex) if example.payload_hex is not None else (example.payload or "").encode()
    )
    # A profile of its own for each: examples are not a conversation.
    result = Check(Profiles(), profile.name).message(example.topic.encode(), payload)
    assert result["outcome"] == example.outcome, result
    if example.reason is not None:
        assert example.reason in (result["reason"] or "")
    if example.devices:
        found = {d["device"]: (_rounded(d["values"]), _events(d["events"])) for d in result["devices"]}
        assert found == {
            d.device: (_rounded(d.values), sorted((e.name, e.active) for e in d.events)) for d in example.devices
        }
    elif example.outcome in ("accepted", "event"):
        assert result["device"] == example.device
        assert _rounded(result["values"]) == _rounded(example.values)
        assert _events(result["events"]) == sorted((e.name, e.active) for e in example.events)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    # A scaled value has the noise of binary fractions.
    return {name: float(f"{value:.9g}") for name, value in values.items()}


def _events(events: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return sorted((e["name"], e["active"]) for e in events)
