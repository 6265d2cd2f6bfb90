"""MQTT 3.1.1 framing without I/O: bytes to packets, in any chunking, and packets to bytes (OASIS MQTT 3.1.1).

Only what a subscriber at QoS 0 and 1 needs. Speed matters here: this is run for every message.
"""

from enum import IntEnum
from typing import NamedTuple

from community.refusal import PAYLOAD_KEPT

LEAST_MAX_PACKET = 2 + 65_535 + 2 + PAYLOAD_KEPT
"""Least bound on a packet: the longest topic and the kept part of a payload must fit into the buffer."""

_DUP = 0x08
_RETAIN = 0x01
_PUBACK = b"\x40\x02"

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


class MalformedPacketError(Exception):
    """The peer sent something that is not MQTT 3.1.1; the connection cannot be trusted any more."""


class Kind(IntEnum):
    """Control packet types that a client receives (MQTT 3.1.1, table 2.1)."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBACK = 9
    PINGRESP = 13


class Message(NamedTuple):
    """A PUBLISH as received.

    Attributes:
        topic: UTF-8, unchecked.
        payload: the payload; of an oversize packet only its first `PAYLOAD_KEPT` bytes.
        flags: the low four bits of the fixed header; see `dup`, `retained`.
        packet_id: two bytes, big-endian; empty at QoS 0.
        size: length of the whole payload, bytes.
        received_at: when its last byte was read, UTC ms.
    """

    topic: bytes
    payload: bytes
    flags: int
    packet_id: bytes
    size: int
    received_at: int

    @property
    def dup(self) -> bool:
        """Whether the broker says that it may have sent this before."""
        return bool(self.flags & _DUP)

    @property
    def retained(self) -> bool:
        """Whether this is the broker's stored copy, of unknown age, and not a fresh message."""
        return bool(self.flags & _RETAIN)


class Control(NamedTuple):
    """Any other packet: its kind and its body after the fixed header."""

    kind: Kind
    body: bytes


class Splitter:
    """Splits a byte stream into packets. Holds at most one incomplete packet of `max_packet` bytes.

    A larger PUBLISH is not refused here (the broker would send it again for ever) but read past: it comes out as a
    message with a shortened payload and its true size.
    """

    def __init__(self, max_packet: int) -> None:
        """Bound incomplete packets to `max_packet` bytes.

        Raises:
            ValueError: if it is less than `LEAST_MAX_PACKET`.
        """
        if max_packet < LEAST_MAX_PACKET:
            raise ValueError(f"max_packet must be at least {LEAST_MAX_PACKET}, got {max_packet}")
        self._max = max_packet
        self._rest = b""
        self._skip = 0
        self._oversize: Message | None = None

    def feed(self, data: bytes, received_at: int) -> tuple[list[Message], list[Control]]:
        """Take the next bytes of the stream.

        Returns:
            The messages and the other packets that became complete, each in order.

        Raises:
            MalformedPacketError: on bytes that are not MQTT; nothing after them can be read.
        """
        messages: list[Message] = []
        controls: list[Control] = []
        at = 0
        if self._skip:
            at = min(self._skip, len(data))
            self._skip -= at
            if self._skip:
                return messages, controls
            self._finish_oversize(messages, received_at)
        if self._rest:
            data = self._rest + data
        end = len(data)
        new = tuple.__new__
        while end - at >= 2:
            head = data[at]
            length = data[at + 1]
            body = at + 2
            if length & 0x80 and end - at >= 3 and data[at + 2] < 0x80:
                # Two bytes, as nearly all telemetry has; what follows is the general case.
                length = length & 0x7F | data[at + 2] << 7
                body = at + 3
            elif length & 0x80:
                decoded = _length(data, at + 1)
                if decoded is None:
                    break
                length, body = decoded
            stop = body + length
            if length > self._max:
                if end - body < self._max:
                    break
                self._oversize = _publish(data[body : body + self._max], head, length)
                self._skip = max(0, stop - end)
                at = min(stop, end)
                if self._skip:
                    break
                self._finish_oversize(messages, received_at)
                continue
            if stop > end:
                break
            if head & 0xF4 == 0x30 and length >= 2:  # a PUBLISH at QoS 0 or 1
                start = body + 2
                place = start + (data[body] << 8 | data[body + 1])
                topic = data[start:place]
                packet_id = b""
                if head & 0x02:
                    packet_id = data[place : place + 2]
                    place += 2
                    if packet_id == b"\0\0":
                        raise MalformedPacketError("PUBLISH with packet identifier 0")
                if place > stop or not topic:
                    raise MalformedPacketError("PUBLISH whose topic does not fit its length")
                # Past NamedTuple's own constructor, which costs more than the parsing.
                messages.append(
                    new(Message, (topic, data[place:stop], head & 0x0F, packet_id, stop - place, received_at))
                )
            else:
                controls.append(_control(head, data[body:stop]))
            at = stop
        self._rest = data[at:]
        return messages, controls

    def _finish_oversize(self, messages: list[Message], received_at: int) -> None:
        assert self._oversize is not None, "skipped bytes belong to an oversize message"
        messages.append(self._oversize._replace(received_at=received_at))
        self._oversize = None


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """The remaining length that begins at `at`, and where the body begins; None if bytes are missing (2.2.3)."""
    length = 0
    for i, byte in enumerate(data[at : at + 4]):
        length |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return length, at + i + 1
    if len(data) - at >= 4:
        raise MalformedPacketError("remaining length of more than four bytes")
    return None


