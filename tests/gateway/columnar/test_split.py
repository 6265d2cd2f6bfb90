"""Taking a stream apart: any chunking gives the same packets as a slow and obvious reader, and garbage is named."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import PAYLOAD_KEPT
from gateway.columnar import split as module
from gateway.columnar.packets import COLUMNS, Packets
from gateway.columnar.split import Splitter, find, prepare
from gateway.link import packets
from gateway.link.packets import LEAST_MAX_PACKET, Control, Kind, MalformedPacketError, Message

Sent = tuple[bytes, bytes, int | None, bool]
Found = tuple[list[Message], list[Control]]

topics = st.binary(min_size=1, max_size=40)
sent = st.lists(
    st.tuples(topics, st.binary(max_size=300), st.none() | st.integers(1, 65_535), st.booleans()), max_size=20
)
chunks = st.lists(st.integers(1, 400), min_size=1, max_size=5)


def split(data: bytes, sizes: list[int]) -> Found:
    """Feed `data` in pieces of these sizes, again and again."""
    splitter, at, turn = Splitter(LEAST_MAX_PACKET), 0, 0
    found: list[Packets] = []
    controls: list[Control] = []
    while at < len(data):
        size = sizes[turn % len(sizes)]
        more, others = splitter.feed(data[at : at + size], 7)
        found += more
        controls += others
        at, turn = at + size, turn + 1
    return [m for p in found for m in p.messages()], controls


def split_slowly(data: bytes) -> Found:
    """What stands in `data`, one packet after the other, as the standard describes them."""
    messages: list[Message] = []
    controls: list[Control] = []
    while data:
        digits = next((n for n in range(1, 5) if n < len(data) and data[n] < 0x80), None)
        if digits is None:
            if len(data) > 4:
                raise MalformedPacketError("length")
            break
        length = sum((data[n] & 0x7F) << 7 * (n - 1) for n in range(1, digits + 1))
        head, body, data_after = data[0], data[1 + digits : 1 + digits + length], data[1 + digits + length :]
        if len(body) < length:
            break
        data = data_after
        if head >> 4 != Kind.PUBLISH:
            controls.append(packets.control(head, body))
            continue
        qos, size = head >> 1 & 3, int.from_bytes(body[:2])
        if qos > 1 or length < 2:
            raise MalformedPacketError("kind")
        topic, rest = body[2 : 2 + size], body[2 + size :]
        if not size or len(topic) < size or (qos and (len(rest) < 2 or rest[:2] == b"\0\0")):
            raise MalformedPacketError("content")
        identifier, payload = rest[: 2 * qos], rest[2 * qos :]
        messages.append(Message(topic, payload, head & 15, identifier, len(payload), 7))
    return messages, controls


def stream(sent: list[Sent]) -> bytes:
    """The messages, with a PINGRESP after each."""
    return b"".join(packets.publish(t, p, packet_id=i, retain=r) + b"\xd0\x00" for t, p, i, r in sent)


@pytest.fixture(autouse=True, params=["compiled", "as written"])
def _kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel in both ways; where nothing is compiled both are the same."""
    if request.param == "as written":
        plain: Callable[..., object] = getattr(find, "py_func", find)
        monkeypatch.setattr(module, "find", plain)
        monkeypatch.setattr(module, "COMPILED", False)


@given(sent, chunks)
def test_any_chunking_gives_what_was_published(sent: list[Sent], sizes: list[int]) -> None:
    messages, controls = split(stream(sent), sizes)
    assert [(m.topic, m.payload, m.retained, m.size, m.received_at) for m in messages] == [
        (t, p, r, len(p), 7) for t, p, _, r in sent
    ]
    assert [m.packet_id for m in messages] == [b"" if i is None else i.to_bytes(2) for _, _, i, _ in sent]
    assert controls == [Control(Kind.PINGRESP, b"")] * len(sent)


def agree(data: bytes, sizes: list[int]) -> None:
    """Assert that the splitter and the slow reader find the same, or both nothing that can be trusted."""
    try:
        expected = split_slowly(data)
    except MalformedPacketError:
        with pytest.raises(MalformedPacketError, match=r"."):
            split(data, sizes)
    else:
        assert split(data, sizes) == expected


@given(st.binary(max_size=200), chunks)
def test_random_bytes_are_the_same_to_a_slow_reader(data: bytes, sizes: list[int]) -> None:
    agree(data, sizes)


