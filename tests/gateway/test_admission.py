"""Admission: each refusal by its name, and nothing of other devices touched."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.clock import DAY, MINUTE
from community.estate import Estate
from community.frame import Frame, Reading, decode_record, encode_record
from community.quantities import SIGNALS
from community.refusal import PAYLOAD_KEPT, Reason
from gateway.admission import Admission, Limits
from gateway.admitted import Admitted
from gateway.columnar.packets import Packets
from gateway.decoding.registry import Profiles
from gateway.framing import MAX_FRAME_BYTES
from gateway.journal import Journal
from gateway.link.packets import Message
from gateway.refusals import KEPT
from gateway.values import implausible, value_fault
from tests.gateway.village import NOW, dated, estate, message, topic


def readings(admitted: Admitted) -> list[Reading]:
    """Every reading of every frame, by partition."""
    return [r for _, frames in sorted(admitted.frames.items()) for frame in frames for r in frame.readings()]


def reasons(admitted: Admitted) -> list[str]:
    """Reason of each refusal kept."""
    return [r.reason.value for r in admitted.refusals]


def take(*messages: Message) -> Admitted:
    """A fresh admission's verdict."""
    return Admission(estate()).take(Packets.runs(messages))


def test_a_good_reading_comes_in_whole() -> None:
    admitted = take(message(dated(NOW - 5, voltage=230.5, co=0)))
    assert readings(admitted) == [Reading("d0", NOW - 5, NOW, {"voltage": 230.5, "co": 0.0})]
    assert (admitted.readings, admitted.events, admitted.ignored, admitted.refusals) == (1, 0, 0, [])


def test_without_a_time_the_receipt_counts() -> None:
    assert readings(take(message('{"values": {"voltage": 230}}')))[0].ts == NOW


def test_missing_is_absent_and_never_zero() -> None:
    admitted = take(message('{"values": {"voltage": null, "current": 1}}'), message('{"values": {"co": 2}}', topic(2)))
    assert [r.values for r in readings(admitted)] == [{"current": 1.0}, {"co": 2.0}]


def test_events_and_status_become_signals() -> None:
    admitted = take(
        message('{"event": "smoke_alarm", "active": true}', topic(leaf="event")),
        message('{"status": "online"}', topic(leaf="status")),
    )
    assert [r.values for r in readings(admitted)] == [{"smoke_alarm": 1.0}, {"online": 1.0}]
    assert admitted.events == 2


@pytest.mark.parametrize(
    ("sent", "reason", "detail"),
    [
        (message("{}", "mingluo/v1/c0/h0/d0"), Reason.UNKNOWN_TOPIC, "expected mingluo/v1/"),
        (message("{}", "mingluo/v1/c0/h0/d0/a/b"), Reason.UNKNOWN_TOPIC, "no such topic below"),
        (message("{}", topic(leaf="telemetri")), Reason.UNKNOWN_TOPIC, "did you mean telemetry"),
        (message("{}", b"mingluo/v1/\xff/\xfe/\xfd/telemetry"), Reason.UNKNOWN_TOPIC, "expected"),
        (message("{}", "elsewhere/x"), Reason.UNKNOWN_TOPIC, "no profile"),
        (message("{}", "mingluo/v1/c0/h0/d99/telemetry"), Reason.UNKNOWN_DEVICE, "'d99'"),
        (message("{}", "mingluo/v1/c0/h1/d0/telemetry"), Reason.WRONG_TOPIC, "mingluo/v1/c0/h0/d0/..."),
        (message("{}", "mingluo/v1/c9/h0/d0/telemetry"), Reason.WRONG_TOPIC, "mingluo/v1/c0/h0/d0/..."),
        (message("no"), Reason.NOT_JSON, ""),
        (message("[]"), Reason.SCHEMA, "empty list"),
        (message('{"values": {"voltage": null}}'), Reason.SCHEMA, "nothing measured"),
        (message('{"values": {"voltage": 1e9}}'), Reason.OUT_OF_RANGE, "values.voltage: 1e+09 is outside 0..1000 V"),
        (message('{"values": {"fault": 0.5}}'), Reason.OUT_OF_RANGE, "neither 0 nor 1"),
        (message('{"values": {"voltage": NaN}}'), Reason.NAN, "values.voltage"),
        (message('{"values": {"voltge": 230}}'), Reason.UNKNOWN_SIGNAL, "did you mean voltage?"),
        (message('{"event": "smoke_alrm"}', topic(leaf="event")), Reason.UNKNOWN_SIGNAL, "did you mean smoke_alarm?"),
        (message('{"values": {"co": 1}, "x": "' + "x" * 65_536 + '"}'), Reason.TOO_LARGE, "at most 65536"),
    ],
)
def test_each_refusal_has_its_name_and_says_why(sent: Message, reason: Reason, detail: str) -> None:
    good = message('{"values": {"voltage": 230}}', topic(1))
    admitted = take(good, sent, good)
    assert [r.device for r in readings(admitted)] == ["d1", "d1"], "the neighbours are untouched"
    (refusal,) = admitted.refusals
    assert refusal.reason is reason
    assert detail in refusal.detail
    assert (refusal.at, refusal.size) == (NOW, len(sent.payload))
    assert refusal.payload == sent.payload[:PAYLOAD_KEPT]
    assert refusal.device == ("d0" if b"/d0/" in sent.topic else None)
    assert admitted.refused == {reason: 1}


