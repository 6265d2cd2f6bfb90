"""An open-loop load generator: telemetry at a given rate over raw MQTT, with markers that must raise an alert at once.

A process of its own (`python -m simulators.load --help`). It prints a JSON line for each marker when its bytes have
left, and one with the totals at the end.
"""

import argparse
import json
import selectors
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from community.estate import DeviceKind, Estate
from community.estate_file import load_estate
from simulators.packets import PacketFactory, marker_payload, publish
from simulators.wire import Wire

TICK_S = 0.005
LATE_S = 0.05
"""A message built this much after its due time counts as late: the broker, or this process, cannot keep up."""
WINDOW = 8_000
"""QoS 1 messages in flight on a connection; below the 65,535 packet ids."""
_LAST_S = 10.0
DANGEROUS_MA, HARMLESS_MA = 45.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send, where, and how fast.

    Attributes:
        topics: telemetry topics of the ordinary devices, each at its turn.
        markers: ids and telemetry topics of the marker devices.
        rate: messages a second over all connections, markers not counted.
        marker_every_s: s between markers; each device is in turn dangerous, then harmless.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    topics: tuple[str, ...]
    markers: tuple[tuple[str, str], ...] = ()
    rate: float = 1_000
    seconds: float = 10
    connections: int = 2
    qos: int = 0
    marker_every_s: float = 0.1

    def __post_init__(self) -> None:
        if not (self.topics and self.rate > 0 and self.connections > 0 and self.qos in (0, 1)):
            raise ValueError("a load needs topics, a rate, a connection, and QoS 0 or 1")


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker that has left: its device, `ts` (UTC ms), residual current (mA), and the time of the write, UTC ms."""

    marker: str
    ts: int
    level: float
    written_at: float


@dataclass(frozen=True, slots=True)
class Totals:
    """What was achieved. `acknowledged` counts PUBACKs; `late` messages were built more than 50 ms after due.

    `began_at` is when the first message was due, UTC ms; `seconds` lasted until all had left.
    """

    began_at: float
    sent: int
    markers: int
    seconds: float
    achieved_rate: float
    cpu_s: float
    late: int
    acknowledged: int


def generate(load: Load, clock: Callable[[], int], on_marker: Callable[[Marker], None]) -> Totals:
    """Send the load; returns when all of it has left (and, with QoS 1, was acknowledged, or 10 s have passed).

    Args:
        clock: UTC in nanoseconds.

    Raises:
        ConnectionError: if the broker refuses or closes a connection.
    """
    sender = _Sender(load, clock, on_marker)
    try:
        return sender.run()
    finally:
        sender.close()


class _Sender:
    """The state of one run. A device always sends over the same connection, so that its messages keep their order."""

    def __init__(self, load: Load, clock: Callable[[], int], on_marker: Callable[[Marker], None]) -> None:
        self._load = load
        self._clock = clock
        self._on_marker = on_marker
        self._factory = PacketFactory(load.topics, load.qos)
        self._wires: list[Wire] = []
        self._selector = selectors.DefaultSelector()
        self._markers = _marker_order(load.markers)
        self._late = self._marked = 0
        self._count = min(load.connections, len(load.topics))
        self._sent = [0] * self._count
        self._rows = [np.arange(i, len(load.topics), self._count) for i in range(self._count)]

    def run(self) -> Totals:
        load = self._load
        for i in range(self._count):
            wire = Wire(load.host, load.port, load.user, load.password, f"load-{i}")
            self._wires.append(wire)
            self._selector.register(wire.socket, selectors.EVENT_READ, wire)
        began_at, begin, cpu = self._clock() / 1e6, time.monotonic(), time.process_time()
        while (elapsed := time.monotonic() - begin) < load.seconds:
            if load.markers and self._marked <= elapsed / load.marker_every_s:
                self._put_marker()
            for i in range(self._count):
                self._put_due(i, elapsed)
            self._pump()
            time.sleep(max(TICK_S - (time.monotonic() - begin - elapsed), 0))
        for i in range(self._count):
            self._put_due(i, load.seconds)
        deadline = time.monotonic() + _LAST_S
        while time.monotonic() < deadline and any(w.pending or w.in_flight for w in self._wires):
            self._pump()
            time.sleep(TICK_S / 5)
        self._pump()
        seconds, sent = time.monotonic() - begin, sum(self._sent)
        return Totals(
            began_at=began_at,
            sent=sent,
            markers=self._marked,
            seconds=round(seconds, 3),
            achieved_rate=round(sent / max(seconds, load.seconds), 1),
            cpu_s=round(time.process_time() - cpu, 3),
            late=self._late,
            acknowledged=sum(w.acknowledged for w in self._wires),
        )

    def close(self) -> None:
        self._selector.close()
        for wire in self._wires:
            wire.close()

    def _put_due(self, i: int, elapsed: float) -> None:
        wire, load, sent = self._wires[i], self._load, self._sent[i]
        if not wire.ready(load.qos, WINDOW):
            return
        # The wires take turns, so that what is due of each only ever grows and all of it sums up to the message.
        count = (round(elapsed * load.rate) - i + self._count - 1) // self._count - sent
        if load.qos:
            count = min(count, WINDOW - wire.in_flight)
        if count <= 0:
            return
        rows = self._rows[i][(sent + np.arange(count)) % len(self._rows[i])]
        wire.put(self._factory.build(rows, self._clock() // 1_000_000, wire.packet_id), count, load.qos)
        if elapsed - sent * self._count / load.rate > LATE_S:
            self._late += count
        self._sent[i] += count

    def _put_marker(self) -> None:
        (name, topic), level = next(self._markers)
        qos, wire = self._load.qos, self._wires[self._marked % len(self._load.markers) % self._count]
        self._marked += 1
        ts = self._clock() // 1_000_000
        packet = publish(topic, marker_payload(ts, self._marked, level), qos, wire.packet_id)
        wire.put(packet, 1, qos, (name, ts, level))

    def _pump(self) -> None:
        for wire in self._wires:
            wire.flush(self._clock)
            for name, ts, level, written_ns in wire.left():
                self._on_marker(Marker(name, ts, level, written_ns / 1e6))
        for key, _ in self._selector.select(0):
            key.data.read()


def _marker_order(markers: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], float]]:
    while True:
        for level in (DANGEROUS_MA, HARMLESS_MA):
            for marker in markers:
                yield marker, level


def load_of(estate: Estate, markers: int, before: str = "") -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Topics and markers from an estate's electrical protectors; the first `markers` of them become markers.

    `before` is put before each topic: the same load where the gateway does not listen.
    """
    protectors = [d for d in estate.device if d.kind is DeviceKind.ELECTRICAL_PROTECTOR]
    topics = [(d.id, f"{before}{estate.topic_of(d)}/telemetry") for d in protectors]
    return tuple(topic for _, topic in topics[markers:]), tuple(topics[:markers])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulators.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", help="an account that may publish for every device")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--estate", type=Path, required=True, help="estate file: its electrical protectors send")
    parser.add_argument("--rate", type=float, default=1_000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--qos", type=int, choices=(0, 1), default=0)
    parser.add_argument("--markers", type=int, default=0, help="so many devices send markers instead of load")
    parser.add_argument("--marker-every", type=float, default=0.1, help="seconds between markers")
    parser.add_argument("--topic-prefix", default="", help="put before every topic: away from the gateway's ear")
    given = parser.parse_args(arguments)
    estate = load_estate(given.estate.read_text("utf-8"), str(given.estate))
    topics, markers = load_of(estate, given.markers, given.topic_prefix)
    load = Load(
        host=given.host, port=given.port, user=given.user,
        password=sys.stdin.readline().rstrip("\n") if given.password_stdin else None,
        topics=topics, markers=markers, rate=given.rate, seconds=given.seconds, connections=given.connections,
        qos=given.qos, marker_every_s=given.marker_every,
    )  # fmt: skip

    def say(line: Marker | Totals) -> None:
        sys.stdout.write(json.dumps(asdict(line)) + "\n")
        sys.stdout.flush()

    say(generate(load, time.time_ns, say))


if __name__ == "__main__":
    main()
