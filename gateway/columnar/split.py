"""Splits what comes from a broker into messages, hundreds at a time: a compiled kernel finds their places.

The kernel knows one kind of packet, a complete PUBLISH at QoS 0 or 1 of a size that is kept, which is nearly all there
is. At anything else it stops; Python handles that one packet, and the kernel goes on behind it.
"""

import numpy as np
from numpy.typing import NDArray

from community.compiler import COMPILED, compiled
from community.refusal import PAYLOAD_KEPT
from gateway.columnar.packets import COLUMNS, FLAGS, PACKET_ID, PAYLOAD_AT, PAYLOAD_END, TOPIC_AT, TOPIC_END, Packets
from gateway.link.packets import LEAST_MAX_PACKET, Control, MalformedPacketError, control

_LEAST = 5
"""Bytes of the shortest PUBLISH: fixed header, length of the topic, a topic of one byte."""

_INCOMPLETE, _OTHER = 0, 1


@compiled
def find(data, at, most, index):  # type: ignore[no-untyped-def]  # compiled for bytes as uint8[:]; bytes where not
    """Find the PUBLISHes that begin at `at`, one behind the other.

    Args:
        data: the stream.
        at: where a packet begins.
        most: packets with a longer body are left to Python.
        index: int32[m, 6], with room for any number of them; see `gateway.columnar.packets`.

    Returns:
        Why it stopped (`_INCOMPLETE`: bytes are missing; `_OTHER`: Python must look), where, and messages found.
    """
    end = len(data)
    n = 0
    while end - at >= 2:
        head = data[at]
        body = at + 2
        length = data[at + 1] & 0x7F
        if data[at + 1] & 0x80:
            shift = 7
            while True:
                if shift > 21:  # more than four bytes
                    return _OTHER, at, n
                if body >= end:
                    return _INCOMPLETE, at, n
                digit = data[body]
                body += 1
                length |= (digit & 0x7F) << shift
                if digit < 0x80:
                    break
                shift += 7
        stop = body + length
        if length > most:
            return _OTHER, at, n
        if stop > end:
            return _INCOMPLETE, at, n
        if head & 0xF4 != 0x30 or length < 3:
            return _OTHER, at, n
        topic_at = body + 2
        topic_end = topic_at + (data[body] << 8 | data[body + 1])
        payload_at = topic_end
        packet_id = 0
        if head & 0x02:
            payload_at += 2
            # Looked at only if it is there: what follows may be the end of the array.
            if payload_at <= stop:
                packet_id = data[topic_end] << 8 | data[topic_end + 1]
            if packet_id == 0:
                return _OTHER, at, n
        if payload_at > stop or topic_end == topic_at:
            return _OTHER, at, n
        index[n, TOPIC_AT] = topic_at
        index[n, TOPIC_END] = topic_end
        index[n, PAYLOAD_AT] = payload_at
        index[n, PAYLOAD_END] = stop
        index[n, FLAGS] = head & 0x0F
        index[n, PACKET_ID] = packet_id
        n += 1
        at = stop
    return _INCOMPLETE, at, n


class Splitter:
    """Splits a byte stream into packets. Holds at most one incomplete packet of `max_packet` bytes.

    A larger PUBLISH is not refused here (the broker would send it again for ever) but read past: it comes out as a
    message with a shortened payload and its true size. Besides, it keeps 5 bytes of scratch for each byte of the
    largest arrival.
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
        self._oversize: Packets | None = None
        self._scratch = np.empty((0, COLUMNS), np.int32)

    def feed(self, data: bytes, received_at: int) -> tuple[list[Packets], list[Control]]:
        """Take the next bytes of the stream.

        Returns:
            The messages and the other packets that became complete, each in order.

        Raises:
            MalformedPacketError: on bytes that are not MQTT; nothing after them can be read.
        """
        found: list[Packets] = []
        controls: list[Control] = []
        at = 0
        if self._skip:
            at = min(self._skip, len(data))
            self._skip -= at
            if self._skip:
                return found, controls
            self._finish_oversize(found, received_at)
        if self._rest:
            data = self._rest + data
        if len(self._scratch) < len(data) // _LEAST:
            self._scratch = np.empty((len(data) // _LEAST, COLUMNS), np.int32)
        view = np.frombuffer(data, np.uint8) if COMPILED else data
        while True:
            why, at, count = find(view, at, self._max, self._scratch)
            if count:
                found.append(_packets(data, self._scratch[:count], received_at))
            if why == _INCOMPLETE:
                break
            after = self._other(data, at, found, controls, received_at)
            if after == at or self._skip:
                at = after
                break
            at = after
        self._rest = data[at:]
        return found, controls

    def _other(self, data: bytes, at: int, found: list[Packets], controls: list[Control], received_at: int) -> int:
        """Handle the packet at `at`, of which the kernel could make nothing; returns where the next one begins.

        That is `at` itself if too little of an oversize packet is there yet.
        """
        length, body = _length(data, at + 1)
        stop, end = body + length, len(data)
        if length > self._max:
            if end - body < self._max:
                return at
            self._oversize = _oversize(data[body : body + self._max], data[at], length)
            self._skip = max(0, stop - end)
            if not self._skip:
                self._finish_oversize(found, received_at)
            return min(stop, end)
        if data[at] & 0xF4 == 0x30 and length >= 2:
            raise MalformedPacketError(_fault_of_publish(data[body:stop], data[at]))
        controls.append(control(data[at], data[body:stop]))
        return stop

    def _finish_oversize(self, found: list[Packets], received_at: int) -> None:
        assert self._oversize is not None, "skipped bytes belong to an oversize message"
        self._oversize.received_at = received_at
        found.append(self._oversize)
        self._oversize = None


def prepare() -> None:
    """Compile the kernel, or load it from disk: seconds that must not be spent in the middle of a connection."""
    Splitter(LEAST_MAX_PACKET).feed(b"\x30\x03\x00\x01t", 0)


def _packets(data: bytes, found: NDArray[np.int32], received_at: int) -> Packets:
    index = found.copy()  # the scratch is used again
    return Packets(data, index, index[:, PAYLOAD_END] - index[:, PAYLOAD_AT], received_at)


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The remaining length that begins at `at` and is complete, and where the body begins (MQTT 3.1.1, 2.2.3)."""
    length = 0
    for i, byte in enumerate(data[at : at + 4]):
        length |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return length, at + i + 1
    raise MalformedPacketError("remaining length of more than four bytes")


def _oversize(body: bytes, head: int, length: int) -> Packets:
    """A PUBLISH that is too large to keep, from its first bytes."""
    if head & 0xF4 != 0x30:
        raise MalformedPacketError(f"packet type {head >> 4} with {length} bytes")
    end = 2 + int.from_bytes(body[:2])
    at = end + (2 if head & 0x02 else 0)
    packet_id = int.from_bytes(body[end:at])
    if end == 2 or (head & 0x02 and not packet_id):
        raise MalformedPacketError("PUBLISH without topic or packet identifier")
    kept = body[: at + PAYLOAD_KEPT]
    index = np.array([[2, end, at, len(kept), head & 0x0F, packet_id]], np.int32)
    return Packets(kept, index, np.array([length - at], np.int32), 0)


def _fault_of_publish(body: bytes, head: int) -> str:
    end = 2 + int.from_bytes(body[:2])
    if head & 0x02 and body[end : end + 2] == b"\0\0":
        return "PUBLISH with packet identifier 0"
    return "PUBLISH whose topic does not fit its length"
