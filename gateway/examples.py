"""Running the examples of a profile: what they say must come out is what comes out."""

from collections.abc import Iterator
from typing import Any

from gateway.decoding.definition import Example
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.payloads import Check

_DIGITS = 9
"""Digits to which values are compared: a scaled one has the noise of binary fractions."""


def run_examples(profiles: Profiles, name: str) -> Iterator[tuple[Example, list[str]]]:
    """Each example of a profile, and in what it fails.

    Args:
        profiles: those in which the profile is; what codecs remember from one example is forgotten for the next.
        name: of the profile.
    """
    profile = profiles[name]
    if isinstance(profile, DataProfile):
        for example in profile.file.example:
            profiles.forget()
            yield example, failures(Check(profiles, name), example)


def failures(check: Check, example: Example) -> list[str]:
    """What differs from what an example says, in words."""
    payload = example.payload or ""
    try:
        data = bytes.fromhex(example.payload_hex) if example.payload_hex is not None else payload.encode()
    except ValueError:
        return ["payload_hex: expected hex digits"]
    result = check.message(example.topic.encode(), data)
    found = [_differs("outcome", example.outcome, result["outcome"])]
    if example.reason is not None and example.reason not in (result["reason"] or ""):
        found.append(_differs("reason", example.reason, result["detail"]))
    said = result.get("devices") or [{key: result[key] for key in ("device", "values", "events")}]
    wanted = [d.model_dump() for d in example.devices] or [example.model_dump(include={"device", "values", "events"})]
    if example.outcome in ("accepted", "event"):
        found.append(_differs("devices", *(sorted(map(_plain, side), key=str) for side in (wanted, said))))
    return [text for text in found if text]


def _plain(device: dict[str, Any]) -> tuple[str, dict[str, float], list[tuple[str, bool]]]:
    values = {name: float(f"{value:.{_DIGITS}g}") for name, value in sorted(device["values"].items())}
    return device["device"], values, sorted((e["name"], e["active"]) for e in device["events"])


def _differs(what: str, wanted: object, found: object) -> str:
    return "" if wanted == found else f"{what}: expected {wanted}, got {found}"
