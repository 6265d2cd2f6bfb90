"""What a profile reads only under a condition, what a topic says by itself, and marks and signs in packed values."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.loader import ProfileErrors, read_profile
from gateway.decoding.profile import Decoded
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import new_codecs

PROFILE = """
title = "A profile for tests"
about = "It reads what these tests need."

[[topic]]
match = "t/{device}"
fields = ["presence", "values"]
parts = ["channel"]
when = { values = { differs = { online = false } }, channel = { equals = { online = [true, "yes"] } } }

[[topic]]
match = "e/{device}/{event}"
gives = { "{event}" = "data.active" }

[[topic]]
match = "g/{device}"
base = "body"
gives = { fire_alarm = 1, breaker_closed = 0 }
when = { gives = { lacks = ["drill"] } }

[fields.presence]
online = { signal = "online", values = { true = 1, false = 0, yes = 1, "*" = "ignore" } }

[fields.values]
v = [
  { signal = "voltage", when = { differs = { kind = ["battery", 7] } } },
  { signal = "battery_voltage", when = { equals = { kind = ["battery", 7] } } },
]
p = [
  { packed = { encoding = "base64", length = 4, head = "02Ff", parts = [
    { at = 2, size = 1, signal = "active_power", sign = { at = 3, bit = 1 } },
  ] } },
  { packed = { encoding = "base64", length = 1, parts = [{ at = 0, size = 1, signal = "current" }] } },
]

[parts.channel]
each = "c.{n}"
device = "{device}/{n}"
fields = ["channel"]

[fields.channel]
co = { signal = "co" }
"""


def _profile(text: str = PROFILE) -> DataProfile:
    return DataProfile("test", read_profile(text, "test.toml"), new_codecs())


def _decode(topic: str, body: Any) -> Decoded:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return _profile().decode(topic.encode(), payload, 0)


def _values(topic: str, body: Any) -> dict[str, Any]:
    decoded = _decode(topic, body)
    assert not decoded.faults
    return {} if not decoded.measurements else dict(decoded.measurements[0].values)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ({"v": 230}, {"voltage": 230}),
        ({"v": 230, "kind": "mains"}, {"voltage": 230}),
        ({"v": 3, "kind": "Battery"}, {"battery_voltage": 3}),
        ({"v": 3, "kind": 7.0}, {"battery_voltage": 3}),
        ({"v": 230, "online": True}, {"online": 1, "voltage": 230}),
        ({"v": 230, "online": None}, {"online": None, "voltage": 230}),
        ({"v": 230, "online": False}, {"online": 0}),
    ],
)
def test_a_set_of_fields_and_a_meaning_under_a_condition(body: dict[str, Any], values: dict[str, float]) -> None:
    assert _values("t/a", body) == values


@pytest.mark.parametrize(
    ("online", "devices"), [(True, ["a", "a/x"]), ("YES", ["a", "a/x"]), (False, ["a"]), (None, [])]
)
def test_a_part_under_a_condition(online: Any, devices: list[str]) -> None:
    measurements = _decode("t/a", {"online": online, "c": {"x": {"co": 4}}}).measurements
    assert [m.device for m in measurements] == devices


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ({"data": {}}, {"smoke_alarm": 1}),
        ({"data": {"active": 1}}, {"smoke_alarm": 1}),
        ({"data": {"active": False}}, {"smoke_alarm": 0}),
        ({"data": {"active": "0"}}, {"smoke_alarm": 0}),
        ({"data": {"active": ["?"]}}, {"smoke_alarm": 1}),
        ([], {"smoke_alarm": 1}),
        (b"", {"smoke_alarm": 1}),
    ],
)
def test_a_topic_that_names_its_event(body: Any, values: dict[str, float]) -> None:
    assert _values("e/a/smoke_alarm", body) == values


def test_a_topic_that_names_no_event_gives_nothing() -> None:
    assert _decode("e/a/party", {}) == Decoded([], [])
    assert _decode("e/a/voltage", {}) == Decoded([], [])


def test_what_the_topic_says_survives_a_payload_that_nobody_can_read() -> None:
    decoded = _decode("e/a/fire_alarm", b'{"data": ')
    assert [m.values for m in decoded.measurements] == [{"fire_alarm": 1}]
    assert [f.reason.value for f in decoded.faults] == ["not_json"]


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ({"body": {}}, {"fire_alarm": 1, "breaker_closed": 0}),
        ({}, {"fire_alarm": 1, "breaker_closed": 0}),
        ({"body": {"drill": 1}}, {}),
        ({"drill": 1}, {"fire_alarm": 1, "breaker_closed": 0}),
    ],
)
def test_a_condition_of_what_the_topic_says(body: Any, values: dict[str, float]) -> None:
    assert _values("g/a", body) == values


@given(st.binary(max_size=6))
def test_packed_values_are_read_by_their_length_and_mark_only(data: bytes) -> None:
    if len(data) == 4 and data[:2] == b"\x02\xff":
        expected = {"active_power": -data[2] if data[3] & 2 else data[2]}
    else:
        expected = {"current": data[0]} if len(data) == 1 else {}
    assert _values("t/a", {"p": base64.b64encode(data).decode()}) == expected


@pytest.mark.parametrize("sign", [0, 1, 2, 3, 255])
def test_a_sign_kept_elsewhere(sign: int) -> None:
    data = bytes((2, 255, 40, sign))
    assert _values("t/a", {"p": base64.b64encode(data).decode()}) == {"active_power": -40 if sign & 2 else 40}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("values = { differs", "valus = { differs", "'valus' is none of this topic's fields and parts"),
        ("{ differs = { online = false } }", "{ above = 3 }", "above and below are for a single field"),
        ('lacks = ["drill"]', 'lacks = ["dr..ill"]', "nothing between two dots"),
        ('differs = { kind = ["battery", 7] }', 'differs = { "k." = 7 }', "expected a dot"),
        ('"{event}" = "data.active"', '"{evnt}" = "data.active"', "nothing captures {evnt}"),
        ('"{event}" = "data.active"', '"{event}" = "data..active"', "nothing between two dots"),
        ("fire_alarm = 1, breaker", "voltage = 1, breaker", "there is no event or flag 'voltage'"),
        ("breaker_closed = 0 }", "breaker_closed = 2 }", "0"),
        ('head = "02Ff"', 'head = "02F"', "head"),
        ("bit = 1", "bit = 8", "7"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, error: str) -> None:
    assert PROFILE.count(old) == 1
    with pytest.raises(ProfileErrors) as refused:
        read_profile(PROFILE.replace(old, new), "test.toml")
    told = [e for e in refused.value.errors if error in str(e)]
    assert told
    assert told[0].line is not None
