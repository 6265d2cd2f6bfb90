"""The interpreter: what each word of the language does."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.loader import read_profile
from gateway.decoding.profile import IGNORED, Decoded
from gateway.decoding.reader import DataProfile, time_of
from gateway.decoding.registry import new_codecs

HEAD = 'title = "t"\nabout = "a"\n'
TOPIC = '[[topic]]\nmatch = "x/{device}"\nfields = ["f"]\n'


def profile(fields: str, topic: str = TOPIC, rest: str = "") -> DataProfile:
    """A profile with one set of fields."""
    return DataProfile("x", read_profile(f"{HEAD}{topic}[fields.f]\n{fields}\n{rest}", "x.toml"), new_codecs())


def decoded(it: DataProfile, body: Any, topic: str = "x/d") -> Decoded:
    """What it makes of a JSON body."""
    return it.decode(topic.encode(), json.dumps(body).encode(), 0)


def values(fields: str, body: Any) -> dict[str, float | None]:
    """The values of the only measurement, which must be without faults."""
    result = decoded(profile(fields), body)
    assert not result.faults
    return dict(result.measurements[0].values) if result.measurements else {}


@pytest.mark.parametrize(
    ("field", "raw", "expected"),
    [
        ('{ signal = "voltage" }', 230, 230.0),
        ('{ signal = "voltage" }', "+230.5", 230.5),
        ('{ signal = "voltage" }', " 1126.0 ", 1126.0),
        ('{ signal = "voltage" }', [231], 231.0),
        ('{ signal = "voltage", scale = 0.1 }', 2300, 230.0),
        ('{ signal = "ambient_temperature", scale = 0.1, offset = -40 }', 650, 25.0),
        ('{ signal = "ambient_temperature", unit = "°F" }', 212, 100.0),
        ('{ signal = "energy", unit = "kWh" }', 1.5, 1500.0),
        ('{ signal = "smoke_alarm" }', True, 1.0),
        ('{ signal = "smoke_alarm" }', "OFF", 0.0),
        ('{ signal = "contact_open", inverted = true }', True, 0.0),
        ('{ signal = "smoke_alarm", values = { alarm = 1, normal = 0 } }', "Alarm", 1.0),
        ('{ signal = "smoke_alarm", values = { "1" = 1, "0" = 0 } }', 1.0, 1.0),
        ('{ signal = "smoke_alarm", values = { "true" = 0, "false" = 1 } }', False, 1.0),
        ('{ signal = "breaker_closed", values = { on = true, "*" = false } }', "standby", 0.0),
    ],
)
def test_a_value_becomes_the_signals(field: str, raw: Any, expected: float) -> None:
    (value,) = values(f'"v" = {field}', {"v": raw}).values()
    assert value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ('{ signal = "voltage" }', None),
        ('{ signal = "voltage" }', ""),
        ('{ signal = "ambient_temperature", invalid = [-32768, 65535, 127.99] }', 127.99),
        ('{ signal = "ambient_temperature", invalid = [-32768] }', "-32768"),
        ('{ signal = "ambient_temperature", invalid = ["--"] }', "--"),
        ('{ signal = "smoke_alarm", values = { alarm = 1, "*" = "ignore" } }', "warming up"),
    ],
)
def test_not_measured_is_absent(field: str, raw: Any) -> None:
    assert values(f'"v" = {field}', {"v": raw}) == {}


@pytest.mark.parametrize(
    ("field", "raw", "reason"),
    [
        ('{ signal = "voltage" }', "high", "schema"),
        ('{ signal = "voltage" }', True, "schema"),
        ('{ signal = "voltage" }', {"a": 1}, "schema"),
        ('{ signal = "voltage" }', [1, 2], "schema"),
        ('{ signal = "voltage" }', 1e999, "out_of_range"),
        ('{ signal = "voltage" }', float("nan"), "nan"),
        ('{ signal = "smoke_alarm", values = { alarm = 1 } }', "alrm", "schema"),
        ('{ bits = { 0 = "trip" } }', "x", "schema"),
        ('{ packed = { encoding = "base64", parts = [{ at = 0, signal = "voltage" }] } }', "%%", "schema"),
    ],
)
def test_what_cannot_be_read_is_a_fault_and_the_rest_passes(field: str, raw: Any, reason: str) -> None:
    result = decoded(profile(f'"v" = {field}\n"w" = {{ signal = "co" }}'), {"v": raw, "w": 3})
    assert [f.reason.value for f in result.faults] == [reason]
    assert result.faults[0].place.startswith("v")
    assert result.measurements[0].values == {"co": 3.0}


def test_an_array_is_phases_and_a_single_value_stands_alone() -> None:
    field = '"v" = { signal = ["voltage_l1", "voltage_l2", "voltage_l3"], alone = "voltage" }'
    assert values(field, {"v": [1, None, 3]}) == {"voltage_l1": 1.0, "voltage_l2": None, "voltage_l3": 3.0}
    assert values(field, {"v": 230}) == values(field, {"v": [230]}) == {"voltage": 230.0}


@pytest.mark.parametrize(
    ("extra", "word", "expected"),
    [("", 0b101, {"trip": 1, "test": 1}), ("", "0x4", {"trip": 0, "test": 1}), ("", "1", {"trip": 1, "test": 0}),
     (", width = 8, msb_first = true", 0b10100000, {"trip": 1, "test": 1}), (", invalid = [255]", 255, {})],
)  # fmt: skip
def test_bits_are_events(extra: str, word: Any, expected: dict[str, float]) -> None:
    assert values(f'"v" = {{ bits = {{ 0 = "trip", 2 = "test" }}{extra} }}', {"v": word}) == expected


def test_a_bit_may_be_inverted() -> None:
    assert values('"v" = { bits = { 0 = { signal = "breaker_closed", inverted = true } } }', {"v": 0}) == {
        "breaker_closed": 1.0
    }


def test_of_an_event_said_twice_danger_wins_and_of_a_quantity_the_first() -> None:
    named = {"a": "smoke_alarm", "b": "smoke_alarm", "c": "co", "d": "co"}
    fields = "\n".join(f'"{path}" = {{ signal = "{signal}" }}' for path, signal in named.items())
    assert values(fields, {"a": 1, "b": 0, "c": None, "d": 5}) == {"smoke_alarm": 1.0, "co": 5.0}
    assert values(fields, {"a": 0, "b": 1, "c": 4, "d": 5}) == {"smoke_alarm": 1.0, "co": 4.0}


def test_packed_bytes_and_records() -> None:
    phase = (
        '"p" = { packed = { encoding = "base64", length = [7, 8], parts = ['
        '{ at = 0, signal = "voltage", scale = 0.1 }, '
        '{ at = 2, size = 3, signal = "current", scale = 0.001 }, { at = 5, size = 3, signal = "active_power" }] } }'
    )
    whole = bytes([0x09, 0x3D, 0, 0x02, 0x60, 0, 0, 0x85])
    text = base64.b64encode(whole).decode()
    assert values(phase, {"p": text}) == pytest.approx({"voltage": 236.5, "current": 0.608, "active_power": 133})
    assert values(phase, {"p": base64.b64encode(bytes(18)).decode()}) == {}
    assert values(phase, {"p": ""}) == {}
    assert values(phase, {"p": {"voltage": 1}}) == {}  # another form, whose members have paths of their own
    records = (
        '"p" = { packed = { encoding = "hex", records = { size = 4, '
        'by = { "4" = { at = 2, signal = "residual_limit" }, "5" = { at = 2, signal = "temperature_limit" } } } } }'
    )
    assert values(records, {"p": "0401001e05000050"}) == {"residual_limit": 30.0, "temperature_limit": 80.0}
    assert decoded(profile(records), {"p": "0401001e05"}).faults[0].detail.startswith("expected records of 4 bytes")


def test_words_in_another_order_than_bytes() -> None:
    field = (
        '"p" = { packed = { encoding = "hex", parts = [{ at = 0, size = 4, words = "little", signal = "energy" }] } }'
    )
    assert values(field, {"p": "00020001"}) == {"energy": 0x00010002}


def test_meanings_hold_under_conditions() -> None:
    fields = (
        '"voltage" = [{ signal = "battery_voltage", unit = "mV", when = { has = ["battery"] } }, '
        '{ signal = "voltage", when = { lacks = ["battery"], below = 1000 } }]'
    )
    assert values(fields, {"voltage": 3000, "battery": 90}) == {"battery_voltage": 3.0}
    assert values(fields, {"voltage": 231}) == {"voltage": 231.0}
    assert values(fields, {"voltage": 3000}) == {}
    unit = '"t" = [{ signal = "ambient_temperature", when = { equals = { u = ["C", "c"] } } }]'
    assert values(unit, {"t": 20, "u": "C"}) == {"ambient_temperature": 20.0}
    assert values(unit, {"t": 20, "u": "F"}) == {}


PARTS = """
[fields.s]
"p" = { signal = "active_power" }
[parts.socket]
each = "switch:{n}"
device = "{device}/{n}"
main = { n = "0" }
fields = ["s"]
"""


def test_parts_are_devices_and_the_main_one_is_the_device_itself() -> None:
    it = profile('"v" = { signal = "voltage" }', TOPIC + 'parts = ["socket"]\n', PARTS)
    result = decoded(it, {"v": 230, "switch:0": {"p": 1}, "switch:1": {"p": 2}, "switch:x": {"q": 3}})
    assert {m.device: dict(m.values) for m in result.measurements} == {
        "d": {"voltage": 230.0, "active_power": 1.0},
        "d/1": {"active_power": 2.0},
    }


def test_of_a_list_each_element_is_looked_up() -> None:
    fields = (
        '"e" = [{ signal = "fire_alarm", values = { fire = 1, "*" = "ignore" } }, '
        '{ signal = "fault", values = { "*" = 1 } }]\n'
        '"n" = [{ signal = "fire_alarm", values = { "*" = 0 } }, { signal = "fault", values = { "*" = 0 } }]'
    )
    assert values(fields, {"n": 1, "e": ["a", "b", "c", "d", "Fire"]}) == {"fire_alarm": 1.0, "fault": 1.0}
    assert values(fields, {"n": 1, "e": []}) == {"fire_alarm": 0.0, "fault": 0.0}
    result = decoded(profile('"e" = { signal = "fire_alarm", values = { fire = 1, calm = 0 } }'), {"e": ["calm", 7]})
    assert [dict(m.values) for m in result.measurements] == [{"fire_alarm": 0.0}]
    assert [f.place for f in result.faults] == ["e.1"]


def test_a_part_may_ask_something_of_each_match() -> None:
    rest = '[parts.zone]\neach = "{name}"\nwhen = { has = ["id"] }\ndevice = "{device}/{name}"\nfields = ["f"]\n'
    it = profile('"fire" = { signal = "fire_alarm" }', TOPIC + 'parts = ["zone"]\n', rest)
    result = decoded(it, {"a": {"id": 1, "fire": 1}, "b": {"fire": 1}, "c": "id", "d": {"id": 2, "fire": 0}})
    assert {m.device: dict(m.values) for m in result.measurements} == {
        "d/a": {"fire_alarm": 1.0},
        "d/d": {"fire_alarm": 0.0},
    }


def test_time_number_and_device_stand_where_the_topic_says() -> None:
    topic = (
        '[[topic]]\nmatch = "x"\ndevice = "{.id}"\ntime = { path = "t", unit = "s" }\n'
        'seq = "n"\nbase = "b"\nfields = ["f"]\n'
    )
    it = profile('"v" = { signal = "co" }', topic)
    (m,) = decoded(it, {"id": "dev 1", "b": {"v": 1, "t": 1_700_000_000.5, "n": 7}}, "x").measurements
    assert (m.device, m.ts, m.seq) == ("dev 1", 1_700_000_000_500, 7)
    (fault,) = decoded(it, {"b": {"v": 1}}, "x").faults
    assert "names no device" in fault.detail
    assert it.device_of(b"x") is None


def test_what_is_claimed_and_ignored_says_nothing() -> None:
    it = profile('"v" = { signal = "co" }', '[[topic]]\nmatch = "x/y"\nignore = true\n' + TOPIC)
    assert it.decode(b"x/y", b"\xff", 0) is IGNORED
    assert it.claims(b"x/y")
    assert not it.claims(b"y/x")
    nothing = decoded(it, {"other": 1})
    assert not nothing.measurements
    assert not nothing.faults


@pytest.mark.parametrize(
    ("raw", "unit", "ms"),
    [
        (1_700_000_000, "auto", 1_700_000_000_000),
        (1_700_000_000_000, "auto", 1_700_000_000_000),
        ("1700000000", "s", 1_700_000_000_000),
        ("2026-11-22T08:00:00Z", "auto", 1_795_334_400_000),
        ("2026-11-22T16:00:00+08:00", "iso", 1_795_334_400_000),
        ("2026-11-22T08:00:00", "auto", None),
        (1.33, "auto", 1330),
        ("soon", "auto", None),
        (None, "auto", None),
        (1e300, "ms", None),
        ([1], "auto", None),
    ],
)
def test_times(raw: Any, unit: str, ms: int | None) -> None:
    assert time_of(raw, unit) == ms


ALL = profile(
    '"v" = { signal = ["voltage_l1", "voltage_l2"], alone = "voltage", scale = 0.5, invalid = [7, "x"] }\n'
    '"b" = { bits = { 0 = "trip", 9 = "smoke_alarm" } }\n'
    '"e" = { signal = "gas_alarm", values = { alarm = 1, ok = 0 } }\n'
    '"p" = { packed = { encoding = "hex", parts = [{ at = 1, size = 8, signal = "current" }], '
    'records = { size = 3, by = { "1" = { at = 1, bits = { 1 = "tamper" } } } } } }\n'
    '"*.t" = { signal = "ambient_temperature", unit = "F" }\n',
    TOPIC + 'time = { path = "t" }\nseq = "n"\nparts = ["socket"]\n',
    PARTS,
)
keys = st.sampled_from(["v", "b", "e", "p", "t", "n", "switch:0"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(anything)
def test_nothing_raises_and_every_value_is_a_number(body: Any) -> None:
    result = ALL.decode(b"x/d", json.dumps(body).encode(), 0)
    for measurement in result.measurements:
        assert all(v is None or (isinstance(v, float) and v == v) for v in measurement.values.values())


@given(st.binary(max_size=60))
def test_no_bytes_raise(payload: bytes) -> None:
    ALL.decode(b"x/d", payload, 0)
