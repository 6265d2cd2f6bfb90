"""Application units → plain values."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.clock import parse_time
from gateway.gb26875.frame import Splitter
from gateway.gb26875.moments import read_moment, write_moment
from gateway.gb26875.objects import MAX_THINGS, Layout, read_text, read_unit
from tests.gateway.gb26875.frames import NOW, component_state, component_value, unit

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "payloads" / "gb26875.jsonl"


def test_the_state_of_components() -> None:
    things, fault = read_unit(unit(2, component_state(0x0002), component_state(0x0104, kind=17, zone=65_535, point=0)))
    assert fault is None
    smoke, residual = things
    assert (smoke.kind, smoke.system, smoke.component) == ("component_state", "1-1", "3.9")
    assert smoke.body == {
        "component_type": 40, "state": 2, "text": "二楼走廊", "system_type": 1, "system_address": 1,
    }  # fmt: skip
    assert read_moment(smoke.moment) == NOW
    assert (residual.component, residual.body["state"]) == ("65535.0", 0x0104)


def test_analogue_values_have_a_sign() -> None:
    things, _ = read_unit(unit(3, component_value(9, 3), component_value(3, -215, kind=31)))
    assert [(t.body["analogue_type"], t.body["value"]) for t in things] == [(9, 3), (3, -215)]


@pytest.mark.parametrize(
    ("data", "kind", "system", "body"),
    [
        ("0101 0102 0300", "system_state", "1-2", {"state": 3}),
        ("0401 0102 05 07", "system_operation", "1-2", {"operation": 5, "operator": 7}),
        ("0501 0102 03 0a", "system_version", "1-2", {"version": "3.10"}),
        ("0601 0102 02 4142", "system_setup", "1-2", {"text": "AB"}),
        ("0801 0102", "system_time", "1-2", {}),
        ("1501 08", "transmitter_state", None, {"state": 8}),
        ("1801 20 02", "transmitter_operation", None, {"operation": 32, "operator": 2}),
        ("1901 02 01", "transmitter_version", None, {"version": "2.1"}),
        ("1a01 03 414243", "transmitter_setup", None, {"text": "ABC"}),
        ("1c01", "transmitter_time", None, {}),
    ],
)
def test_every_type(data: str, kind: str, system: str | None, body: dict[str, object]) -> None:
    timed = kind.endswith(("state", "operation", "time"))
    (thing,), fault = read_unit(bytes.fromhex(data) + (write_moment(NOW) if timed else b""))
    assert fault is None
    assert (thing.kind, thing.system) == (kind, system)
    assert body.items() <= thing.body.items()
    assert (read_moment(thing.moment) == NOW) is timed


def test_setup_of_components() -> None:
    (thing,), fault = read_unit(unit(7, component_state()[:7] + "配电间".encode("gb18030").ljust(31, b"\0")))
    assert (thing.kind, thing.component, thing.body["text"], fault) == ("component_setup", "3.9", "配电间", None)


def test_a_maker_s_own_type_is_kept_raw_or_read_as_the_one_it_is_laid_out_like() -> None:
    data = unit(130, component_state())
    (raw,), fault = read_unit(data)
    assert (raw.kind, raw.body, fault) == ("private", {"type": 130, "data": data[1:].hex()}, None)
    (read,), _ = read_unit(data, Layout({130: 2}))
    assert read.body["state"] == 3


def test_a_handshake_of_one_byte() -> None:
    (thing,), fault = read_unit(b"\x16")
    assert (thing.kind, thing.body["type"], fault) == ("private", 0x16, None)


@pytest.mark.parametrize("missing", range(1, 47))
def test_what_is_cut_off_costs_none_that_came_before_and_no_alarm_that_is_there(missing: int) -> None:
    whole = unit(2, component_state(0x0001), component_state(0x0003, point=10))
    things, fault = read_unit(whole[:-missing])
    assert things[0].body["state"] == 1
    assert [t.body["state"] for t in things[1:]] == [3] * (46 - missing >= 9)
    if 46 - missing < 9:
        assert fault == "type 2: 2 objects announced, 1 are there"


def test_objects_beyond_the_count_are_read_too() -> None:
    things, fault = read_unit(unit(2, component_state(0x0001), component_state(0x0003), count=1))
    assert [t.body["state"] for t in things] == [1, 3]
    assert fault is not None
    assert len(read_unit(unit(1, *[b"\1\1\3\0" + write_moment(NOW)] * 102, count=0))[0]) == 102


def test_objects_without_their_time_or_with_a_shorter_text() -> None:
    timeless, fault = read_unit(unit(2, component_state(3)[:40], component_state(1)[:40]), Layout(timed=False))
    assert ([t.body["state"] for t in timeless], timeless[0].moment, fault) == ([3, 1], b"", None)
    state = component_state(3, text="机房")
    shorter, fault = read_unit(unit(2, state[:25] + state[40:]), Layout(text=16))
    assert (shorter[0].body["text"], read_moment(shorter[0].moment), fault) == ("机房", NOW, None)


def test_texts() -> None:
    assert read_text("消防控制室".encode("gbk") + b"\0\0old") == "消防控制室"
    assert read_text(b" " * 30 + b"\0") == ""
    assert read_text("走廊".encode("gbk")[:-1]).startswith("走")


def test_times() -> None:
    assert read_moment(bytes((2, 58, 9, 26, 9, 12))) == parse_time("2012-09-26T09:58:02+08:00")
    assert read_moment(bytes((2, 58, 9, 26, 9, 12)), 0) == parse_time("2012-09-26T09:58:02Z")
    for broken in (bytes(6), b"\xff" * 6, bytes((0, 0, 0, 31, 2, 26)), bytes((60, 0, 0, 1, 1, 26)), b"\1\2\3"):
        assert read_moment(broken) is None


@given(st.integers(946_684_800, 8_000_000_000))
def test_times_come_back(seconds: int) -> None:
    assert read_moment(write_moment(seconds * 1_000)) == seconds * 1_000


@given(st.binary(max_size=1_024) | st.builds(lambda t, d: bytes((t,)) + d, st.integers(1, 28), st.binary(max_size=300)))
def test_nothing_is_raised(data: bytes) -> None:
    things, _ = read_unit(data)
    assert len(things) <= 2 * MAX_THINGS
    json.dumps([t.body for t in things])


@pytest.mark.skipif(not RECORDED.exists(), reason="messages recorded by others lie beside the project")
def test_messages_recorded_by_others() -> None:
    payloads = [json.loads(line)["payload"] for line in RECORDED.read_text().splitlines()]
    frames = [f for p in payloads if p["kind"] == "frame" for f in Splitter().feed(bytes.fromhex(p["hex"]))]
    units = [bytes.fromhex(p["hex"]) for p in payloads if p["kind"] != "frame"] + [f.unit for f in frames]
    read = [read_unit(u) for u in units]
    assert any(t.kind == "transmitter_state" for things, _ in read for t in things)
