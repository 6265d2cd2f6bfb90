"""Messages that others recorded: Tuya, SenML, JetLinks. Skipped where the recordings are not at hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from community.quantities import EVENTS
from gateway.decoding.registry import Profiles

RECORDINGS = Path(__file__).parents[4] / "shared/data/payloads"
PROFILES = Profiles()
RECEIVED_AT = 1_790_000_000_000

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are kept beside the project, not in it")


def _recorded(name: str) -> Iterator[tuple[str, Any]]:
    for line in (RECORDINGS / f"{name}.jsonl").read_text("utf-8").splitlines():
        message = json.loads(line)
        yield message["topic"], message["payload"]


def _said(profile: str, topic: str, payload: Any) -> dict[str | None, dict[str, float | None]]:
    decoded = PROFILES[profile].decode(topic.encode(), json.dumps(payload).encode(), RECEIVED_AT)
    assert not decoded.faults
    devices: dict[str | None, dict[str, float | None]] = {}
    for measurement in decoded.measurements:
        devices.setdefault(measurement.device, {}).update(measurement.values)
    return devices


def test_tuya() -> None:
    said = [values for t, p in _recorded("tuya_breakers_sensors") for values in _said("tuya", t, p).values()]
    active = [{s for s, v in values.items() if s in EVENTS and v} for values in said]
    assert active == [{"online"}, {"online"}, {"online", "battery_low"}, {"online"}, set()]
    framed, plain = said[:2]
    assert framed["voltage"] == pytest.approx(234.1)
    assert framed["current"] == pytest.approx(0.072)
    assert "frequency" not in framed  # 0 while the breaker is open
    assert plain["voltage"] == pytest.approx(236.5)
    assert plain["current"] == pytest.approx(0.608)
    assert plain["active_power"] == 133
    limits = ("residual_limit", "temperature_limit", "current_limit", "overvoltage_limit", "undervoltage_limit")
    assert [plain[limit] for limit in limits] == [50, 80, 63, 275, 175]
    assert said[4] == {"online": 0}  # what the cloud remembers of a device that is away is not read


def test_senml() -> None:
    said: dict[str | None, dict[str, float | None]] = {}
    for topic, pack in _recorded("senml"):
        for device, values in _said("senml", topic, pack).items():
            said.setdefault(device, {}).update(values)
    assert said["2001:db8::2"] == {"ambient_temperature": 25.2, "humidity": 30}
    assert said["2001:db8::1"] == {"ambient_temperature": 12.3, "humidity": 67}
    assert set(said) == {
        "2001:db8::1",
        "2001:db8::2",
        "urn:dev:ow:10e2073a0108006",
        "urn:dev:ow:10e2073a01080063",
    }
    assert said["urn:dev:ow:10e2073a0108006"] == {"voltage": 120.1, "current": 1.7}
    assert not any(v for values in said.values() for s, v in values.items() if s in EVENTS)  # a heater is no fire


def test_jetlinks() -> None:
    claimed = [(t, p) for t, p in _recorded("jetlinks") if PROFILES["jetlinks"].claims(t.encode())]
    assert [_said("jetlinks", t, p) for t, p in claimed] == [{}, {}, {"{deviceId}": {"ambient_temperature": 36.8}}]
