"""Tuya: shapes of the cloud and of the local network that the profile's own examples do not show."""

import base64
from typing import Any

import pytest

from tests.gateway.profiles.shapes import listed, over, said, verdict


def phase(volts: float, amperes: float, watts: int, size: int = 3) -> str:
    """A phase as breakers pack it."""
    packed = (
        round(volts * 10).to_bytes(2, "big") + round(amperes * 1000).to_bytes(3, "big") + watts.to_bytes(size, "big")
    )
    return base64.b64encode(packed).decode()


ONE = {"voltage": 231.4, "current": 12.345, "active_power": 2801}
NAMED = {"voltage": 230.5, "electricCurrent": 4.1, "power": 0.92}
LEAK = {"+residual_alarm": 1}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase_a": phase(231.4, 12.345, 2801)}, ONE),
        ({"phase_a": phase(231.4, 12.345, 2801, size=2)}, ONE),
        ({"phase_a": phase(231.4, 12.345, 2801, size=10)}, {}),  # 15 bytes: nobody knows which
        ({"phase_a": phase(230, 68.783, 15820)}, {"voltage": 230, "current": 68.783, "active_power": 15820}),
        ({"phase_a": NAMED}, {"voltage": 230.5, "current": 4.1, "active_power": 920}),
        (
            {"phase_a": NAMED, "phase_b": {"voltage": 0, "electricCurrent": 0, "power": 0}},
            {"voltage_l1": 230.5, "current_l1": 4.1, "active_power_l1": 920, "current_l2": 0, "active_power_l2": 0},
        ),
        ({"temp_current": 41}, {"terminal_temperature": 41}),
        ({"temp_current": 412}, {"terminal_temperature": 41.2}),
        ({"temp_current": -5}, {"terminal_temperature": -5}),
        ({"fault": 1 << 12 | 1 << 13}, {"+undervoltage_alarm": 1, "+power_lost": 1}),
        ({"fault": "8"}, LEAK),
        ({"fault": 1 << 7, "leakagecurr_test": True}, {"+test": 1}),
        ({"fault": 1 << 17}, {"+early_warning": 1}),
        ({"alarm_set_1": "", "alarm_set_2": "", "phase_a": "", "supply_frequency": 0}, {}),
    ],
)
def test_a_breaker(status: dict[str, Any], expected: dict[str, float]) -> None:
    assert said("tuya/dlq/d1/status", {"online": True, "status": status}) == {"d1": {"+online": 1, **expected}}


@pytest.mark.parametrize(
    "answer",
    [
        {"result": listed({"fault": 8}), "success": True, "t": 1_790_000_000_000},
        {"result": {"status": listed({"fault": 8})}, "success": True},
        {"result": {"properties": [{"code": "fault", "dp_id": 9, "type": "bitmap", "value": 8}]}},
        {"bizCode": "devicePropertyMessage", "bizData": {"properties": [{"code": "fault", "dpId": 9, "value": 8}]}},
        {"devId": "d1", "status": [{"code": "fault", "t": 1_790_000_000_000, "value": 8, "9": "8"}]},
    ],
)
def test_what_the_cloud_answers_and_pushes(answer: dict[str, Any]) -> None:
    assert said("tuya/dlq/d1/status", answer) == {"d1": LEAK}


def test_what_the_cloud_remembers_of_one_that_is_gone() -> None:
    gone = {"result": {"online": False, "status": listed({"fault": 8})}}
    assert said("tuya/dlq/d1/status", gone) == {"d1": {}}
    assert over("tuya/dlq/d1/status", gone) == {"online"}
    assert over("tuya/dlq/d1/status", {"bizCode": "offline", "devId": "d1"}) == {"online"}


DETECTORS = {
    "ywbj": ("smoke_sensor_state", "smoke_alarm"),
    "rqbj": ("gas_sensor_state", "gas_alarm"),
    "cobj": ("co_state", "co_alarm"),
    "sj": ("watersensor_state", "water_alarm"),
}


@pytest.mark.parametrize("category", DETECTORS)
@pytest.mark.parametrize(
    ("word", "active"), [("alarm", True), ("1", True), ("normal", False), ("2", False), ("none", False)]
)
def test_a_detector_in_every_wrapping(category: str, word: str, active: bool) -> None:
    code, event = DETECTORS[category]
    status = f"tuya/{category}/x/status"
    for topic, payload in (
        (status, {"status": {code: word}}),
        (status, {"status": listed({code: word})}),
        (status, {"result": listed({code: word})}),
        (f"tuya/{category}/x/dps", {"dps": {"1": word}}),
    ):
        assert said(topic, payload) == {"x": {f"+{event}": 1} if active else {}}
        assert over(topic, payload) == (set() if active else {event})


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        (
            "tuya/ywbj/x/status",
            {"status": {"smoke_sensor_status": "detecting", "battery_percentage": 80}},
            {"battery": 80},
        ),
        ("tuya/ywbj/x/status", {"status": {"smoke_sensor_status": "normal", "fault": 4}}, {"+fault": 1}),
        ("tuya/ywbj/x/status", {"status": {"smoke_sensor_status": "normal", "link_alarm": "alarm"}}, {}),
        (
            "tuya/ywbj/x/dps",
            {"dps": {"1": "2", "11": 0, "14": "high", "15": 100, "16": True}},
            {"battery": 100, "+mute": 1},
        ),
        ("tuya/rqbj/x/status", {"status": {"co_state": "alarm", "co_value": 350}}, {"+co_alarm": 1}),
        ("tuya/rqbj/x/dps", {"dps": {"1": "normal", "18": "alarm", "19": 30}}, {"+co_alarm": 1}),
        ("tuya/cobj/x/dps", {"dps": {"1": "alarm", "2": 205, "18": 25, "19": 31}}, {"+co_alarm": 1, "co": 205}),
        (
            "tuya/dgnbj/x/dps",
            {"dps": {"25": "normal", "26": 0, "29": "normal", "34": "alarm", "35": 1210}},
            {"+co_alarm": 1},
        ),
        (
            "tuya/cz/x/status",
            {"status": listed({"switch_1": True, "fault": 1})},
            {"breaker_closed": 1, "+overload_alarm": 1},
        ),
        (
            "tuya/zndb/x/dps",
            {"dps": {"1": 120, "6": phase(230, 1, 200), "9": 64}},
            {"energy": 1200, "voltage": 230, "current": 1, "active_power": 200},
        ),
        (
            "tuya/zndb/x/status",
            {"status": {"phase_a": NAMED, "fault": 64, "alarm_set_2": []}},
            {"voltage": 230.5, "current": 4.1, "active_power": 920},
        ),
        ("tuya/dlq/x/dps", {"dps": {"110": "Over_Voltage_Alarm", "119": 4400}}, {"+overvoltage_alarm": 1}),
        ("tuya/dlq/x/dps", {"dps": {"110": 700, "119": "High_Temp_Trip"}}, {"+temperature_alarm": 1, "+trip": 1}),
    ],
)
def test_more_of_them(topic: str, payload: dict[str, Any], expected: dict[str, float]) -> None:
    assert said(topic, payload) == {"x": expected}


def test_a_breaker_that_closed_again_takes_its_alarms_back() -> None:
    assert {"residual_alarm", "trip"} <= over("tuya/dlq/x/dps", {"dps": {"110": "Automatic_Closing"}})


def test_a_bridge_that_did_not_reach_its_device_says_nothing() -> None:
    assert (
        verdict("tuya/dlq/x/dps", {"Error": "Device Unreachable", "Err": "905", "Payload": None})["outcome"]
        == "ignored"
    )
