"""What a message comes to, written shortly: device → values by name, and `+event` for an active one."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.decoding.registry import Profiles
from gateway.payloads import check_message

PROFILES = Profiles()


def said(topic: str, payload: Any) -> dict[str, dict[str, float]]:
    """Device → what comes in of it, without the events that are over: many maps report all of theirs each time."""
    found = verdict(topic, payload)
    return {
        d["device"]: {**d["values"], **{f"+{e['name']}": 1.0 for e in d["events"] if e["active"]}}
        for d in found.get("devices", (found,))
    }


def over(topic: str, payload: Any) -> set[str]:
    """The events that a message of one device says are over."""
    return {e["name"] for e in verdict(topic, payload)["events"] if not e["active"]}


def verdict(topic: str, payload: Any) -> dict[str, Any]:
    """As `mingluo payloads check` gives it; a payload that is neither text nor bytes is sent as JSON."""
    if isinstance(payload, str):
        payload = payload.encode()
    elif not isinstance(payload, bytes):
        payload = json.dumps(payload, ensure_ascii=False).encode()
    return check_message(PROFILES, topic.encode(), payload)


def listed(codes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same as a list of code and value."""
    return [{"code": code, "value": value} for code, value in codes.items()]
