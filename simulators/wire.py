"""A bare MQTT 3.1.1 connection that only publishes: bytes in bulk out, acknowledgements counted."""

import socket
from collections import deque
from collections.abc import Callable

from simulators.packets import remaining_length

_CONNECT_TIMEOUT_S = 10.0
_CHUNK = 1 << 20
_PUBACK = 0x40

Tag = tuple[str, int, float]


class Wire:
    """One connection.

    At most one batch waits here, and a few markers: `ready` says whether the next batch may be put.

    Attributes:
        in_flight: QoS 1 messages sent and not yet acknowledged.
        acknowledged: PUBACKs received.
        packet_id: id of the next QoS 1 message.
    """

    def __init__(self, host: str, port: int, user: str | None, password: str | None, identifier: str) -> None:
        self.socket = socket.create_connection((host, port), _CONNECT_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.in_flight = self.acknowledged = 0
        self.packet_id = 1
        self._out: deque[memoryview] = deque()
        self._put = self._written = 0  # bytes since the beginning
        self._tags: deque[tuple[int, Tag]] = deque()
        self._left: list[tuple[str, int, float, int]] = []
        self._partial = b""
        self.socket.sendall(_connect(user, password, identifier))
        answer = self._receive_exactly(4)
        if answer[:2] != b"\x20\x02" or answer[3]:
            self.socket.close()
            raise ConnectionError(f"the broker refused {identifier}: {answer.hex()}")
        self.socket.setblocking(False)

    @property
    def pending(self) -> int:
        """Bytes put and not yet taken by the system."""
        return self._put - self._written

    def ready(self, qos: int, window: int) -> bool:
        """Whether the next batch may be put."""
        return not self.pending and (not qos or self.in_flight < window)

    def put(self, packets: bytes, messages: int, qos: int, tag: Tag | None = None) -> None:
        """Queue packets; `tag` is reported by `left` when their last byte has gone."""
        self._out.append(memoryview(packets))
        self._put += len(packets)
        if qos:
            self.in_flight += messages
            self.packet_id = (self.packet_id - 1 + messages) % 65_535 + 1
        if tag is not None:
            self._tags.append((self._put, tag))

    def flush(self, clock: Callable[[], int]) -> None:
        """Write what the system takes now."""
        while self._out:
            try:
                n = self.socket.send(self._out[0][:_CHUNK])
            except BlockingIOError:
                break
            self._written += n
            rest = self._out[0][n:]
            if rest:
                self._out[0] = rest
            else:
                self._out.popleft()
            while self._tags and self._tags[0][0] <= self._written:
                self._left.append((*self._tags.popleft()[1], clock()))

    def left(self) -> list[tuple[str, int, float, int]]:
        """Tags whose packets have gone since the last call, each with the time of the write."""
        left, self._left = self._left, []
        return left

    def read(self) -> None:
        """Take what the broker sent: acknowledgements, four bytes each.

        Raises:
            ConnectionError: if it has closed the connection.
        """
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionError("the broker closed the connection")
        data = self._partial + data
        whole = len(data) // 4 * 4
        self._partial = data[whole:]
        count = data[:whole:4].count(_PUBACK)
        self.acknowledged += count
        self.in_flight -= count

    def close(self) -> None:
        """Say goodbye if it can be said at once, and close."""
        try:
            self.socket.send(b"\xe0\x00")
        except OSError:
            pass  # it is gone already
        finally:
            self.socket.close()

    def _receive_exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data


def _connect(user: str | None, password: str | None, identifier: str) -> bytes:
    """CONNECT (MQTT 3.1.1, 3.1): clean session, no keep-alive, no will."""
    fields = [identifier, *(f for f in (user, password) if f is not None)]
    flags = 0x02 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = b"\x00\x04MQTT\x04" + bytes([flags, 0, 0])
    for field in fields:
        encoded = field.encode()
        body += len(encoded).to_bytes(2, "big") + encoded
    return b"\x10" + remaining_length(len(body)) + body
