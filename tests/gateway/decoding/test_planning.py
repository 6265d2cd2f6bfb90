"""The compiled scan and the interpreter read the same: what the scan is sure of, the reader says too."""

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.quantities import SIGNALS
from gateway.columnar.packets import Packets
from gateway.columnar.plans import Plans
from gateway.columnar.scan import FAST, MISSING, SLOW, Scanned, scan
from gateway.decoding.loader import read_profile
from gateway.decoding.planning import plan_of
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles, new_codecs
from gateway.link.packets import Message

NOW = 1_772_612_400_000

Said = tuple[dict[str, float], int | None, int | None]
"""Values, time, running number."""


def quickly(profile: DataProfile, topic: bytes, payload: bytes) -> tuple[int, Said]:
    """What the scan makes of a message; `SLOW` if its topic has no plan."""
    number = profile.topic_number(topic)
    plan = None if number is None else plan_of(profile.file, profile.file.topic[number])
    if plan is None:
        return SLOW, ({}, None, None)
    packets = Packets.of([Message(topic, payload, 0, b"", len(payload), NOW)])
    plans = Plans.compile([plan])
    out = Scanned(1, plans.most)
    scan(packets.data, packets.index, np.zeros(1, np.int32), plans, out)
    values = {SIGNALS[out.column[i]]: float(out.value[i]) for i in range(out.count)}
    ts, seq = int(out.ts[0]), int(out.seq[0])
    return int(out.status[0]), (values, None if ts == MISSING else ts, None if seq < 0 else seq)


def exactly(profile: DataProfile, topic: bytes, payload: bytes) -> Said | None:
    """What the reader makes of it; None if it has a fault, or speaks of another device than the topic."""
    decoded = profile.decode(topic, payload, NOW)
    if decoded.faults or any(m.device != profile.device_of(topic) for m in decoded.measurements):
        return None
    if not decoded.measurements:
        return {}, None, None
    (measurement,) = decoded.measurements
    values = {name: value for name, value in measurement.values.items() if value is not None}
    return values, measurement.ts, measurement.seq


def agree(profile: DataProfile, topic: bytes, payload: bytes) -> int:
    """See that both say the same if the scan says anything; returns its status."""
    status, said = quickly(profile, topic, payload)
    if status != SLOW:
        expected = exactly(profile, topic, payload)
        assert expected is not None, payload
        assert said[0] == expected[0], payload
        if said[0]:
            assert status == FAST
            assert said[1:] == expected[1:], payload
    return status


PROFILES = [p for p in Profiles().values() if isinstance(p, DataProfile)]
MESSAGES = [
    (profile, example.topic.encode(), example.payload)
    for profile in PROFILES
    for example in profile.file.example
    if example.payload is not None and example.payload.startswith("{")
]
"""Objects that profiles give as examples."""


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_examples_are_read_alike(profile: DataProfile) -> None:
    for example in profile.file.example:
        payload = bytes.fromhex(example.payload_hex) if example.payload_hex else (example.payload or "").encode()
        agree(profile, example.topic.encode(), payload)


ODD: list[Any] = [
    None, True, False, 0, 1, -1, 230, 2.5, 1e12, -32768, 65535, 1772612400, 1772612400000, "", "on", "OFF", "+25",
    "1126.0", "x", "nan", "2026-03-04T18:20:00Z", "2026-03-04T18:20:00", [], [1], [1, 2, 3], ["overtemp"], {},
]  # fmt: skip
KEYS = [
    "errors",
    "flags",
    "battery",
    "fault",
    "mac",
    "TempUnit",
    "Temperature",
    "0",
    "DS18B20-1",
    "ATCa",
    "POWER2",
    "x",
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inside for place in [(value, key), *places(item)]]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_altered_examples_are_read_alike(data: st.DataObject) -> None:
    profile, topic, text = data.draw(st.sampled_from(MESSAGES))
    try:
        document = json.loads(text or "")
    except ValueError:
        document = {}
    for _ in range(data.draw(st.integers(0, 3))):
        known = places(document)
        container, key = data.draw(st.sampled_from(known)) if known else (document, "x")
        match data.draw(st.integers(0, 2)):
            case 0:
                container[key] = deepcopy(data.draw(st.sampled_from(ODD)))
            case 1 if isinstance(container, dict):
                container[data.draw(st.sampled_from(KEYS))] = deepcopy(data.draw(st.sampled_from(ODD)))
            case _ if isinstance(container, dict) and key in container:
                del container[key]
            case _:
                pass
    agree(profile, topic, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("name", "topic", "payload"),
    [
        ("tasmota", "tele/plug/SENSOR", '{"Time":"2026-03-04T18:20:00","ENERGY":{"Power":5,"Voltage":230,"Today":1}}'),
        ("tasmota", "tele/plug/SENSOR", '{"ENERGY":{"Power":[5,6,7],"Voltage":230,"Current":[1,2,3]}}'),
        (
            "shelly2",
            "plug-1/status/switch:0",
            '{"id":0,"output":true,"apower":1.5,"voltage":230,"temperature":{"tC":40}}',
        ),
    ],
)
def test_what_comes_most_is_read_by_the_scan(name: str, topic: str, payload: str) -> None:
    (profile,) = (p for p in PROFILES if p.name == name)
    assert agree(profile, topic.encode(), payload.encode()) == FAST


