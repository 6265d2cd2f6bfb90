"""Frames → documents, and through the profile to signals."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.clock import DAY, HOUR, MINUTE
from gateway.decoding.codecs.json import JsonCodec
from gateway.decoding.definition import Example, ProfileFile
from gateway.decoding.loader import read_profile
from gateway.decoding.profile import Decoded, UnreadableError
from gateway.decoding.reader import DataProfile
from gateway.gb26875.codec import MOST_BYTES, Gb26875Codec
from gateway.gb26875.dialects import DialectErrors, Dialects, shipped_dialects
from gateway.gb26875.frame import STANDARD, Command
from tests.gateway.gb26875.frames import NOW, component_state, component_value, fire, frame, unit

FILE = Path(__file__).parents[3] / "gateway" / "profiles" / "gb26875.toml"
TOPIC = "gb26875/7001"


def profile_file() -> ProfileFile:
    """The shipped profile as written."""
    return read_profile(FILE.read_text(encoding="utf-8"), FILE.name)


def profile(dialects: Dialects | None = None) -> DataProfile:
    """The shipped profile with this codec alone."""
    codec = Gb26875Codec(dialects)
    return DataProfile("gb26875", profile_file(), {"gb26875": codec, "json": JsonCodec()})


PROFILE = profile()


def signals(decoded: Decoded) -> dict[str | None, dict[str, float | None]]:
    """What each device says."""
    return {m.device: dict(m.values) for m in decoded.measurements}


def decode(payload: bytes, topic: str = TOPIC, at: int = NOW) -> Decoded:
    """Through the shipped profile."""
    return PROFILE.decode(topic.encode(), payload, at)


@pytest.mark.parametrize("example", profile_file().example, ids=lambda e: e.note)
def test_the_examples_of_the_profile(example: Example) -> None:
    payload = bytes.fromhex(example.payload_hex) if example.payload_hex else (example.payload or "").encode()
    decoded = PROFILE.decode(example.topic.encode(), payload, 0)
    wanted = example.devices or (example,)
    expected = {
        d.device: {**d.values, **{e.name: float(e.active) for e in d.events}} for d in wanted if d.device is not None
    }
    got = signals(decoded)
    assert got.keys() == expected.keys()
    for device, values in expected.items():
        assert got[device] == pytest.approx(values)
    assert bool(decoded.faults) is (example.reason is not None)


@pytest.mark.parametrize("kind", range(256))
def test_the_fire_bit_of_every_type_of_component_is_an_alarm_and_its_end_withdraws_it(kind: int) -> None:
    (alarm,) = signals(decode(frame(unit(2, component_state(0x0002, kind))))).values()
    (end,) = signals(decode(frame(unit(2, component_state(0x0001, kind))))).values()
    active = {name for name, value in alarm.items() if value}
    assert len(active) == 1
    assert active <= {
        "fire_alarm", "smoke_alarm", "heat_alarm", "gas_alarm", "residual_alarm", "temperature_alarm", "manual_call",
    }  # fmt: skip
    assert {name for name, value in end.items() if name in active and value == 0} == active
    (at_unit,) = signals(decode(frame(unit(2, component_state(0x0002, kind))), f"{TOPIC}/unlisted")).items()
    assert at_unit[0] == "7001"
    assert set(at_unit[1].values()) == {1.0}


def test_of_who_is_not_entered_only_danger_is_told() -> None:
    quiet = unit(2, component_state(0x0001), component_state(0x0104))
    assert signals(decode(frame(quiet), f"{TOPIC}/unlisted")) == {"7001": {"online": 1}}


def test_a_word_with_nothing_set_is_a_test_and_a_fire_is_none() -> None:
    (resting,) = signals(decode(frame(unit(2, component_state(0x0000))))).values()
    assert resting["test"] == 1
    (burning,) = signals(decode(frame(unit(2, component_state(0x0002))))).values()
    assert "test" not in burning


def test_times_are_used_only_of_clocks_that_are_near() -> None:
    near = decode(fire(at=NOW - 2 * MINUTE))
    assert near.measurements[0].ts == NOW - 2 * MINUTE
    for off in (-11 * MINUTE, 11 * MINUTE, -8 * HOUR, -14 * 365 * DAY):
        assert [m.ts for m in decode(fire(at=NOW + off)).measurements] == [None]
    for off in (-2 * DAY, 2 * MINUTE):  # the panel's clock, behind a good one
        assert [m.ts for m in decode(frame(unit(2, component_state(at=NOW + off)))).measurements] == [None]


def test_heartbeats_tell_of_the_clock() -> None:
    assert signals(decode(frame())) == {"7001": {"online": 1, "clock_fault": 0}}
    assert signals(decode(frame(at=NOW - DAY))) == {"7001": {"online": 1, "clock_fault": 1}}


@pytest.mark.parametrize("command", [Command.CONTROL, Command.CONFIRM, Command.REQUEST, Command.DENY, 0, 7, 128, 255])
def test_only_data_and_answers_say_something(command: int) -> None:
    assert decode(frame(unit(2, component_state()), command=command)) == Decoded([], [])


def test_an_answer_to_a_question_does() -> None:
    assert decode(frame(unit(2, component_state()), command=Command.ANSWER)).measurements


def test_frames_written_in_hex() -> None:
    assert decode(fire().hex(" ").upper().encode() + b"\r\n") == decode(fire())


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "no frame begins"),
        (b"\x68\x01\x16", "no frame begins"),
        (b"12 34 5", "no frame begins"),
        (b"12345678", "no frame begins"),
        (bytes(MOST_BYTES + 1), "at most"),
        (fire()[:-1], "no whole frame"),
        (fire()[:-3] + b"\x00##", "checksum is 00, expected"),
    ],
)
def test_what_is_no_frame_is_refused_with_the_reason(payload: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        Gb26875Codec().read(TOPIC, payload, NOW)


def test_dialects() -> None:
    text = """
    [[framing]]
    start = "68"
    end = "16"
    [[dialect]]
    transmitters = ["7000-7009"]
    checksum = "any"
    utc_offset_min = 0
    same_as = { 130 = 2 }
    commands = { 129 = 2 }
    text = 16
    timed = false
    """
    odd = profile(Dialects(text))
    state = component_state()[:25]
    data = bytearray(frame(unit(130, state), command=129))
    data[-3] ^= 1
    other = frame(unit(130, state), command=129, source=7_010)
    assert signals(odd.decode(TOPIC.encode(), b"\x68" + bytes(data[2:-2]) + b"\x16", NOW))["7001/1-1/3.9"][
        "smoke_alarm"
    ]
    assert not odd.decode(TOPIC.encode(), other, NOW).measurements
    assert odd.decode(TOPIC.encode(), frame(unit(21, b"\1"), at=NOW + 8 * HOUR), NOW).measurements


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[dialect]]\ntransmitters = ['x']", "dialect.0.transmitters.0"),
        ("[[dialect]]\ntransmitters = ['9-1']\nchecksum = 'no'", "dialect.0.checksum"),
        ("[[framing]]\nstart = 'xy'", "framing.0.start"),
        ("[[dialects]]", "dialects"),
        ("[", "own.toml"),
    ],
)
def test_a_wrong_file_of_dialects_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(DialectErrors, match=why):
        Dialects(text, "own.toml")


def test_the_shipped_dialects_leave_the_standard_first() -> None:
    framings = shipped_dialects().framings
    assert framings[0] == STANDARD
    assert all(f.start == b"@@" for f in framings)


@given(
    st.integers(0, 255),
    st.binary(max_size=120) | st.just(component_state() * 2) | st.just(component_value(9, 3)),
    st.integers(0, 2**48 - 1),
    st.sampled_from(["", "/unlisted"]),
)
def test_nothing_is_raised(unit_type: int, objects: bytes, source: int, leaf: str) -> None:
    decoded = decode(frame(bytes((unit_type, 2)) + objects, source=source), TOPIC + leaf)
    for m in decoded.measurements:
        assert m.device is not None


@given(st.binary(max_size=300))
def test_nothing_is_raised_by_any_bytes(payload: bytes) -> None:
    assert not decode(payload).measurements


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_damaged_byte_of_a_quiet_frame_raises_no_alarm(place: int, change: int) -> None:
    data = bytearray(frame(unit(2, component_state(0x0001), component_state(0x0001, kind=17))))
    data[place % len(data)] ^= change
    assert not decode(bytes(data)).measurements
