"""Messages that people reported as misread elsewhere: what should happen to each does happen here."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.decoding.registry import Profiles
from gateway.payloads import Check

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "payloads"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="messages recorded by others are kept beside the project")

DANGER = {
    "fire_alarm", "smoke_alarm", "heat_alarm", "co_alarm", "gas_alarm", "water_alarm", "arc_alarm", "residual_alarm",
    "overload_alarm", "short_circuit_alarm", "temperature_alarm", "overvoltage_alarm", "undervoltage_alarm", "trip",
    "manual_call", "early_warning",
}  # fmt: skip

BREAKER = {
    "voltage": 236.5, "current": 0.608, "active_power": 133, "residual_current": 0, "residual_limit": 50,
    "temperature_limit": 80, "current_limit": 63, "overvoltage_limit": 275, "undervoltage_limit": 175,
}  # fmt: skip
"""What the reporter of the breaker read on its display and in its maker's application."""

EXPECTED: dict[str, dict[str, Any]] = {
    # topic: values that must come in (None: must not), events that must be as said, notes that may be active
    "zigbee2mqtt/livingroomsmokedetector": {
        "values": {"battery": 100, "battery_voltage": 3.055, "voltage": None}, "events": {"smoke_alarm": False},
    },
    "zigbee2mqtt/sensore perdita gas": {"values": {"gas_level": 237, "gas": None}},
    "zigbee2mqtt/0x000d6f001539fdba": {"events": {"gas_alarm": False}},
    "openmiio/report": {},
    "zigbee2mqtt/Plug Kachel": {"values": {"active_power": 1126, "voltage": 235, "current": 3.53}},
    "zigbee2mqtt/TS011F_plug_3": {"outcome": "quarantined", "values": {"current": None}},
    "tele/medidor1000/SENSOR": {"notes": {"contradiction"}},
    "tele/tasmota/SENSOR": {"notes": {"sensor_fault"}, "values": {"voltage": None}},
    "shellyplussmoke-80646fd09ed4/events/rpc": {
        "values": {"battery": 97, "battery_voltage": 2.99, "signal": -20},
        "events": {"smoke_alarm": False}, "notes": {"clock_fault"},
    },
    "ogemray25a-70af09f0ab7c/events/rpc": {"values": {"breaker_closed": 0}},
    "ad2iot/41443245-4d42-4544-4410-30aea49e7130/partitions/1": {
        "events": {"battery_low": True, "fire_alarm": False}, "notes": {"battery_low"},
    },
    "tuya/dlq/cnpkf4xdmd9v49iq/status": {"values": {"frequency": None}},
    "tuya/dlq/z3jngbyubvwgfrcv/status": {"values": BREAKER},
    "tuya/ywbj/gf9dejhmzffgdyfj/status": {
        "values": {"battery": 16}, "events": {"battery_low": True, "smoke_alarm": False}, "notes": {"battery_low"},
    },
    "tuya/ywbj/rccxox8p/status": {
        "values": {"battery": 100}, "events": {"smoke_alarm": False}, "notes": {"battery_low", "contradiction"},
    },
    "tuya/tdq/cq1p0nt0a4rixnex/status": {"events": {"online": False}},
}  # fmt: skip


def recorded(file: str) -> list[dict[str, Any]]:
    """The messages of a file that have a topic."""
    lines = (FOLDER / file).read_text(encoding="utf-8").splitlines() if FOLDER.is_dir() else []
    return [line for line in map(json.loads, lines) if line.get("topic")]


REPORTS = [*recorded("field_reports_labelled.jsonl"), *recorded("tuya_breakers_sensors.jsonl")]


PROFILES = Profiles()


def verdicts(message: dict[str, Any]) -> list[dict[str, Any]]:
    """What becomes of a message: one verdict a device, with the outcome of the whole in each."""
    payload = json.dumps(message["payload"], separators=(",", ":"), ensure_ascii=False).encode()
    result = Check(PROFILES).message(message["topic"].encode(), payload)
    return [result | device for device in result.get("devices") or [result]]


@pytest.mark.parametrize("message", REPORTS, ids=lambda m: m["topic"])
def test_it_comes_out_as_the_report_says(message: dict[str, Any]) -> None:
    expected = EXPECTED.get(message["topic"])
    assert expected is not None, "a new report: say here what its `expect` means"
    found = verdicts(message)
    values = {name: value for verdict in found for name, value in verdict["values"].items()}
    events = {e["name"]: e["active"] for verdict in found for e in verdict["events"]}
    if "outcome" in expected:
        assert {verdict["outcome"] for verdict in found} == {expected["outcome"]}
    for name, value in expected.get("values", {}).items():
        assert values.get(name) == (None if value is None else pytest.approx(value)), name
    assert events.items() >= expected.get("events", {}).items()
    # Each of them is said to be no alarm; what else is active may only be what the report itself complains of.
    assert {name for name, active in events.items() if active} <= expected.get("notes", set()) | {"online"}


@pytest.mark.parametrize("file", ["tasmota", "shelly", "zigbee2mqtt"])
def test_what_home_automation_sends_every_day_is_no_alarm(file: str) -> None:
    messages = recorded(f"{file}.jsonl")
    assert messages
    for message in messages:
        for verdict in verdicts(message):
            active = {e["name"] for e in verdict["events"] if e["active"]}
            assert not active & DANGER, message["topic"]