PROFILE = """
title = "T"
about = "T"
topic = [
  { match = "a/{device}", fields = ["own"], parts = ["relay", "fixed"] },
  { match = "b/{device}", fields = ["own"], gives = { fire_alarm = 1 } },
  { match = "c/{device}", fields = ["own"] },
  { match = "d/{device}", fields = ["listed"], parts = ["named"] },
  { match = "e/{device}", fields = ["listed"] },
]
[fields.own]
"v" = { signal = "voltage" }
"id" = { signal = "fault", values = { "*" = 0 }, when = { has = ["errors"] } }
"errors.0" = { signal = "fault", values = { "*" = 1 } }
"power" = { signal = "active_power" }
"t" = { signal = "device_temperature", when = { has = ["power"] } }
[fields.relay]
"" = { signal = "breaker_closed" }
[parts]
relay = { each = "POWER{n}", device = "{device}/{n}", main = { n = "1" }, fields = ["relay"] }
fixed = { each = "sub.one", device = "{device}/one", fields = ["own"] }
named = { each = "{name}", when = { has = ["Device"] }, device = "{device}/{name}", fields = ["own"] }
[fields.listed]
"meter.v" = { signal = "voltage" }
"id" = { signal = "fault", values = { "*" = 0 }, when = { has = ["errors"] } }
"errors" = [
  { signal = "fault", values = { broken = 1, "*" = "ignore" } },
  { signal = "trip", values = { trip = 1, "*" = "ignore" } },
]
"flags" = { signal = "test", values = { testing = 1, "*" = "ignore" } }
"number" = { signal = "test", values = { "*" = 0 }, when = { has = ["flags"] } }
"one" = { signal = "smoke_alarm", values = { fire = 1, calm = 0 } }
"""


@pytest.mark.parametrize(
    ("topic", "payload", "quick"),
    [
        ("a/d", '{"v": 230}', True),
        ("c/d", '{"v": 230, "id": 0}', True),
        ("c/d", '{"v": 230, "id": 0, "errors": null}', False),
        ("c/d", '{"v": 230, "id": 0, "errors": ["hot"]}', False),
        ("a/d", '{"v": 230, "POWER1": "ON"}', False),
        ("a/d", '{"v": 230, "sub": {"two": {"v": 1}}}', True),
        ("a/d", '{"v": 230, "sub": {"one": {"v": 1}}}', False),
        ("c/d", '{"power": 5}', True),
        ("c/d", '{"power": 5, "t": 30}', False),
        ("b/d", '{"v": 230}', False),
        ("d/d", '{"meter": {"v": 230}}', True),
        ("e/d", '{"meter": {"v": 230}, "id": 0}', True),
        ("e/d", '{"meter": {"v": 230}, "id": 0, "errors": ["broken"]}', False),
        ("e/d", '{"meter": {"v": 230}, "id": 0, "errors": []}', False),
        ("d/d", '{"meter": {"v": 230, "Device": 1}}', False),
        ("d/d", '{"meter": {"v": 230}, "other": {"Device": 1, "v": 1}}', False),
        ("e/d", '{"meter": {"v": 230}, "number": 0}', True),
        ("e/d", '{"meter": {"v": 230}, "number": 0, "flags": "testing"}', False),
        ("d/d", '{"one": "fire"}', True),
        ("d/d", '{"one": ["fire", "calm"]}', False),
    ],
)
def test_only_what_speaks_of_others_goes_the_slow_way(topic: str, payload: str, quick: bool) -> None:
    profile = DataProfile("t", read_profile(PROFILE, "t.toml"), new_codecs())
    status = agree(profile, topic.encode(), payload.encode())
    assert (status == FAST) is quick