@given(sent.filter(len), st.data(), chunks)
def test_damaged_streams_are_the_same_to_a_slow_reader(sent: list[Sent], data: st.DataObject, sizes: list[int]) -> None:
    damaged = bytearray(stream(sent))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(("change", "cut", "insert"))):
            case "change":
                damaged[at] = data.draw(st.integers(0, 255))
            case "cut" if len(damaged) > 1:
                del damaged[at]
            case _:
                damaged.insert(at, data.draw(st.integers(0, 255)))
    agree(bytes(damaged), sizes)


@pytest.mark.parametrize("size", [0, 1, 122, 123, 124, 125, 16_378, 16_379, 16_380, 60_000])
def test_lengths_around_the_edges_of_their_encoding(size: int) -> None:
    data = packets.publish(b"t", b"x" * size) + packets.publish(b"u", b"y" * size, packet_id=9)
    messages, _ = split(data, [1_000])
    assert [(m.topic, m.payload) for m in messages] == [(b"t", b"x" * size), (b"u", b"y" * size)]


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


def test_an_oversize_message_keeps_its_place_and_little_memory() -> None:
    data = packets.publish(b"a", b"1") + packets.publish(b"b", bytes(300_000)) + packets.publish(b"c", b"2")
    found, _ = Splitter(LEAST_MAX_PACKET).feed(data, 7)
    assert [[m.topic for m in p.messages()] for p in found] == [[b"a"], [b"b"], [b"c"]]
    assert found[1].nbytes == 2 + 1 + PAYLOAD_KEPT
    assert found[1].size.tolist() == [300_000]


def test_an_oversize_message_was_received_with_its_last_byte() -> None:
    splitter = Splitter(LEAST_MAX_PACKET)
    data = packets.publish(b"a", bytes(300_000))
    assert splitter.feed(data[:200_000], 1) == ([], [])
    assert splitter.feed(data[200_000:-1], 2) == ([], [])
    (found,), _ = splitter.feed(data[-1:], 3)
    assert found.received_at == 3


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x34\x05\x00\x01t\x00\x01", "QoS 2"),
        (b"\x30\x01\x00", "shorter than its topic"),
        (b"\x30\x04\x00\x09tt", "does not fit"),
        (b"\x30\x02\x00\x00", "does not fit"),
        (b"\x32\x03\x00\x01t", "does not fit"),
        (b"\x32\x04\x00\x01t\x01", "does not fit"),
        (b"\x32\x05\x00\x01t\x00\x00", "packet identifier 0"),
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x30\xff\xff\xff\xff", "more than four bytes"),
        (b"\x10\x00", "CONNACK|packet type 1"),
        (b"\xd1\x00", "reserved flags"),
        (b"\xd0\x01x", "PINGRESP of 1 bytes"),
        (b"\x20\x01x", "CONNACK of 1 bytes"),
        (b"\xb0\x01x", "UNSUBACK of 1 bytes"),
        (b"\x90\x02\0\x01", "SUBACK of 2 bytes"),
        (b"\x90\xff\xff\xff\x7f" + bytes(LEAST_MAX_PACKET), "packet type 9 with"),
        (b"\x30\xff\xff\xff\x7f" + bytes(LEAST_MAX_PACKET), "without topic"),
        (b"\x32\xff\xff\xff\x7f\0\x01t" + bytes(LEAST_MAX_PACKET), "without topic or packet identifier"),
    ],
)
def test_what_is_not_mqtt_is_named(data: bytes, named: str) -> None:
    with pytest.raises(MalformedPacketError, match=named):
        Splitter(LEAST_MAX_PACKET).feed(data, 0)


def test_payloads_are_not_copied() -> None:
    data = b"".join(packets.publish(b"t", b"x" * 50, packet_id=i) for i in range(1, 9))
    (found,), _ = Splitter(LEAST_MAX_PACKET).feed(data, 0)
    assert found.data is data
    assert len(found) == 8


def test_what_was_found_is_not_touched_by_what_comes_later() -> None:
    splitter = Splitter(LEAST_MAX_PACKET)
    (first,), _ = splitter.feed(packets.publish(b"first", b"1"), 1)
    (second,), _ = splitter.feed(packets.publish(b"second one", b"22", packet_id=3), 2)
    assert [m.topic for p in (first, second) for m in p.messages()] == [b"first", b"second one"]


def test_the_kernel_reads_no_byte_beyond_its_packet() -> None:
    """A PUBLISH at QoS 1 that ends with its topic, at the very end of the data."""
    index = np.empty((4, COLUMNS), np.int32)
    view = np.frombuffer(b"\x32\x03\x00\x01t", np.uint8)
    assert find(view, 0, LEAST_MAX_PACKET, index) == (1, 0, 0)


def test_a_buffer_too_small_for_any_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="max_packet"):
        Splitter(1_000)


def test_preparing_twice_does_no_harm() -> None:
    prepare()
    prepare()
