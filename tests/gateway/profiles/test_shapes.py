"""JetLinks, SenML, Sparkplug, GB/T 45839: shapes that the profiles' own examples do not show."""

from typing import Any

import pytest

from tests.gateway.profiles.shapes import over, said

REPORT = "/p/d1/properties/report"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Ua": 230.1, "Ia": 1.1, "Pa": 250}, {"voltage_l1": 230.1, "current_l1": 1.1, "active_power_l1": 250}),
        ({"B相电压": "0", "C相电压": "230"}, {"voltage_l2": 0, "voltage_l3": 230}),
        ({"leakageCurrent": 33}, {"residual_current": 33}),
        ({"smoke_alarm": "alarm"}, {"+smoke_alarm": 1}),
        ({"smokeAlarm": "1"}, {"+smoke_alarm": 1}),
        ({"fire_alarm": "报警"}, {"+fire_alarm": 1}),
        ({"烟雾报警": True}, {"+smoke_alarm": 1}),
        ({"手动报警": 1}, {"+manual_call": 1}),
        ({"水浸": "报警"}, {"+water_alarm": 1}),
        ({"smoke": 1}, {}),
        ({"smoke": "告警"}, {"+smoke_alarm": 1}),
        ({"switch": "合闸"}, {"breaker_closed": 1}),
        ({"switch": "off"}, {"breaker_closed": 0}),
        ({"temp": -200, "temp_a": -32768, "temp_b": 55.5}, {"terminal_temperature_l2": 55.5}),
        ({"rssi": -87, "signal": 23}, {"signal": -87}),
        ({"current": None, "voltage": ""}, {}),
    ],
)
def test_jetlinks_properties(properties: dict[str, Any], expected: dict[str, float]) -> None:
    assert said(REPORT, {"timestamp": 1_790_000_000_000, "properties": properties}) == {"d1": expected}


@pytest.mark.parametrize(
    ("topic", "payload", "device", "expected"),
    [
        ("/p/d1/event/fireAlarm", {"data": 100}, "d1", {"+fire_alarm": 1}),
        ("/p/d1/event/smoke-alarm", {"data": {"temp": 55.5}}, "d1", {"+smoke_alarm": 1, "ambient_temperature": 55.5}),
        ("/p/d1/event/tempHigh", {"data": {"temp_a": 81}}, "d1", {"terminal_temperature_l1": 81}),
        ("/p/gw/children/c1/event/gasAlarm", b"", "gw/c1", {"+gas_alarm": 1}),
        ("/p/gw/child/c1/connected", {"timestamp": 1_790_000_000_000}, "gw/c1", {"+online": 1}),
        ("/p/gw/child/c1/disconnected", {}, "gw/c1", {}),
        ("/p/d1/properties/write/reply", {"properties": {"switch": 0}, "success": True}, "d1", {"breaker_closed": 0}),
        ("/p/d1/properties/write/reply", {"properties": {"switch": 0}, "success": False}, "d1", {}),
        ("/p/d1/properties/write", {"properties": {"switch": 0}}, "d1", {}),
    ],
)
def test_jetlinks_topics(topic: str, payload: Any, device: str, expected: dict[str, float]) -> None:
    assert said(topic, payload).get(device, {}) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"n": "smoke_alarm", "vb": True}, {"+smoke_alarm": 1}),
        ({"n": "SmokeAlarm", "vb": True}, {"+smoke_alarm": 1}),
        ({"n": "Smoke", "vb": True}, {"+smoke_alarm": 1}),
        ({"n": "smoke", "vs": "alarm"}, {"+smoke_alarm": 1}),
        ({"n": "smoke", "vs": "0.3 dB/m"}, {}),
        ({"n": "smoke", "v": 1}, {}),
        ({"n": "gas", "vb": True}, {"+gas_alarm": 1}),
        ({"n": "co", "vb": True}, {"+co_alarm": 1}),
        ({"n": "co", "u": "ppm", "v": 31}, {"co": 31}),
        ({"n": "heat", "vb": True}, {}),
        ({"n": "residual_current", "u": "A", "v": 0.03}, {"residual_current": 30}),
        ({"n": "active_power", "u": "kW", "v": 1.5}, {"active_power": 1500}),
        ({"n": "power", "u": "VA", "v": 500}, {}),
        ({"u": "VA", "v": 500}, {"apparent_power": 500}),
        ({"n": "battery", "u": "mV", "v": 2900}, {"battery_voltage": 2.9}),
        ({"n": "humidity", "u": "/100", "v": 41}, {"humidity": 41}),
        ({"n": "temp", "u": "degF", "v": 70}, {}),
        ({"n": "temp", "v": 21.5}, {}),
        ({"n": "smoke", "vb": True, "xyz": 1}, {"+smoke_alarm": 1}),
        ({"n": "smoke", "vb": True, "xyz_": 1}, {}),
    ],
)
def test_senml_records(record: dict[str, Any], expected: dict[str, float]) -> None:
    found = said("senml/gw", [{"bn": "flat1:"}, record])
    assert found in ({"flat1": expected}, {"gw": expected} if not expected else {})


@pytest.mark.parametrize(
    ("name", "kind", "value", "expected"),
    [
        ("Smoke", "Boolean", True, {"+smoke_alarm": 1}),
        ("Smoke", "UInt8", 1, {}),
        ("Fire Alarm", "UInt8", 1, {"+fire_alarm": 1}),
        ("Fire Alarm", "UInt8", 0, {}),
        ("Fire Alarm", "UInt8", 7, {}),
        ("Inputs/Manual Call Point", "Boolean", True, {"+manual_call": 1}),
        ("Alarms/Overload", "Boolean", True, {"+overload_alarm": 1}),
        ("Alarms/Overload", "UInt8", 1, {}),
    ],
)
def test_sparkplug_metrics(name: str, kind: str, value: Any, expected: dict[str, float]) -> None:
    payload = {"timestamp": 1_790_000_000_000, "seq": 3, "metrics": [{"name": name, "dataType": kind, "value": value}]}
    assert said("spBv1.0/g/NDATA/n", payload) == {"g/n": expected}


CATEGORIES = {
    "点型感烟火灾探测器": "smoke_alarm",
    "感温": "heat_alarm",
    "点型可燃气体探测器": "gas_alarm",
    "一氧化碳": "co_alarm",
    "手报": "manual_call",
    "剩余电流式电气火灾监控探测器": "residual_alarm",
    "测温探测器": "temperature_alarm",
    "故障电弧探测器": "arc_alarm",
    "电气火灾监控探测器": "fire_alarm",
    "": "fire_alarm",
    None: "fire_alarm",
}


@pytest.mark.parametrize(("category", "event"), CATEGORIES.items())
def test_gb45839_categories(category: str | None, event: str) -> None:
    body = {"company": "MLXX", "serial": "S1", "status": "2", "categoryName": category}
    assert said("gb45839/S1/status", body) == {"S1": {f"+{event}": 1}}
    assert event in over("gb45839/S1/status", {**body, "status": 1})
