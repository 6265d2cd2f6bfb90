"""No decoder raises what it does not announce, whatever the bytes: each by itself, with Hypothesis."""

import math
import tomllib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.columnar.split import Splitter
from gateway.decoding.lenient import MAX_FAULTS
from gateway.decoding.loader import ProfileErrors, read_profile
from gateway.decoding.profile import Decoded, UnreadableError
from gateway.decoding.registry import Profiles, shipped
from gateway.gb26875 import frame as gb26875
from gateway.gb26875.dialects import DialectErrors, Dialects, shipped_dialects
from gateway.gb26875.objects import read_unit
from gateway.link.packets import LEAST_MAX_PACKET, MalformedPacketError
from gateway.sparkplug.json_form import read_json
from gateway.sparkplug.payload import read_protobuf
from tests.fuzz import announced
from tests.fuzz.mutate import Mutator
from tests.fuzz.seeds import seeds
from tests.gateway.village import NOW

PROFILES = Profiles()
CODECS = PROFILES.codecs
MUTATOR = Mutator(seeds(), 0)
ANNOUNCED = Mutator(announced.SEEDS, 0)
TEXTS = dict(shipped())


def _mutated(seed: int) -> tuple[bytes, bytes]:
    MUTATOR.again(seed)
    return MUTATOR.message()


messages = st.integers(0, 2**32).map(_mutated)
payloads = messages.map(lambda m: m[1]) | st.binary(max_size=200)


def check(decoded: Decoded) -> None:
    """What every profile promises."""
    assert len(decoded.faults) <= MAX_FAULTS
    for fault in decoded.faults:
        assert fault.detail
        str(fault).encode()
    for measurement in decoded.measurements:
        assert measurement.values
        assert all(value is None or not math.isnan(value) for value in measurement.values.values())


@pytest.mark.parametrize("name", list(PROFILES))
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_profile_never_raises(name: str, data: st.DataObject) -> None:
    own = [seed.topic for seed in seeds() if seed.profile == name]
    profile = PROFILES[name]
    topic, payload = data.draw(messages)
    if data.draw(st.booleans()) and own:
        topic = data.draw(st.sampled_from(own))
    check(profile.decode(topic, payload, NOW))
    profile.device_of(topic)


@pytest.mark.parametrize("name", list(CODECS))
@settings(max_examples=150, deadline=None)
@given(topic=messages.map(lambda m: m[0]), payload=payloads, at=st.sampled_from([0, NOW]))
def test_a_codec_raises_nothing_but_that_it_is_unreadable(name: str, topic: bytes, payload: bytes, at: int) -> None:
    with suppress(UnreadableError):
        for document in CODECS[name].read(topic.decode(errors="replace"), payload, at):
            assert document.ts is None or isinstance(document.ts, int)


@settings(max_examples=200, deadline=None)
@given(st.lists(messages, max_size=5), st.data())
def test_a_stream_of_mqtt_is_split_or_malformed(sent: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    stream = bytearray()
    for topic, payload in sent:
        body = len(topic).to_bytes(2) + topic + payload[:10_000]
        length, size = len(body), bytearray()
        while length > 0x7F:
            size.append(length & 0x7F | 0x80)
            length >>= 7
        stream += b"\x30" + bytes((*size, length)) + body
    for _ in range(data.draw(st.integers(0, 3))):
        if stream:
            stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    splitter = Splitter(LEAST_MAX_PACKET)
    step = data.draw(st.integers(1, 4_000))
    with suppress(MalformedPacketError):
        for at in range(0, len(stream), step):
            for packets in splitter.feed(bytes(stream[at : at + step]), NOW)[0]:
                assert all(message.topic for message in packets.messages())


@pytest.mark.skipif("homeassistant" not in PROFILES, reason="the profile of Home Assistant is not there")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=12))
def test_what_is_announced_never_raises_nor_what_it_sends_then(numbers: list[int]) -> None:
    PROFILES.forget()
    profile = PROFILES["homeassistant"]
    for seed in announced.SEEDS:
        check(profile.decode(seed.topic, seed.payload, NOW))
    for number in numbers:
        ANNOUNCED.again(number)
        topic, payload = ANNOUNCED.message()
        check(profile.decode(topic, payload, NOW))
        profile.device_of(topic)
    for seed in announced.SEEDS[-3:]:
        check(profile.decode(seed.topic, seed.payload, NOW))


frames = st.lists(
    st.integers(0, 2**32).map(lambda seed: Mutator(FRAMES, seed).message()[1]) | st.binary(max_size=60), max_size=6
).map(b"".join) if (FRAMES := [s for s in seeds() if s.payload.startswith(b"@@")]) else st.nothing()  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(frames, st.integers(1, 300))
def test_a_stream_of_gb26875_is_split_in_bounded_memory(stream: bytes, step: int) -> None:
    dialects = shipped_dialects()
    splitter = gb26875.Splitter(dialects.framings, dialects.tolerated)
    found = []
    for at in range(0, len(stream), step):
        found += splitter.feed(stream[at : at + step])
        assert splitter.waiting <= gb26875.MAX_UNIT + 100
    found += splitter.give_up()
    assert splitter.waiting == 0
    for frame in found:
        assert frame.raw in stream
        read_unit(frame.unit)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=200))
def test_a_unit_of_gb26875_never_raises(kind: int, data: bytes) -> None:
    things, fault = read_unit(bytes((kind,)) + data)
    assert things or fault or kind


@settings(max_examples=200, deadline=None)
@given(payloads)
def test_sparkplug_payloads_are_read_or_unreadable(payload: bytes) -> None:
    for read in (read_protobuf, read_json):
        with suppress(UnreadableError):
            read(payload)


LINES = sorted({line for text in TEXTS.values() for line in text.splitlines() if "=" in line and len(line) < 200})
SMALL = """title = "T"
about = "T"
[[topic]]
match = "t/{device}"
fields = ["f"]
[fields.f]
"a" = { signal = "voltage" }
"""


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_profile_file_is_read_or_its_faults_are_named(data: st.DataObject) -> None:
    lines = SMALL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines)))
        match data.draw(st.integers(0, 3)):
            case 0:
                lines.insert(at, data.draw(st.sampled_from(LINES)))
            case 1:
                del lines[at : at + 1]
            case 2:
                lines.insert(at, data.draw(st.text(max_size=30)))
            case _:
                line = lines[at % len(lines)] if lines else ""
                place = data.draw(st.integers(0, len(line)))
                word = data.draw(
                    st.sampled_from(["{", "}", "[", '"', "'", "*", "{x}", "..", "1e999", "\x00", "= 1", ","])
                )
                lines[at % len(lines) : at % len(lines) + 1] = [line[:place] + word + line[place:]] if lines else []
    try:
        read_profile("\n".join(lines), "p.toml")
    except ProfileErrors as errors:
        refused = errors.errors
    else:
        return
    assert refused
    assert all(str(error) for error in refused)


DIALECTS = '[[framing]]\nname = "x"\ncounts = 1\n[[dialect]]\nname = "y"\ntransmitters = ["1-5"]\nchecksum = "any"\n'


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(DIALECTS)), st.integers(0, 3), st.sampled_from(["", "1", '"', "[", "-", "99999999999", "\n"]))
def test_dialects_are_read_or_their_faults_are_named(at: int, cut: int, put: str) -> None:
    text = DIALECTS[:at] + put + DIALECTS[at + cut :]
    with suppress(DialectErrors):
        Dialects(text)
        tomllib.loads(text)
