"""The offline check of recorded messages."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.decoding.registry import Profiles
from gateway.payloads import UnknownProfileError, check_lines
from tests.gateway.mutations import mutated
from tests.gateway.village import NOW, estate, message, topic

PROFILES = Profiles()


def check(*lines: object) -> list[dict[str, Any]]:
    """Check lines given as objects, texts or bytes."""
    return list(check_lines(map(_bytes, lines), profiles=PROFILES))


def _bytes(line: object) -> bytes:
    if isinstance(line, bytes):
        return line
    return line.encode() if isinstance(line, str) else json.dumps(line).encode()


def test_a_reading() -> None:
    (line,) = check({"topic": topic(), "payload": {"values": {"voltage": 230.5, "breaker_closed": True}}})
    assert line == {
        "line": 1, "outcome": "accepted", "profile": "native", "device": "d0",
        "values": {"voltage": 230.5, "breaker_closed": 1.0}, "events": [], "reason": None, "detail": None,
    }  # fmt: skip


def test_an_event_and_a_status() -> None:
    trip, gone = check(
        {"topic": topic(leaf="event"), "payload": {"event": "trip", "active": False}},
        {"topic": topic(leaf="status"), "payload": "offline"},
    )
    assert (trip["outcome"], trip["events"]) == ("event", [{"name": "trip", "active": False}])
    assert gone["events"] == [{"name": "online", "active": False}]


@pytest.mark.parametrize(
    "form",
    [
        {"payload": {"values": {"co": 4}}},
        {"payload": '{"values": {"co": 4}}'},
        {"payload_hex": b'{"values": {"co": 4}}'.hex()},
        {"payload": [{"values": {"co": 4}}]},
    ],
)
def test_every_form_of_payload(form: dict[str, object]) -> None:
    (line,) = check({"topic": topic(), **form})
    assert (line["outcome"], line["values"]) == ("accepted", {"co": 4.0})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "not_json"),
        ("[1, 2]", "not_json"),
        ('{"payload": {}}', "not_json"),
        (b"\xff", "not_json"),
        ('{"topic": "x", "payload": ' + "[" * 100_000, "schema"),
        ({"topic": topic(), "payload_hex": "xyz"}, "not_json"),
        ({"topic": topic(), "payload": "no"}, "not_json"),
        ({"topic": topic(), "payload": {"values": {"co": "4"}}}, "schema: values.co"),
        ({"topic": topic(), "payload": {"values": {"co": -1}}}, "out_of_range: values.co"),
        (f'{{"topic": "{topic()}", "payload": {{"values": {{"co": NaN}}}}}}', "nan: values.co"),
        (f'{{"topic": "{topic()}", "payload": {{"values": {{"co": 1e999}}}}}}', "out_of_range: values.co"),
        ({"topic": topic(), "payload": {"values": {"coo": 4}}}, "unknown_signal: values.coo"),
        ({"topic": topic(), "payload": {"values": {"co": None}}}, "schema"),
        ({"topic": topic(), "payload": "x" * 70_000}, "too_large"),
        ({"topic": "mingluo/v1/a/b", "payload": {}}, "unknown_topic"),
        ({"topic": topic(leaf="telemetri"), "payload": {}}, "unknown_topic"),
        ({"topic": topic(), "payload": {"values": {"voltage": 655.35}}}, "out_of_range: values.voltage"),
    ],
)  # fmt: skip
def test_what_is_quarantined_and_why(line: object, reason: str) -> None:
    good = {"topic": topic(), "payload": {"values": {"co": 4}}}
    _, verdict, after = check(good, line, good)
    assert (verdict["line"], verdict["outcome"], verdict["reason"]) == (2, "quarantined", reason)
    assert verdict["detail"]
    assert (after["line"], after["outcome"]) == (3, "accepted")


@pytest.mark.parametrize(("ts", "received_at"), [(5, NOW), (NOW + 61_000, "2026-11-22T08:00:00Z")])
def test_a_clock_that_is_not_credible_is_noted_and_costs_nothing(ts: int, received_at: int | str) -> None:
    (line,) = check({"topic": topic(), "payload": {"ts": ts, "values": {"co": 4}}, "received_at": received_at})
    assert (line["outcome"], line["values"], line["reason"]) == ("accepted", {"co": 4.0}, None)
    assert line["events"] == [{"name": "clock_fault", "active": True}]


def test_what_a_file_says_of_a_device_before_is_remembered() -> None:
    live = {"topic": topic(), "payload": {"values": {"voltage": 230, "current": 2, "active_power": 460}}}
    zero = {"topic": topic(), "payload": {"values": {"voltage": 0, "current": 0, "active_power": 0}}}
    unknown, _, lost, good = check(zero, live, zero, live)
    assert (unknown["values"], unknown["events"]) == ({"current": 0.0, "active_power": 0.0}, [])
    assert (lost["outcome"], lost["values"]) == ("quarantined", {})
    assert lost["events"] == [{"name": "sensor_fault", "active": True}]
    assert good["events"] == [{"name": "sensor_fault", "active": False}]


def test_clocks_are_not_judged_without_a_receipt_time() -> None:
    (line,) = check({"topic": topic(), "payload": {"ts": 5, "values": {"co": 4}}})
    assert line["outcome"] == "accepted"


def test_a_partly_bad_message_is_accepted_and_its_bad_part_named() -> None:
    (line,) = check({"topic": topic(), "payload": {"values": {"voltage": 1e9, "co": 4, "voltge": 1}}})
    assert (line["outcome"], line["values"]) == ("accepted", {"co": 4.0})
    assert line["reason"] == "out_of_range: values.voltage; unknown_signal: values.voltge"
    assert "did you mean voltage?" in line["detail"]


@pytest.mark.parametrize(
    ("topic_", "profile"),
    [("nobodys/kitchen", None), (topic(leaf="error"), "native"), (topic(leaf="command"), "native")],
)
def test_what_is_not_ours_or_carries_nothing_is_ignored(topic_: str, profile: str | None) -> None:
    (line,) = check({"topic": topic_, "payload": {}})
    assert (line["outcome"], line["profile"], line["reason"]) == ("ignored", profile, None)


def test_repetitions_are_told_only_of_messages_with_a_time_or_number() -> None:
    dated = {"topic": topic(), "payload": {"ts": 5, "values": {"co": 4}}}
    numbered = {"topic": topic(), "payload": {"seq": 5, "values": {"co": 4}}}
    neither = {"topic": topic(), "payload": {"values": {"co": 4}}}
    other = {"topic": topic(1), "payload": {"ts": 5, "values": {"co": 4}}}
    outcomes = [x["reason"] for x in check(dated, numbered, neither, other, dated, numbered, neither)]
    assert outcomes == [None, None, None, None, "duplicate", "duplicate", None]


def test_an_unknown_profile_is_named_before_the_first_line() -> None:
    with pytest.raises(UnknownProfileError, match=r"there are .*native"):
        check_lines([], "nativ")


def test_it_judges_as_admission_does() -> None:
    for where, payload in mutated(500, seed=3):
        on = where.decode(errors="replace")
        (verdict,) = check({"topic": on, "payload_hex": payload.hex(), "received_at": NOW})
        admitted = Admission(estate()).take(Packets.runs([message(payload, on)]))
        gone = {"unknown_device", "wrong_topic"}  # every device counts as registered
        named = {r.reason.value for r in admitted.refusals} - gone
        assert named <= {part.split(":")[0] for part in (verdict["reason"] or "").split("; ")} | gone


@given(st.lists(st.binary(max_size=200) | st.text().map(str.encode)))
def test_it_never_stops_and_never_raises(lines: list[bytes]) -> None:
    assert [x["line"] for x in check_lines(lines, profiles=PROFILES)] == list(range(1, len(lines) + 1))
