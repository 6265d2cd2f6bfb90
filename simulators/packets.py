"""Native telemetry as MQTT PUBLISH packets, built many at a time as rows of a byte matrix.

Every field has a fixed number of digits and every packet of a batch the same length (shorter topics are made up for
by blanks before the JSON), so that a batch is a few array assignments and one `tobytes`.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

_POOL = 4_096
_SEQ_BASE = 1_000_000_000  # ten digits from the beginning: JSON allows no leading zeros
_POWERS = 10 ** np.arange(9, -1, -1, dtype=np.int64)
_HEAD = b'{"ts":0000000000000,"seq":0000000000,"values":'
_TS = slice(6, 19)
_SEQ = slice(26, 36)

Bytes = NDArray[np.uint8]


def publish(topic: str, payload: bytes, qos: int, packet_id: int = 0) -> bytes:
    """One PUBLISH packet (MQTT 3.1.1, 3.3)."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + (packet_id.to_bytes(2, "big") if qos else b"") + payload
    return bytes([0x30 | qos << 1]) + remaining_length(len(body)) + body


def remaining_length(length: int) -> bytes:
    """The variable-length integer of MQTT 3.1.1, 2.2.3."""
    out = bytearray()
    while True:
        length, digit = divmod(length, 128)
        out.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(out)


def marker_payload(ts: int, seq: int, residual: float) -> bytes:
    """Telemetry with a chosen residual current, mA."""
    values = {"voltage": 229.8, "current": 4.2, "residual_current": residual, "terminal_temperature": 31.5}
    return msgspec.json.encode({"ts": ts, "seq": seq, "values": values})


class PacketFactory:
    """Builds telemetry of many devices.

    Args:
        topics: the telemetry topic of each device.
        qos: 0 or 1.
    """

    def __init__(self, topics: Sequence[str], qos: int, seed: int = 1) -> None:
        longest = max(len(t.encode()) for t in topics)
        self._qos = qos
        self._tails = _tails(np.random.default_rng(seed))
        heads = []
        for topic in topics:
            blanks = b" " * (longest - len(topic.encode()))
            heads.append(publish(topic, blanks + _HEAD + bytes(self._tails.shape[1]), qos)[: -self._tails.shape[1]])
        self._heads: Bytes = np.frombuffer(b"".join(heads), np.uint8).reshape(len(topics), -1)
        self.size = self._heads.shape[1] + self._tails.shape[1]
        """Bytes of a packet."""
        self._json = self._heads.shape[1] - len(_HEAD)  # the JSON begins at the same column everywhere
        names = np.array([len(t.encode()) for t in topics])
        body = next(i for i in range(1, 5) if heads[0][i] < 0x80) + 1  # behind the last byte of the length
        self._packet_id = body + 2 + names
        self._seq = np.zeros(len(topics), np.int64)
        self._turn = 0

    def build(self, device: NDArray[np.intp], ts: int, first_packet_id: int = 0) -> bytes:
        """Packets of the devices (indices into `topics`), in order; `ts` is UTC ms.

        Each device's `seq` grows by one a message, from 1,000,000,001. With QoS 1 the packet ids count from
        `first_packet_id` within 1..65535.
        """
        n = len(device)
        out = np.empty((n, self.size), np.uint8)
        out[:, : self._heads.shape[1]] = self._heads[device]
        chosen = (self._turn + np.arange(n)) % _POOL
        self._turn = (self._turn + n) % _POOL
        out[:, self._heads.shape[1] :] = self._tails[chosen]
        out[:, self._json + _TS.start : self._json + _TS.stop] = np.frombuffer(str(ts).encode(), np.uint8)
        seq = self._next_seq(device)
        out[:, self._json + _SEQ.start : self._json + _SEQ.stop] = seq[:, None] // _POWERS % 10 + ord("0")
        if self._qos:
            ids = (first_packet_id - 1 + np.arange(n)) % 65_535 + 1
            rows, at = np.arange(n), self._packet_id[device]
            out[rows, at] = ids >> 8
            out[rows, at + 1] = ids & 0xFF
        return out.tobytes()

    def _next_seq(self, device: NDArray[np.intp]) -> NDArray[np.int64]:
        # A device may stand in a batch several times: its k-th message of the batch gets k more.
        order = np.argsort(device, kind="stable")
        ordered = device[order]
        first = np.searchsorted(ordered, ordered)  # where each device's run begins
        nth = np.empty(len(device), np.int64)
        nth[order] = np.arange(len(device)) - first
        seq = _SEQ_BASE + self._seq[device] + nth + 1
        np.add.at(self._seq, device, 1)
        return seq


def _tails(rng: np.random.Generator) -> Bytes:
    """uint8[pool, length]: ends of payloads with ordinary values, none of which concerns any rule."""
    voltage, current = rng.uniform(221, 234, _POOL), rng.uniform(1.2, 4.2, _POOL)
    power = voltage * current * rng.uniform(0.85, 0.99, _POOL)  # at most 973 W: five characters
    ends = [
        b'{"voltage":%5.1f,"current":%4.2f,"active_power":%5.1f,"residual_current":%3.1f,'
        b'"terminal_temperature":%4.1f,"energy":%9.1f}}' % row
        for row in zip(
            voltage, current, power, rng.uniform(1, 9, _POOL),
            rng.uniform(22, 38, _POOL), rng.uniform(1e6, 9e6, _POOL), strict=True,
        )
    ]  # fmt: skip
    return np.frombuffer(b"".join(ends), np.uint8).reshape(_POOL, -1)
