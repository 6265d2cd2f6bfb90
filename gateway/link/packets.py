"""MQTT 3.1.1 packets without I/O: what they are, and those of ours as bytes (OASIS MQTT 3.1.1).

Only what a subscriber at QoS 0 and 1 needs. What comes is taken apart in `gateway.columnar.split`.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.refusal import PAYLOAD_KEPT

LEAST_MAX_PACKET = 2 + 65_535 + 2 + PAYLOAD_KEPT
"""Least bound on a packet: the longest topic and the kept part of a payload must fit into the buffer."""

DUP = 0x08
RETAIN = 0x01
"""The low bits of a PUBLISH's fixed header: perhaps sent before; the broker's stored copy (3.3.1)."""

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
    UNSUBACK = 11
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
        return bool(self.flags & DUP)

    @property
    def retained(self) -> bool:
        """Whether this is the broker's stored copy, of unknown age, and not a fresh message."""
        return bool(self.flags & RETAIN)


class Control(NamedTuple):
    """Any other packet: its kind and its body after the fixed header."""

    kind: Kind
    body: bytes


def control(head: int, body: bytes) -> Control:
    """A packet that is no PUBLISH of ours, from the first byte of its fixed header and its whole body.

    Raises:
        MalformedPacketError: if no client may be sent such a packet.
    """
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


_BODY = {Kind.CONNACK: 2, Kind.PUBACK: 2, Kind.UNSUBACK: 2, Kind.PINGRESP: 0}


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


def subscribe(packet_id: int, topic_filters: Sequence[str], qos: int) -> bytes:
    """A SUBSCRIBE for these filters, of which there must be one at least."""
    return _packet(0x82, packet_id.to_bytes(2) + b"".join(_text(f) + bytes((qos,)) for f in topic_filters))


def unsubscribe(packet_id: int, topic_filters: Sequence[str]) -> bytes:
    """An UNSUBSCRIBE for these filters, of which there must be one at least."""
    return _packet(0xA2, packet_id.to_bytes(2) + b"".join(map(_text, topic_filters)))


def pubacks(packet_ids: NDArray[np.int32]) -> bytes:
    """A PUBACK for each identifier, to be written at once."""
    acks = np.empty((len(packet_ids), 4), np.uint8)
    acks[:, 0], acks[:, 1] = 0x40, 2
    acks[:, 2], acks[:, 3] = packet_ids >> 8, packet_ids & 0xFF
    return acks.tobytes()


def publish(topic: str | bytes, payload: bytes, *, packet_id: int | None = None, retain: bool = False) -> bytes:
    """A PUBLISH: at QoS 0, or at QoS 1 if it has a packet identifier."""
    identifier = b"" if packet_id is None else packet_id.to_bytes(2)
    head = 0x30 | (0 if packet_id is None else 0x02) | (RETAIN if retain else 0)
    return _packet(head, _text(topic) + identifier + payload)
