"""Tasmota, Shelly, zigbee2mqtt: shapes from the field that the profiles' own examples do not show."""

from typing import Any

import pytest

from tests.gateway.profiles.shapes import over, said

ON_FIRE = {"Device": "0x51C0", "ZoneStatusChange": 1, "Fire": 1}


@pytest.mark.parametrize(
    ("topic", "payload", "device"),
    [
        ("tele/b/SENSOR", {"ZbReceived": {"0x51C0": ON_FIRE}}, "b/0x51C0"),
        ("tele/b/SENSOR", {"0x51C0": ON_FIRE}, "b/0x51C0"),
        ("tele/b/SENSOR", {"stairs": ON_FIRE}, "b/stairs"),
        ("tele/b/ZbReceived", {"0x51C0": ON_FIRE}, "b/0x51C0"),
        ("tele/b/stairs/SENSOR", {"ZbReceived": {"stairs": ON_FIRE}}, "b/stairs"),
        ("tele/b/stairs/SENSOR", {"ZbReceived": ON_FIRE}, "b/stairs"),
        ("tele/b/stairs/SENSOR", {"stairs": ON_FIRE}, "b/stairs"),
        ("tele/b/stairs/SENSOR", ON_FIRE, "b/stairs"),
        ("tele/b/stairs/ZbReceived", {"stairs": ON_FIRE}, "b/stairs"),
        ("tele/b/stairs/ZbReceived", ON_FIRE, "b/stairs"),
    ],
)
def test_a_fire_behind_tasmota_wherever_its_options_put_it(topic: str, payload: Any, device: str) -> None:
    assert said(topic, payload) == {device: {"+smoke_alarm": 1}}


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ({"ZoneStatusChange": 2, "Fire": 0}, {"+smoke_alarm": 1}),
        ({"ZoneStatusChange": 2, "CO": 0}, {"+co_alarm": 1}),
        ({"ZoneStatusChange": 2, "Water": 0}, {"+water_alarm": 1}),
        ({"ZoneStatusChange": 256, "Fire": 0}, {"+test": 1}),
        ({"ZoneStatusChange": 2}, {"+early_warning": 1}),
        ({"ZoneStatusChange": 3, "Occupancy": 1}, {}),
        ({"SmokeDensity": 9, "BatteryVoltage": 2.98}, {"smoke_level": 9, "battery_voltage": 2.98}),
        ({"RMSVoltage": 230, "RMSVoltagePhB": 231}, {"voltage_l1": 230, "voltage_l2": 231}),
        ({"RMSCurrent": 5}, {}),
    ],
)
def test_zones_of_tasmota(zone: dict[str, Any], expected: dict[str, float]) -> None:
    assert (
        said("tele/b/SENSOR", {"ZbReceived": {"0x51C0": {"Device": "0x51C0", **zone}}}).get("b/0x51C0", {}) == expected
    )


@pytest.mark.parametrize(
    ("sensors", "expected"),
    [
        ({"DS18B20-1": {"Id": "1", "Temperature": 86.0}, "TempUnit": "F"}, {"d": {"ambient_temperature": 30}}),
        (
            {"DS18B20_1": {"Id": "1", "Temperature": 21.5}, "DS18B20_2": {"Id": "2", "Temperature": 31.5}},
            {"d": {"ambient_temperature": 21.5}, "d/DS18B20_2": {"ambient_temperature": 31.5}},
        ),
        ({"DS18B20": {"Id": "2", "Temperature": -127.0}}, {"d": {}}),
        (
            {"porch": {"mac": "a1", "Temperature": 19.5, "RSSI": -70}, "TempUnit": "F"},
            {"d/porch": {"ambient_temperature": 19.5, "signal": -70}},
        ),
        ({"porch": {"MAC": "A1", "Door": 1, "RSSI": -70}}, {"d/porch": {"contact_open": 1, "signal": -70}}),
        ({"IBEACON": {"MAC": "A1", "RSSI": -70, "STATE": "ON"}}, {"d": {}}),
        ({"INA219": {"Voltage": 12.1, "Current": 0.2}}, {"d": {}}),
    ],
)
def test_sensors_of_tasmota(sensors: dict[str, Any], expected: dict[str, dict[str, float]]) -> None:
    assert said("tele/d/SENSOR", sensors) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"smoke_alarm_1": False, "smoke_alarm_2": True}, {"+smoke_alarm": 1}),
        ({"gas_alarm_1": True, "gas_alarm_2": False}, {"+gas_alarm": 1}),
        ({"carbon_monoxide_alarm_2": True}, {"+co_alarm": 1}),
        ({"water_leak_alarm_1": True}, {"+water_alarm": 1}),
        ({"smoke": "alarm"}, {"+smoke_alarm": 1}),
        ({"smoke_state": "alarm", "battery_state": "low"}, {"+smoke_alarm": 1, "+battery_low": 1}),
        ({"heat": True}, {"+heat_alarm": 1}),
        ({"heat": "ON", "local_temperature": 20.5}, {"ambient_temperature": 20.5}),
        ({"smoke": False, "alarm_smoke": True, "alarm": "ON"}, {}),
        ({"smoke": False, "linkage_alarm_state": True}, {}),
        ({"self_test": "check_failure"}, {"+fault": 1}),
        ({"self_test": "checking"}, {"+test": 1}),
        ({"sos": True}, {"+manual_call": 1}),
        ({"alarm_2": True}, {"+early_warning": 1}),
        ({"voltage": 232, "current": 1480, "current_average": 1200}, {"voltage": 232, "current": 1.48}),
        ({"power_a": 300, "power_b": 2, "energy_flow_a": "producing"}, {"active_power_l1": -300, "active_power_l2": 2}),
        ({"power_phase_a": 5, "power_phase_b": 6}, {"active_power_l1": 5, "active_power_l2": 6}),
        ({"power_factor_a": 98}, {"power_factor_l1": 0.98}),
        ({"state_l1": "ON", "power_l1": 5, "state_l2": "OFF"}, {"breaker_closed": 1, "active_power": 5}),
        ({"faults": ["surge_alarm", "ov_vol", "ov_cr", "fire_alarm"]},
         {"+fault": 1, "+overvoltage_alarm": 1, "+overload_alarm": 1, "+fire_alarm": 1}),
    ],
)  # fmt: skip
def test_zigbee2mqtt(payload: dict[str, Any], expected: dict[str, float]) -> None:
    assert said("zigbee2mqtt/d", payload)["d"] == pytest.approx(expected)