def _publish(body: bytes, head: int, length: int) -> Message:
    """The first bytes of a PUBLISH that is too large to keep."""
    if head & 0xF4 != 0x30:
        raise MalformedPacketError(f"packet type {head >> 4} with {length} bytes")
    place = 2 + int.from_bytes(body[:2])
    topic = body[2:place]
    packet_id = body[place : place + 2] if head & 0x02 else b""
    place += len(packet_id)
    if not topic or packet_id == b"\0\0":
        raise MalformedPacketError("PUBLISH without topic or packet identifier")
    return Message(topic, body[place : place + PAYLOAD_KEPT], head & 0x0F, packet_id, length - place, 0)


def _control(head: int, body: bytes) -> Control:
    if head >> 4 == Kind.PUBLISH:
        raise MalformedPacketError(
            "PUBLISH shorter than its topic" if len(body) < 2 else "PUBLISH at QoS 2, not asked for"
        )
    try:
        kind = Kind(head >> 4)
    except ValueError:
        raise MalformedPacketError(f"packet type {head >> 4} is not for a client") from None
    if head & 0x0F:
        raise MalformedPacketError(f"{kind.name} with reserved flags {head & 0x0F:#x}")
    if (kind is Kind.SUBACK and len(body) < 3) or (kind is not Kind.SUBACK and len(body) != _BODY[kind]):
        raise MalformedPacketError(f"{kind.name} of {len(body)} bytes")
    return Control(kind, body)


_BODY = {Kind.CONNACK: 2, Kind.PUBACK: 2, Kind.PINGRESP: 0}


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    if len(data) > 65_535:
        raise ValueError("an MQTT string has at most 65,535 bytes")
    return len(data).to_bytes(2) + data


def _packet(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes((head, *digits)) + body


def connect(client_id: str, keep_alive_s: int, username: str | None, password: str | None) -> bytes:
    """A CONNECT that asks for a persistent session (clean session 0)."""
    flags = (0x80 if username is not None else 0) | (0x40 if password is not None else 0)
    body = _text("MQTT") + bytes((4, flags)) + keep_alive_s.to_bytes(2) + _text(client_id)
    for text in (username, password):
        if text is not None:
            body += _text(text)
    return _packet(0x10, body)


def subscribe(packet_id: int, topic_filter: str, qos: int) -> bytes:
    """A SUBSCRIBE for one filter."""
    return _packet(0x82, packet_id.to_bytes(2) + _text(topic_filter) + bytes((qos,)))


def puback(packet_ids: list[bytes]) -> bytes:
    """A PUBACK for each identifier, to be written at once."""
    return _PUBACK + _PUBACK.join(packet_ids) if packet_ids else b""


def publish(topic: str | bytes, payload: bytes, *, packet_id: int | None = None, retain: bool = False) -> bytes:
    """A PUBLISH: at QoS 0, or at QoS 1 if it has a packet identifier."""
    identifier = b"" if packet_id is None else packet_id.to_bytes(2)
    head = 0x30 | (0 if packet_id is None else 0x02) | (_RETAIN if retain else 0)
    return _packet(head, _text(topic) + identifier + payload)
