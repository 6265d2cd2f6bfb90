"""Recordings that did not come over MQTT, as `mingluo payloads check` reads them."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.decoding.registry import Profiles
from gateway.payloads import check_lines
from gateway.recorded import as_received

PROFILES = Profiles()
RECORDINGS = Path(__file__).parents[3] / "shared/data/payloads/gb26875.jsonl"
(SMOKE, *_) = (e.payload_hex or "" for e in PROFILES["gb26875"].file.example if e.events)  # type: ignore[attr-defined]  # read from a file
STATE = "0102010204020400090207150d030501050009020715"
"""Application unit: states of two systems, of which none burns."""


def check(*lines: object, profile: str | None = "gb26875") -> list[dict[str, Any]]:
    """Verdicts on lines given as objects."""
    return list(check_lines((json.dumps(line).encode() for line in lines), profile, profiles=PROFILES))


@pytest.mark.parametrize("profile", ["gb26875", None])
@pytest.mark.parametrize(
    "line",
    [
        {"topic": "tcp", "payload_hex": SMOKE},
        {"topic": "tcp", "payload": SMOKE},
        {"topic": "tcp", "payload": {"hex": SMOKE, "kind": "frame", "source": "a recorder"}},
    ],
)
def test_a_frame_is_read_whatever_the_recording_calls_its_topic(line: object, profile: str | None) -> None:
    (same,) = check({"topic": "gb26875/7001", "payload_hex": SMOKE})
    assert same["events"] or same["devices"]
    assert check(line, profile=profile) == [same]


def test_a_frame_with_a_wrong_checksum_is_refused() -> None:
    wrong = SMOKE[:-6] + f"{int(SMOKE[-6:-4], 16) ^ 1:02X}" + SMOKE[-4:]
    (line,) = check({"topic": "tcp", "payload": {"hex": wrong, "kind": "frame"}})
    assert (line["outcome"], line["reason"]) == ("quarantined", "schema")
    assert "checksum" in line["detail"]


def test_a_unit_without_its_frame_is_read_as_of_nobody() -> None:
    (line,) = check({"topic": "tcp", "payload": {"hex": STATE, "kind": "app-data unit"}})
    assert line["outcome"] == "event"
    assert [device["device"] for device in line["devices"]] == ["0/1-2", "0/13-3"]
    alarms = [event for device in line["devices"] for event in device["events"] if event["name"] == "fire_alarm"]
    assert [event["active"] for event in alarms] == [False, False]


@pytest.mark.parametrize(
    "payload", [{"hex": "0z"}, {"hex": 5}, [], "@@", {"hex": "40" * 3_000, "kind": "app-data unit"}]
)
def test_what_is_no_recording_is_refused_and_named(payload: object) -> None:
    (line,) = check({"topic": "tcp", "payload": payload})
    assert (line["outcome"], line["profile"], line["reason"]) == ("quarantined", "gb26875", "schema")


def test_profiles_that_are_spoken_over_mqtt_keep_topic_and_payload() -> None:
    payload = json.dumps({"hex": SMOKE}).encode()
    for name, profile in PROFILES.items():
        if name != "gb26875":
            assert as_received(profile, b"tcp", payload) == (b"tcp", payload)
    assert as_received(PROFILES["gb26875"], b"gb26875/5", payload) == (b"gb26875/5", payload)


@pytest.mark.skipif(not RECORDINGS.is_file(), reason="the recordings are kept beside the project, not in it")
@pytest.mark.parametrize("profile", ["gb26875", None])
def test_what_others_recorded_comes_out_as_its_labels_say(profile: str | None) -> None:
    texts = RECORDINGS.read_bytes().splitlines()
    said = list(check_lines(texts, profile, profiles=PROFILES))
    for text, line in zip(texts, said, strict=True):
        payload = json.loads(text)["payload"]
        assert line["profile"] == "gb26875"
        if payload["kind"] == "frame":  # half of one, and one of a wrong length
            assert line["outcome"] == "quarantined", line
        else:
            found = [line, *line.get("devices", ())]
            assert not any(e["active"] for d in found for e in d["events"] if e["name"].endswith("_alarm")), line
    assert {line["outcome"] for line in said} == {"event", "quarantined", "ignored"}
