"""Every shipped profile does what its own examples say, and its page shows."""

import pytest

from gateway.decoding.definition import Example
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.payloads import check_message

PROFILES = Profiles()
SHIPPED = [p for p in PROFILES.values() if isinstance(p, DataProfile)]
EXAMPLES = [
    pytest.param(profile, example, id=f"{profile.name}-{number}")
    for profile in SHIPPED
    for number, example in enumerate(profile.file.example, 1)
]


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda p: p.name)
def test_a_profile_shows_a_reading_an_event_and_a_refusal(profile: DataProfile) -> None:
    assert {e.outcome for e in profile.file.example} >= {"accepted", "event", "quarantined"}
    assert len(profile.file.about) > 400


@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
def test_what_the_example_says_comes_out(profile: DataProfile, example: Example) -> None:
    payload = bytes.fromhex(example.payload_hex) if example.payload_hex is not None else (example.payload or "").encode()
    # A profile of its own for each: examples are not a conversation.
    result = check_message(Profiles(), example.topic.encode(), payload, profile=profile.name)
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
    return {name: pytest.approx(value, rel=1e-9, abs=1e-9) for name, value in values.items()}


def _events(events: list[dict[str, object]]) -> list[tuple[object, object]]:
    return sorted((e["name"], e["active"]) for e in events)  # type: ignore[type-var]  # names are texts