def test_alarms_of_zigbee2mqtt_have_topics_of_their_own_with_output_attribute() -> None:
    for attribute, event in (("smoke_alarm_2", "smoke_alarm"), ("heat", "heat_alarm"), ("gas_alarm_1", "gas_alarm")):
        assert said(f"zigbee2mqtt/hall/d/{attribute}", "true") == {"hall/d": {f"+{event}": 1}}
        assert over(f"zigbee2mqtt/hall/d/{attribute}", "false") == {event}
        assert said(f"zigbee2mqtt/hall/{attribute}", {"smoke": True}) == {f"hall/{attribute}": {"+smoke_alarm": 1}}


@pytest.mark.parametrize(
    ("component", "status", "expected"),
    [
        ("switch:0", {"errors": ["a", "b", "c", "overpower"]}, {"+overload_alarm": 1}),
        ("switch:0", {"errors": "overtemp"}, {"+temperature_alarm": 1}),
        ("cover:0", {"voltage": 231, "apower": 90, "errors": ["obstruction"]}, {"voltage": 231, "active_power": 90}),
        ("cct:0", {"voltage": 24.0, "errors": ["overtemp"]}, {"+temperature_alarm": 1}),
        ("em:0", {"b_errors": ["power_meter_failure"]}, {"+fault": 1}),
        ("em:0", {"n_errors": ["out_of_range:current"]}, {"+overload_alarm": 1}),
        ("smoke:0", {"alarm": "true"}, {"+smoke_alarm": 1}),
        ("flood:0", {"alarm": True, "errors": ["cable_unplugged"]}, {"+water_alarm": 1, "+fault": 1}),
    ],
)
def test_shelly_components(component: str, status: dict[str, Any], expected: dict[str, float]) -> None:
    body = {"id": 0, **status}
    assert said(f"plug-1/status/{component}", body) == {"plug-1": expected}
    assert said("plug-1/events/rpc", {"method": "NotifyStatus", "params": {component: body}}) == {"plug-1": expected}


@pytest.mark.parametrize(
    ("component", "event", "expected"),
    [
        ("smoke:0", "alarm", {"+smoke_alarm": 1}),
        ("smoke:0", "alarm_test", {"+test": 1}),
        ("flood:0", "alarm", {"+water_alarm": 1}),
        ("flood:0", "alarm_test", {"+test": 1}),
        ("switch:0", "single_push", {}),
    ],
)
def test_events_of_shelly(component: str, event: str, expected: dict[str, float]) -> None:
    params = {"ts": 1_772_612_400, "events": [{"component": component, "id": 0, "event": event, "ts": 1_772_612_400}]}
    assert said("s-1/events/rpc", {"method": "NotifyEvent", "params": params})["s-1"] == expected


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"flood": True, "rain_sensor": True, "bat": {"value": 70}}, {"battery": 70}),
        ({"smoke": True, "tmp": {"tC": -40.0, "is_valid": False}}, {"+smoke_alarm": 1}),
        ({"gas_sensor": {"alarm_state": "none", "self_test_state": "running"}}, {"+test": 1}),
        ({"gas_sensor": {"alarm_state": "heavy", "self_test_state": "completed"}}, {"+gas_alarm": 1}),
        ({"emeters": [{"power": 5, "is_valid": True}, {"power": 0, "is_valid": False}, {}]}, {"active_power_l1": 5}),
        ({"motion": True, "bat": 88, "lux": 12, "tmp": 20.5},
         {"battery": 88, "illuminance": 12, "ambient_temperature": 20.5}),
        ({"thermostats": [{"tmp": {"value": 68, "units": "F", "is_valid": True}}]}, {"ambient_temperature": 20}),
    ],
)  # fmt: skip
def test_whole_states_of_shelly_1(info: dict[str, Any], expected: dict[str, float]) -> None:
    assert said("shellies/s-1/info", info)["s-1"] == pytest.approx(expected)
