"""MQTT framing: any chunking gives the same packets, and what is not MQTT is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import PAYLOAD_KEPT
from gateway.link import packets
from gateway.link.packets import LEAST_MAX_PACKET, Control, Kind, MalformedPacketError, Message, Splitter

topics = st.binary(min_size=1, max_size=40)
published = st.tuples(topics, st.binary(max_size=300), st.none() | st.integers(1, 65_535), st.booleans())


def split(data: bytes, sizes: list[int]) -> tuple[list[Message], list[Control]]:
    """Feed `data` in pieces of these sizes, again and again."""
    splitter, at, turn = Splitter(LEAST_MAX_PACKET), 0, 0
    messages: list[Message] = []
    controls: list[Control] = []
    while at < len(data):
        size = sizes[turn % len(sizes)]
        more, others = splitter.feed(data[at : at + size], 7)
        messages += more
        controls += others
        at, turn = at + size, turn + 1
    return messages, controls


@given(st.lists(published, max_size=20), st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_any_chunking_gives_what_was_published(
    sent: list[tuple[bytes, bytes, int | None, bool]], sizes: list[int]
) -> None:
    data = b"".join(packets.publish(t, p, packet_id=i, retain=r) + b"\xd0\x00" for t, p, i, r in sent)
    messages, controls = split(data, sizes)
    assert [(m.topic, m.payload, m.retained, m.size, m.received_at) for m in messages] == [
        (t, p, r, len(p), 7) for t, p, _, r in sent
    ]
    assert [m.packet_id for m in messages] == [b"" if i is None else i.to_bytes(2) for _, _, i, _ in sent]
    assert controls == [Control(Kind.PINGRESP, b"")] * len(sent)


@pytest.mark.parametrize("size", [127, 128, 16_383, 16_384, 60_000])
def test_lengths_around_the_edges_of_their_encoding(size: int) -> None:
    data = packets.publish(b"t", b"x" * size)
    messages, _ = split(data, [1_000])
    assert [m.payload for m in messages] == [b"x" * size]


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=5), st.integers(1, 65_535))
def test_an_oversize_message_is_read_past_and_its_neighbours_are_whole(sizes: list[int], identifier: int) -> None:
    huge = b"z" * 500_000
    data = (
        packets.publish(b"before", b"1")
        + packets.publish(b"huge", huge, packet_id=identifier)
        + packets.publish(b"after", b"2")
    )
    messages, _ = split(data, [s + 500 for s in sizes])
    assert [m.topic for m in messages] == [b"before", b"huge", b"after"]
    assert messages[1].payload == huge[:PAYLOAD_KEPT]
    assert (messages[1].size, messages[1].packet_id) == (len(huge), identifier.to_bytes(2))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_random_bytes_are_packets_or_malformed_and_never_anything_else(data: bytes, size: int) -> None:
    try:
        whole = split(data, [len(data) or 1])
    except MalformedPacketError:
        with pytest.raises(MalformedPacketError, match=r"."):
            split(data, [size])
    else:
        assert split(data, [size]) == whole


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x34\x05\x00\x01t\x00\x01", "QoS 2"),
        (b"\x30\x01\x00", "shorter than its topic"),
        (b"\x30\x04\x00\x09tt", "does not fit"),
        (b"\x30\x02\x00\x00", "does not fit"),
        (b"\x32\x05\x00\x01t\x00\x00", "packet identifier 0"),
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x10\x00", "CONNACK|packet type 1"),
        (b"\xd1\x00", "reserved flags"),
        (b"\xd0\x01x", "PINGRESP of 1 bytes"),
        (b"\x20\x01x", "CONNACK of 1 bytes"),
        (b"\x90\xff\xff\xff\x7f" + bytes(LEAST_MAX_PACKET), "packet type 9 with"),
    ],
)
def test_what_is_not_mqtt_is_named(data: bytes, named: str) -> None:
    with pytest.raises(MalformedPacketError, match=named):
        Splitter(LEAST_MAX_PACKET).feed(data, 0)


def test_dup_and_retained_are_told() -> None:
    (message,), _ = Splitter(LEAST_MAX_PACKET).feed(b"\x3b\x05\x00\x01t\x00\x09", 0)
    assert message.dup
    assert message.retained
    assert message.packet_id == b"\x00\x09"


def test_what_we_send_is_as_the_standard_says() -> None:
    assert packets.connect("me", 30, "user", "word") == (
        b"\x10\x1a\x00\x04MQTT\x04\xc0\x00\x1e\x00\x02me\x00\x04user\x00\x04word"
    )
    assert packets.subscribe(1, "a/#", 1) == b"\x82\x08\x00\x01\x00\x03a/#\x01"
    assert packets.puback([b"\x00\x01", b"\x00\x02"]) == b"\x40\x02\x00\x01\x40\x02\x00\x02"
    assert packets.puback([]) == b""


def test_a_string_longer_than_mqtt_allows_is_refused() -> None:
    with pytest.raises(ValueError, match="65,535"):
        packets.publish("t" * 65_536, b"")


def test_a_buffer_too_small_for_any_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="max_packet"):
        Splitter(1_000)
