"""The native profile: what passes, and what is said of the rest."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.quantities import QUANTITIES
from community.refusal import Reason
from gateway.decoding import lenient
from gateway.decoding.native import MAX_OBJECTS, NATIVE
from gateway.decoding.profile import IGNORED, Decoded
from tests.gateway.village import topic

numbers = st.floats(allow_nan=False, allow_infinity=False)
signals = st.sampled_from(sorted(QUANTITIES))


def telemetry(payload: str | bytes) -> Decoded:
    """Decode on a telemetry topic."""
    return NATIVE.decode(topic().encode(), payload.encode() if isinstance(payload, str) else payload, 0)


def named(decoded: Decoded) -> list[tuple[str, str]]:
    """Reason and place of each fault."""
    return [(fault.reason.value, fault.place) for fault in decoded.faults]


@given(
    st.dictionaries(signals, st.none() | numbers, min_size=1).filter(lambda v: any(x is not None for x in v.values())),
    st.none() | st.integers(0, 2**52),
    st.none() | st.integers(0, 2**63 - 1),
)
def test_fast_and_lenient_reading_agree_on_what_is_well_formed(
    values: dict[str, float | None], ts: int | None, seq: int | None
) -> None:
    payload = json.dumps({"ts": ts, "seq": seq, "values": values}).encode()
    if ts is not None and ts > 253_402_300_799_999:
        assert named(telemetry(payload)) == [("schema", "ts")]
        return
    fast, slow = telemetry(payload), lenient.telemetry(payload, MAX_OBJECTS)
    assert list(fast.measurements) == list(slow.measurements)
    assert fast.measurements[0].values == values
    assert not fast.faults
    assert not slow.faults


@pytest.mark.parametrize(
    ("payload", "faults"),
    [
        ("", [("not_json", "")]),
        ("{", [("not_json", "")]),
        (b"\xff\xfe", [("not_json", "")]),
        (b'{"t\xff": 5, "values": {"voltage": 230}', [("not_json", "")]),
        ('{"values": {"voltage": 1}} x', [("not_json", "")]),
        ("null", [("schema", "")]),
        ("[]", [("schema", "")]),
        ("[1]", [("schema", "[0]")]),
        ("{}", [("schema", "values")]),
        ('{"values": 5}', [("schema", "values")]),
        ('{"values": {}}', [("schema", "")]),
        ('{"voltage": 230}', [("schema", "values")]),
        ('{"values": {"voltage": NaN}}', [("nan", "values.voltage")]),
        ('{"values": {"voltage": -Infinity}}', [("nan", "values.voltage")]),
        ('{"values": {"voltage": 1e999}}', [("out_of_range", "values.voltage")]),
        ('{"values": {"voltage": ' + "9" * 5_000 + "}}", [("out_of_range", "values.voltage")]),
        ('{"values": {"voltage": "230"}}', [("schema", "values.voltage")]),
        ('{"values": {"voltage": true}}', [("schema", "values.voltage")]),
        ('{"values": {"voltage": [230]}}', [("schema", "values.voltage")]),
        ('{"values": {"voltage": {"l1": 230}}}', [("schema", "values.voltage")]),
        ("[" * 50_000, [("schema", "")]),
        ('{"values": ' + '{"a":' * 20_000 + "1" + "}" * 20_001, [("schema", "")]),
    ],
)
def test_nothing_passes_of_these(payload: str | bytes, faults: list[tuple[str, str]]) -> None:
    decoded = telemetry(payload)
    assert named(decoded) == faults
    assert not decoded.measurements
    assert all(fault.detail for fault in decoded.faults)


@pytest.mark.parametrize("ts", ['"yesterday"', '"2026-11-22T08:00:00"', "1e300", "true", "{}", "[1]"])
def test_a_time_that_cannot_be_read_is_named_and_loses_no_alarm(ts: str) -> None:
    decoded = telemetry(f'{{"ts": {ts}, "values": {{"smoke_alarm": true}}}}')
    assert named(decoded) == [("schema", "ts")]
    assert [(m.values, m.ts) for m in decoded.measurements] == [({"smoke_alarm": 1.0}, None)]


@pytest.mark.parametrize("room", [b'"caf\xc3"', b'"\xff\xfe"'])
def test_a_text_that_is_none_is_named_and_loses_no_alarm(room: bytes) -> None:
    decoded = NATIVE.decode(b"mingluo/v1/c0/h0/d0/event", b'{"event": "smoke_alarm", "room": ' + room + b"}", 0)
    assert named(decoded) == [("not_json", "")]
    assert [m.values for m in decoded.measurements] == [{"smoke_alarm": 1.0}]


@pytest.mark.parametrize(("before", "after"), [(b"\xef\xbb\xbf", b""), (b"", b"\0"), (b"", b"\r\n\0\0")])
def test_what_c_and_editors_put_around_a_message_loses_no_alarm(before: bytes, after: bytes) -> None:
    payload = before + b'{"event": "smoke_alarm", "room": "a\tb"}' + after
    decoded = NATIVE.decode(b"mingluo/v1/c0/h0/d0/event", payload, 0)
    assert [m.values for m in decoded.measurements] == [{"smoke_alarm": 1.0}]
    assert not decoded.faults


def test_good_values_of_a_partly_bad_message_pass() -> None:
    decoded = telemetry('{"ts": 5, "seq": -1, "values": {"voltage": NaN, "current": 4.5, "co": "x", "humidity": null}}')
    assert named(decoded) == [("schema", "seq"), ("nan", "values.voltage"), ("schema", "values.co")]
    (measurement,) = decoded.measurements
    assert (measurement.values, measurement.ts, measurement.seq) == ({"current": 4.5, "humidity": None}, 5, None)


def test_good_objects_of_a_partly_bad_list_pass() -> None:
    decoded = telemetry('[{"values": {"voltage": 230}}, 7, {"values": {"voltage": "x"}}, {"values": {"current": 1}}]')
    assert [m.values for m in decoded.measurements] == [{"voltage": 230}, {"current": 1}]
    assert named(decoded) == [("schema", "[1]"), ("schema", "[2].values.voltage")]


def test_too_long_a_list_is_refused_whole() -> None:
    item = '{"values": {"voltage": 230}}'
    assert len(telemetry(f"[{','.join([item] * MAX_OBJECTS)}]").measurements) == MAX_OBJECTS
    assert named(telemetry(f"[{','.join([item] * (MAX_OBJECTS + 1))}]")) == [("schema", "")]


def test_many_faults_of_one_reason_hide_no_other() -> None:
    bad = ", ".join(f'"x{i}": "text"' for i in range(100))
    decoded = telemetry(f'{{"values": {{{bad}, "voltage": NaN}}}}')
    assert len(decoded.faults) == lenient.MAX_FAULTS
    assert Reason.NAN in {fault.reason for fault in decoded.faults}


@pytest.mark.parametrize(
    ("raw", "flag"), [("true", 1), ("ON", 1), (" 1 ", 1), ("off", 0), ("perhaps", None), ("", None)]
)
def test_a_flag_in_quotes_is_told_and_not_lost(raw: str, flag: float | None) -> None:
    decoded = telemetry(json.dumps({"values": {"smoke_alarm": raw, "co": 3}}))
    assert named(decoded) == [("schema", "values.smoke_alarm")]
    assert decoded.measurements[0].values == ({"co": 3} if flag is None else {"smoke_alarm": flag, "co": 3})


def test_flags_may_be_true_or_false_also_among_values() -> None:
    decoded = telemetry('{"values": {"breaker_closed": true, "smoke_alarm": false, "voltage": 230}}')
    assert decoded.measurements[0].values == {"breaker_closed": 1, "smoke_alarm": 0, "voltage": 230}
    assert not decoded.faults


@pytest.mark.parametrize("ts", ['"2026-11-22T16:00:00+08:00"', "1795334400000", "1795334400000.7"])
def test_times_in_any_of_their_forms(ts: str) -> None:
    assert telemetry(f'{{"ts": {ts}, "values": {{"voltage": 230}}}}').measurements[0].ts == 1_795_334_400_000


@pytest.mark.parametrize(
    ("payload", "values", "faults"),
    [
        ('{"event": "smoke_alarm"}', {"smoke_alarm": 1}, []),
        ('{"event": "smoke_alarm", "active": false}', {"smoke_alarm": 0}, []),
        ('{"event": "trip", "active": 1}', {"trip": 1}, []),
        # Told, and what can be understood is not lost.
        ('{"event": "trip", "active": "yes"}', {"trip": 1}, [("schema", "active")]),
        ('{"event": "trip", "active": "false"}', {"trip": 0}, [("schema", "active")]),
        ('{"event": "trip", "active": "perhaps"}', None, [("schema", "active")]),
        ('{"event": "trip", "active": null}', {"trip": 1}, [("schema", "active")]),
        ('{"event": "trip", "active": 2}', None, [("schema", "active")]),
        ('{"event": "trip", "active": {}}', None, [("schema", "active")]),
        ('{"event": "voltage"}', None, [("schema", "event")]),
        ('{"event": 5}', None, [("schema", "event")]),
        ("{}", None, [("schema", "event")]),
    ],
)
def test_events(payload: str, values: dict[str, float] | None, faults: list[tuple[str, str]]) -> None:
    decoded = NATIVE.decode(topic(leaf="event").encode(), payload.encode(), 0)
    assert [m.values for m in decoded.measurements] == ([] if values is None else [values])
    assert named(decoded) == faults


@pytest.mark.parametrize(
    ("payload", "online"),
    [
        (b'{"status": "online", "ts": 5}', 1),
        (b'{"status": "offline"}', 0),
        (b"online", 1),
        (b'"Offline"', 0),
    ],
)
def test_status(payload: bytes, online: float) -> None:
    (measurement,) = NATIVE.decode(topic(leaf="status").encode(), payload, 0).measurements
    assert measurement.values == {"online": online}


def test_a_status_of_another_kind_is_refused_and_a_cleared_one_ignored() -> None:
    assert named(NATIVE.decode(topic(leaf="status").encode(), b'{"status": "fine"}', 0)) == [("schema", "status")]
    assert NATIVE.decode(topic(leaf="status").encode(), b"", 0) is IGNORED


def test_a_misspelt_topic_is_told_the_right_one() -> None:
    (fault,) = NATIVE.decode(topic(leaf="telemetri").encode(), b"{}", 0).faults
    assert fault.reason is Reason.UNKNOWN_TOPIC
    assert "did you mean telemetry?" in fault.detail


@pytest.mark.parametrize("leaf", ["error", "command", "command/reply"])
def test_our_own_messages_are_ignored(leaf: str) -> None:
    assert NATIVE.decode(topic(leaf=leaf).encode(), b"{}", 0) is IGNORED


anything = st.binary(max_size=400) | st.text(string.printable).map(str.encode)


@given(anything, st.sampled_from(["telemetry", "event", "status", "x"]))
def test_whatever_comes_it_does_not_raise_and_says_something(payload: bytes, leaf: str) -> None:
    decoded = NATIVE.decode(topic(leaf=leaf).encode(), payload, 0)
    assert decoded.measurements or decoded.faults or decoded is IGNORED


leaves = st.none() | st.booleans() | st.floats() | st.text()
members = st.text() | signals | st.sampled_from(["values", "ts", "seq", "event", "active", "status"])


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(members, inner)))
def test_any_json_is_read_or_refused(data: object) -> None:
    for leaf in ("telemetry", "event", "status"):
        decoded = NATIVE.decode(topic(leaf=leaf).encode(), json.dumps(data).encode(), 0)
        assert decoded.measurements or decoded.faults
