"""The compiled scan against its twin, against the native profile, and against what is no JSON."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.clock import EARLIEST, LATEST
from community.quantities import SIGNALS
from gateway.columnar.packets import Packets
from gateway.columnar.plan import Kind, Plan, PlanField, native_plan
from gateway.columnar.plans import Plans
from gateway.columnar.scan import EMPTY, FAST, MAX_DEPTH, SLOW, Scanned, scan
from gateway.decoding.native import NATIVE
from gateway.link.packets import Message
from gateway.values import FLAGS
from tests.gateway.columnar.documents import NUMBERS, VARIED, damaged, number
from tests.gateway.columnar.twin import Read, Unsure, scan_all, scan_packets, scan_slowly

NOW = 1_795_000_000_000


PLANS = [native_plan(), VARIED]
COMPILED_PLANS = Plans.compile(PLANS)


def check(payload: bytes, found: Read | int, plan: Plan) -> None:
    if found == SLOW:
        return
    try:
        expected = scan_slowly(payload, plan)
    except Unsure:
        pytest.fail(f"taken: {payload!r}")
    if found == EMPTY:
        assert not expected.values
    else:
        assert isinstance(found, Read)
        found.values.sort()
        expected.values.sort()
        assert found == expected


@settings(deadline=None, max_examples=200)
@given(st.lists(damaged(), min_size=1, max_size=8))
def test_what_it_takes_python_reads_the_same(payloads: list[bytes]) -> None:
    packets = Packets.of([Message(b"t", p, 0, b"", len(p), 7) for p in payloads])
    for i, plan in enumerate(PLANS):
        for payload, found in zip(payloads, scan_packets(packets, COMPILED_PLANS, i), strict=True):
            check(payload, found, plan)


def taken(text: str, plan: Plan) -> Read | int:
    payload = text.encode()
    (found,) = scan_all([payload], [plan])
    check(payload, found, plan)
    return found


@pytest.mark.parametrize(
    "text",
    [
        '{"Time":"2026-11-22T08:00:00","E":{"Voltage":231}}',
        ' {"Time" : "2026-11-22T08:00:00.250+08:00", "E" : {"Voltage": "+25"} }\r\n',
        '{"E":{"Voltage":"1126.0","温度":-3.5,"无":"语"},"n":0}',
        '{"E":{"Voltage":[1,65535,2,3]}}',
        '{"E":{"Voltage":[],"a_key_of_more_than_eight_bytes":12.345678901234}}',
        '{"list":[{"v":null},{"v":2},{"v":3}],"x":[[{}],[],{"":[1,{"raw":"\\u00e9\\n\\"\\\\"}]}]}',
        '{"on":true,"off":false,"state":"ALARM","mode":"whatever"}',
        '{"on":1,"off":0.0,"state":true,"mode":"On"}',
        '{"on":1,"x":1e999,"y":123456789012345678901234567890,"E":null,"z":"\\ud000"}',
        '{"off":-0.0,"Time":null,"n":null}',
        '{"off":1,"Time":1795000000,"list":{"v":1}}',
        '{"off":1,"E":{"ts":1795000000.0625}}',
        '{"off":1,"Time":1795000000000,"E":[1,2]}',
        '{"E":{"Voltage":1e-5,"a_key_of_more_than_eight_bytes":-1.5E+3}}',
    ],
)
def test_ordinary_documents_are_taken(text: str) -> None:
    if "\\ud000" in text:  # it begins as a surrogate does, and such texts are left to Python
        assert taken(text, VARIED) == SLOW
        text = text.replace("\\ud000", "\\uc000")
    assert isinstance(taken(text, VARIED), Read)


@pytest.mark.parametrize("text", ["{}", " { } ", '{"x":1}', '{"E":{}}', '{"E":{"Voltage":null}}', '{"state":"2"}'])
def test_sound_documents_with_nothing_for_us_are_empty(text: str) -> None:
    assert taken(text, VARIED) == EMPTY


NO_JSON = r"""
{ | } | [] | [{}] | 1 | null | {"on":1}x | {"on":1}} | {"on":1 | {"on":1,} | {,"on":1} | {"on"1} | {"on":}
{"on":1 "n":2} | {"on":1,,"n":2} | {"on":1]
{"x":[1,]} | {"x":[,1]} | {"x":[1} | {"x":{1]} | {"x":tru} | {"x":01} | {"x":1.} | {"x":-} | {"x":"	"} | {"x":"\x"}
{"x":"\u12g4"} | {"x":NaN} | {"x":+1} | {'x':1} | {x:1} | \ufeff{"x":1} | {"x":1}\0 | {} {} | {"x":[1 2]} | {"x":{"y"}}
"""
UNUSUAL = r"""
{"on":1,"on":1} | {"E":{},"E":{}} | {"\u006fn":1} | {"E":{"x\n":1}} | {"raw":null} | {"raw_too":{"quo\"te":1}} | {"E":7}
{"E":{"Voltage":[1]}} | {"E":{"Voltage":{}}} | {"E":{"Voltage":true}} | {"E":{"Voltage":"1 V"}} | {"E":{"Voltage":-0}}
{"E":{"Voltage":9007199254740993}} | {"E":{"Voltage":1e23}} | {"E":{"a_key_of_more_than_eight_bytes":"7"}}
{"on":"on"} | {"on":2} | {"off":[]} | {"n":-1} | {"n":1.0} | {"n":"1"} | {"Time":1e300} | {"Time":true}
{"Time":1,"E":{"ts":1}} | {"Time":"yesterday"} | {"Time":"2026-02-29T08:00:00Z"}
{"state":"\u0061larm"} | {"state":"unlisted"} | {"state":null} | {"mode":"on "}
{"mode":""} | {"mode":7} | {"list":[{"v":1},{"v":1}]} | {"x":"\ud83d\ude00"}
"""


def cases(text: str) -> list[str]:
    return [case for line in text.strip().splitlines() for case in line.split(" | ")]


@pytest.mark.parametrize("text", ["", '{"x":' + "1" * 100 + "}", *cases(NO_JSON), *cases(UNUSUAL)])
def test_what_is_no_json_or_unusual_is_left_to_python(text: str) -> None:
    assert taken(text, VARIED) == SLOW


NO_UTF8 = (
    b"\xff",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc3",
    b"\xe6\xb8",
    b"\xf5\x80\x80\x80",
)


@pytest.mark.parametrize("broken", NO_UTF8)
@pytest.mark.parametrize("place", ['"x":"%s"}', '"%s":1}', '"E":{"%s":1}}', '"state":"%s"}', '"x":"%s'])
def test_what_is_no_utf8_is_left_to_python(broken: bytes, place: str) -> None:
    payload = b'{"on":1,' + place.encode() % broken
    assert scan_all([payload, b'{"on":1}'], [VARIED])[0] == SLOW


def test_depth() -> None:
    plan = Plan((PlanField(path=("on",), kind=Kind.FLAG, column=6),))
    for depth, expected in ((MAX_DEPTH, FAST), (MAX_DEPTH + 1, SLOW)):
        found = taken('{"on":1,"x":' + "[" * depth + "]" * depth + "}", plan)
        assert (SLOW if found == SLOW else FAST) == expected


@settings(deadline=None, max_examples=300)
@given(st.lists(NUMBERS | st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=1, max_size=20))
def test_numbers_are_those_of_python_to_the_last_bit(numbers: list[str]) -> None:
    plan = Plan([number("v", i, column=i) for i in range(20)])
    payloads = [f'{{"v":[{text},0]}}'.encode() for text in numbers]
    for payload, found in zip(payloads, scan_all(payloads, [plan]), strict=True):
        check(payload, found, plan)


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_plain_decimals_never_go_slow(digits: int, places: int) -> None:
    text = f"{digits / 10**places:.{places}f}"
    if not digits:
        text = text.lstrip("-")
    found = taken(f'{{"v":{text}}}', Plan([number("v", column=0)]))
    assert isinstance(found, Read)
    assert np.frombuffer(found.values[0][1])[0] == float(text)


@settings(deadline=None, max_examples=200)
@given(
    st.datetimes(),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["Z", "", "+00:00", "-00:30", "+08:00", "-12:59", "+0800"]),
)
def test_times_in_text(moment: datetime, precision: str, zone: str) -> None:
    plan = Plan((PlanField(path=("t",), kind=Kind.TIME), PlanField(path=("on",), kind=Kind.FLAG, column=6)))
    found = taken(json.dumps({"t": moment.isoformat(timespec=precision) + zone, "on": 1}), plan)
    usual = 1970 <= moment.year <= 2999 and precision != "microseconds" and zone != "+0800"
    assert isinstance(found, Read) == usual or not zone


SIGNAL_VALUES = st.dictionaries(
    st.sampled_from([*SIGNALS, "no_such_signal", ""]),
    st.none() | st.booleans() | st.integers(-5, 500) | st.floats(-1e4, 1e4) | st.just("7"),
    max_size=10,
)


@settings(deadline=None, max_examples=200)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "ts": st.none()
            | st.integers(EARLIEST - 5, LATEST + 5)
            | st.just(NOW)
            | st.just("2026-11-22T08:00:00Z")
            | st.just(True),
            "seq": st.none() | st.integers(-1, 2**64) | st.just(1.5),
            "values": SIGNAL_VALUES | st.just([]) | st.none(),
            "more": st.just({"values": 1, "ts": ["é"]}),
        },
    ),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
def test_native_messages_are_what_the_native_profile_says(
    body: dict[str, Any], separators: tuple[str, str], escaped: bool
) -> None:
    payload = json.dumps(body, separators=separators, ensure_ascii=escaped).encode()
    found = scan_all([payload], [native_plan()])[0]
    decoded = NATIVE.decode(b"mingluo/v1/c/h/d/telemetry", payload, NOW)
    if isinstance(found, Read):
        assert not decoded.faults
        (measurement,) = decoded.measurements
        expected = {k: v for k, v in measurement.values.items() if v is not None}
        assert {SIGNALS[c]: np.frombuffer(v)[0] for c, v in found.values} == expected
        assert (found.ts, found.seq) == (measurement.ts, measurement.seq)
    else:
        assert found == SLOW  # never EMPTY: nothing measured is a fault, which Python names


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(SIGNALS), st.decimals(-10_000, 10_000, places=3), min_size=1, max_size=30),
    st.integers(EARLIEST, LATEST) | st.none(),
    st.integers(0, 2**53) | st.none(),
)
def test_usual_native_messages_are_all_taken(values: dict[str, Any], ts: int | None, seq: int | None) -> None:
    said = {name: True if name in FLAGS else float(value) or 1.0 for name, value in values.items()}
    (found,) = scan_all([json.dumps({"ts": ts, "seq": seq, "values": said}).encode()], [native_plan()])
    assert isinstance(found, Read)
    assert {SIGNALS[c]: np.frombuffer(v)[0] for c, v in found.values} == said
    assert (found.ts, found.seq) == (ts, seq)


def test_room_for_values_runs_out() -> None:
    payloads = [f'{{"E":{{"Voltage":{i}}},"on":1}}'.encode() for i in range(100)]
    packets = Packets.of([Message(b"t", p, 0, b"", len(p), 7) for p in payloads])
    plans = Plans.compile(PLANS)
    out = Scanned(100, plans.most + 10)
    at, found, calls = 0, [], 0
    while at < 100:
        at = scan(packets.data, packets.index, np.ones(100, np.int32), plans, out, at)
        found += [
            (int(m), int(c), float(v)) for m, c, v in zip(out.message[: out.count], out.column, out.value, strict=False)
        ]
        out.count, calls = 0, calls + 1
    assert found == [pair for i in range(100) for pair in ((i, 0, float(i)), (i, 6, 1.0))]
    assert calls > 1
    assert (out.status == FAST).all()
    with pytest.raises(ValueError, match="no room"):
        scan(packets.data, packets.index, np.ones(100, np.int32), plans, Scanned(99, 1_000))
    with pytest.raises(ValueError, match="no room"):
        scan(packets.data, packets.index, np.ones(100, np.int32), plans, Scanned(100, plans.most - 1))


def test_without_a_plan_a_message_is_left_to_python() -> None:
    packets = Packets.of([Message(b"t", b'{"on":1}', 0, b"", 8, 7)] * 2)
    out = Scanned(2, 1_000)
    assert scan(packets.data, packets.index, np.array([-1, 1], np.int32), Plans.compile(PLANS), out) == 2
    assert out.status.tolist() == [SLOW, FAST]
    assert scan(b"", packets.index[:0], np.zeros(0, np.int32), Plans.compile(PLANS), out) == 0


def test_nothing_is_read_of_the_message_behind() -> None:
    """Each of these goes on, byte by byte, where the next one begins."""
    head, tail = b'{"on":1,"x":{"y":"}', b'"}}'
    packets = Packets(
        head + tail,
        np.array([[0, 0, 0, len(head), 0, 0], [0, 0, len(head), len(head + tail), 0, 0]], np.int32),
        np.zeros(2, np.int32),
        7,
    )
    assert scan_packets(packets, Plans.compile([VARIED])) == [SLOW, SLOW]


UNCOMPILED = """
from gateway.columnar.plan import native_plan
from tests.gateway.columnar.documents import VARIED
from tests.gateway.columnar.documents import NUMBERS, VARIED, damaged, number
from tests.gateway.columnar.twin import scan_all
from community.compiler import COMPILED
import sys
assert not COMPILED
payloads = [bytes.fromhex(line) for line in sys.stdin.read().split()]
print([scan_all(payloads, [plan]) for plan in (native_plan(), VARIED)])
"""


def test_the_same_without_a_compiler() -> None:
    texts = [
        '{"ts":1795000000123,"seq":7,"values":{"voltage":231.25,"current":-0.0,"smoke_alarm":true,"co":null}}',
        '{"Time":"2026-11-22T08:00:00Z","E":{"Voltage":[1.5,2],"温度":20},"state":"Alarm","x":"\\u00e9é"}',
        '{"E":{"a_key_of_more_than_eight_bytes":1e-3,"Voltage":12345678.5}}',
        '{"list":[{"v":2}],"mode":"off","off":false,"E":{"ts":1795000000.5}}',
        '{"values":{"voltage":1,"voltage":2}}',
        "{",
    ]
    payloads = [*(text.encode() for text in texts), b'{"x":"\xff"}']
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", UNCOMPILED],
        input="\n".join(p.hex() for p in payloads),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([scan_all(payloads, [plan]) for plan in (native_plan(), VARIED)])
    assert done.stdout.count("Read(") == 4