def test_times_at_the_very_limits_come_in() -> None:
    admitted = take(*(message(dated(ts, co=1)) for ts in (NOW - 7 * DAY, NOW + MINUTE)))
    assert admitted.readings == 2


def test_limits_are_settings() -> None:
    admission = Admission(estate(), Limits(max_payload=50, too_old=10, future=10))
    admitted = admission.take(
        Packets.runs(
            [message(dated(ts, co=1)) for ts in (NOW - 11, NOW - 10, NOW + 10, NOW + 11)]
            + [message('{"values": {"co": 1}, "padding": "xxxxxxxxxxxxxxxxxx"}')]
        )
    )
    assert reasons(admitted) == ["too_large"]
    assert [r.ts - NOW for r in readings(admitted)] == [0, -10, 10, 0], "an incredible clock gives way to the receipt"
    assert [r.values.get("clock_fault") for r in readings(admitted)] == [1.0, 0.0, None, 1.0]


def test_a_partly_bad_message_gives_what_is_good_and_a_refusal_for_each_reason() -> None:
    admitted = take(message('{"values": {"voltage": 1e9, "current": 3, "voltge": 1, "co": NaN}}'))
    assert [r.values for r in readings(admitted)] == [{"current": 3.0}]
    assert sorted(reasons(admitted)) == ["nan", "out_of_range", "unknown_signal"]


@pytest.mark.parametrize("way", ["one flush", "two flushes", "after a restart"])
def test_the_same_reading_twice_comes_in_once(way: str) -> None:
    sent = [message(dated(NOW, co=value)) for value in (1, 2)]
    admission = Admission(estate())
    if way == "one flush":
        admitted = admission.take(Packets.runs([*sent, *sent]))
        assert readings(admitted)[0].values == {"co": 1.0}
    else:
        first = admission.take(Packets.runs(sent))
        if way == "after a restart":
            admission = Admission(estate())
            frames = [decode_record(encode_record(f)) for fs in first.frames.values() for f in fs]
            admission.remember(f for f in frames if isinstance(f, Frame))
        admitted = admission.take(Packets.runs(sent))
    assert admitted.readings == (2 if way == "one flush" else 0)
    assert reasons(admitted) == ["duplicate", "duplicate"]


def test_remembering_skips_devices_and_signals_that_are_gone() -> None:
    frame = Frame.from_columns(
        ["gone", "d0"], ["old_signal", "co"], np.array([0, 1], np.int32), np.array([NOW, NOW]),
        np.array([NOW, NOW]), np.array([[1.0, 1.0], [np.nan, 1.0]]),
    )  # fmt: skip
    admission = Admission(estate())
    admission.remember([frame])
    assert reasons(admission.take(Packets.runs([message(dated(NOW, co=1))]))) == ["duplicate"]


def test_readings_without_time_and_number_are_repetitions_only_if_the_broker_says_so() -> None:
    body = '{"values": {"co": 1}}'
    admission = Admission(estate())
    assert admission.take(Packets.runs([message(body), message(body, at=NOW + 1)])).readings == 2
    again = admission.take(Packets.runs([message(body, at=NOW + 2, dup=True)]))
    assert (again.readings, again.refused) == (0, {Reason.DUPLICATE: 1})
    assert again.refusals == [], "what the broker repeats is nobody's mistake"
    assert admission.take(Packets.runs([message('{"values": {"co": 2}}', dup=True)])).readings == 1, (
        "new content, though marked"
    )


def test_a_number_tells_repetitions_for_minutes_but_not_for_ever() -> None:
    body = '{"seq": 1, "values": {"battery": 100}}'
    admission = Admission(estate())
    assert admission.take(Packets.runs([message(body)])).readings == 1
    assert reasons(admission.take(Packets.runs([message(body, at=NOW + 9 * MINUTE)]))) == ["duplicate"]
    assert admission.take(Packets.runs([message(body, at=NOW + DAY)])).readings == 1, (
        "a counter that began anew is no repetition"
    )
    assert admission.take(Packets.runs([message('{"seq": 2, "values": {"battery": 100}}', at=NOW + DAY)])).readings == 1


