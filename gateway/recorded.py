"""Recorded messages that did not come over MQTT, as whoever serves their transport hands them to the gateway."""

from typing import Any

import msgspec

from gateway.decoding.profile import Profile
from gateway.decoding.reader import DataProfile
from gateway.gb26875.frame import MAX_UNIT, Command, Frame, encode

TCP = b"tcp"
"""Topic of a recording that came over TCP."""

OVER_TCP = "gb26875"
"""The profile that is spoken there."""

UNIT = "app-data unit"
"""`kind` of a recording that has an application data unit without its frame."""

_VERSION = b"\x01\x00"


def as_received(profile: Profile, topic: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """Topic and payload under which the gateway would have read a recorded message.

    Of a profile of GB/T 26875.3 the payload is what came over TCP: bytes, hex digits, or a JSON object `{"hex",
    "kind"?}`. A unit without its frame (`kind` is `UNIT`) is read as if transmitter 0 had sent it. Everything else is
    as it was.
    """
    if not isinstance(profile, DataProfile) or profile.claims(topic):
        return topic, payload
    route = next((t for t in profile.file.topic if t.format == "gb26875"), None)
    if route is None:
        return topic, payload
    recorded = _recorded(payload)
    if recorded is not None:
        payload = bytes.fromhex(recorded["hex"])
        if recorded.get("kind") == UNIT and len(payload) <= MAX_UNIT:
            payload = encode(Frame(0, _VERSION, bytes(6), 0, 0, Command.DATA, payload))
    return route.match.format_map(_Nobody()).encode(), payload


class _Nobody(dict[str, str]):
    def __missing__(self, capture: str) -> str:
        return "0"


def _recorded(payload: bytes) -> dict[str, Any] | None:
    """The object of a recording; None if the payload is none, and is the message itself."""
    try:
        data = msgspec.json.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("hex"), str):
        return None
    try:
        bytes.fromhex(data["hex"])
    except ValueError:
        return None
    return data