def test_a_stored_copy_of_unknown_age_is_not_taken_for_news() -> None:
    undated = message('{"event": "smoke_alarm"}', topic(leaf="event"), retained=True)
    with_time = message(json.dumps({"ts": NOW, "event": "smoke_alarm"}), topic(leaf="event"), retained=True)
    admitted = take(undated, with_time)
    assert (admitted.readings, admitted.ignored, admitted.refusals) == (1, 1, [])


def test_a_stored_birth_is_no_sign_of_life_but_a_stored_last_will_holds() -> None:
    born = message('{"status": "online"}', topic(0, leaf="status"), retained=True)
    born_then = message(json.dumps({"ts": NOW - 5, "status": "online"}), topic(1, leaf="status"), retained=True)
    gone = message('{"status": "offline"}', topic(2, leaf="status"), retained=True)
    admitted = take(born, born_then, gone)
    assert [(r.device, r.values) for r in readings(admitted)] == [("d2", {"online": 0.0})]
    assert (admitted.ignored, admitted.refusals) == (2, [])


@pytest.mark.parametrize("leaf", ["error", "command", "command/reply"])
def test_our_own_messages_are_ignored(leaf: str) -> None:
    admitted = take(message("{}", topic(leaf=leaf)), message("{}", f"mingluo/v1/c/h/nobody/{leaf}"))
    assert (admitted.ignored, admitted.refusals, admitted.frames) == (2, [], {})


def test_only_the_last_refusals_of_a_device_are_kept_but_all_are_counted() -> None:
    admitted = take(*(message(f"bad {i}", at=NOW + i) for i in range(50)), message("bad", topic(1)))
    assert [r.at - NOW for r in admitted.refusals if r.device == "d0"] == list(range(50 - KEPT, 50))
    assert [r.device for r in admitted.refusals].count("d1") == 1
    assert admitted.refused == {Reason.NOT_JSON: 51}


def test_rows_keep_the_order_of_receipt_in_their_partition() -> None:
    sent = [message(dated(NOW - i, co=1), topic(i % 4), at=NOW + i) for i in range(40)]
    for frames in take(*sent).frames.values():
        received = np.concatenate([f.received_at for f in frames])
        assert (np.diff(received) > 0).all()


def test_a_change_of_the_estate_keeps_what_is_known_of_those_who_stay() -> None:
    sent = [message(dated(NOW, co=1), topic(i)) for i in range(4)]
    admission = Admission(estate(homes=2))
    assert reasons(admission.take(Packets.runs(sent))) == ["unknown_device", "unknown_device"]
    admission.set_estate(estate(homes=4))
    again = admission.take(Packets.runs(sent))
    assert (again.readings, reasons(again)) == (2, ["duplicate", "duplicate"])
    admission.set_estate(estate(homes=1))
    admission.set_estate(estate(homes=4))
    assert admission.take(Packets.runs(sent)).readings == 3, "who left was forgotten"


def test_lists_in_many_messages_become_frames_of_bounded_size() -> None:
    wide = json.dumps({"values": {s: 1 for s in SIGNALS if s != "voltage"}})
    items = ",".join(dated(NOW - i, voltage=1) for i in range(1_000))
    admitted = take(message(wide), *(message(f"[{items}]", topic(i)) for i in (0, 1, 2, 3)))
    assert (admitted.readings, admitted.refused) == (4_001, {})
    assert all(len(encode_record(f)) < MAX_FRAME_BYTES for frames in admitted.frames.values() for f in frames)


@given(st.sampled_from(SIGNALS), st.floats(allow_nan=False))
def test_scalar_and_vector_judgement_of_values_agree(signal: str, value: float) -> None:
    vector = implausible(np.array([[value]]), np.array([SIGNALS.index(signal)]))
    assert (value_fault(signal, value, "") is not None) == bool(vector[0, 0])


def test_an_estate_without_devices_refuses_all_and_tells_of_strangers() -> None:
    admission = Admission(Estate(), profiles=Profiles(), journal=Journal())
    payload = '{"smoke": true, "battery": 90}'
    for at, announced in ((NOW, 1), (NOW + 1_000, 0), (NOW + MINUTE, 1)):
        admitted = admission.take(Packets.runs([message(payload, "zigbee2mqtt/kitchen", at=at), message("{}")]))
        assert (admitted.readings, admitted.refused) == (0, {Reason.UNKNOWN_DEVICE: 2})
        assert [(profile, a.address) for profile, a in admitted.announced] == [("zigbee2mqtt", "kitchen")] * announced
