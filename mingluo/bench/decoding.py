"""How fast the gateway takes messages from memory on one core: framed, decoded, admitted, and put in columns."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import psutil  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray

from community.estate import Estate
from gateway.admission import Admission
from gateway.columnar.split import Splitter
from gateway.decoding.profile import Profile
from gateway.link.batch import Batch
from gateway.link.options import LinkOptions
from gateway.link.packets import publish
from gateway.trust.rates import BURST
from simulators.packets import PacketFactory

CHUNK = 64 * 1_024
"""Bytes of an arrival: what a socket holds when it is drained every few milliseconds."""

ROUNDS = 5
MISBEHAVING_PER_S = 10_000
NOW = 1_795_334_400_000
_MS_OF_A_BLOCK = 1_000

Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Speed:
    """Messages taken, and the CPU seconds it took."""

    messages: int
    admitted: int
    seconds: float

    @property
    def per_s(self) -> int:
        """Messages a second of one core."""
        return round(self.messages / self.seconds)


def take(stream: bytes, admission: Admission, received_at: int) -> Speed:
    """Put a stream through splitter and admission, in batches as the link makes them when there is much to do."""
    options = LinkOptions(host="")
    splitter = Splitter(options.max_packet)
    messages = admitted = 0
    batch = Batch(None)
    began = time.process_time()
    for at in range(0, len(stream), CHUNK):
        packets, _ = splitter.feed(stream[at : at + CHUNK], received_at)
        batch.extend(packets)
        if batch.count >= options.max_batch or at + CHUNK >= len(stream):
            messages += batch.count
            admitted += admission.take(batch.packets).readings
            batch = Batch(None)
    return Speed(messages, admitted, time.process_time() - began)


def median(speeds: Sequence[Speed]) -> Speed:
    """The one in the middle."""
    return sorted(speeds, key=lambda s: s.per_s)[len(speeds) // 2]


class NativeStream:
    """Native telemetry of every device in turn, 1,000 messages a millisecond of its own clock; never the same twice."""

    def __init__(self, estate: Estate) -> None:
        self._factory = PacketFactory([f"{estate.topic_of(d)}/telemetry" for d in estate.device], qos=0)
        self._devices = len(estate.device)
        self._sent = 0

    def block(self, messages: int) -> bytes:
        """The next messages."""
        pieces = []
        for _ in range(0, messages, _MS_OF_A_BLOCK):
            device: NDArray[np.intp] = (self._sent + np.arange(_MS_OF_A_BLOCK)) % self._devices
            pieces.append(self._factory.build(device, self.now))
            self._sent += _MS_OF_A_BLOCK
        return b"".join(pieces)

    @property
    def now(self) -> int:
        """UTC ms of the next message."""
        return NOW + self._sent // _MS_OF_A_BLOCK


def native(estate: Estate, messages: int) -> Speed:
    """Native telemetry with six values, time and running number."""
    admission = Admission(estate)
    stream = NativeStream(estate)
    take(stream.block(messages // 4), admission, stream.now)  # topics are learned, caches filled
    return median([take(stream.block(messages), admission, stream.now) for _ in range(ROUNDS)])


def tasmota(estate: Estate, profiles: Mapping[str, Profile], messages: int) -> Speed:
    """Energy telemetry of Tasmota plugs, by its profile."""
    plugs = tuple(d.model_copy(update={"profile": "tasmota"}) for d in estate.device)
    homes = Estate(place=estate.place, household=estate.household, device=plugs)
    admission = Admission(homes, profiles=profiles)
    stream = b"".join(_tasmota_packets(homes, messages))
    take(stream[: len(stream) // 4], admission, NOW)
    return median([take(stream, admission, NOW + i) for i in range(ROUNDS)])


def _tasmota_packets(estate: Estate, messages: int) -> Iterator[bytes]:
    for i in range(messages):
        device = estate.device[i % len(estate.device)].id
        energy = {
            "TotalStartTime": "2026-01-05T10:12:44",
            "Total": round(100 + i / 1_000, 3),
            "Yesterday": 1.204,
            "Today": 0.871,
            "Period": 2,
            "Power": i % 900,
            "ApparentPower": i % 930,
            "ReactivePower": i % 80,
            "Factor": 0.97,
            "Voltage": 228 + i % 5,
            "Current": round(i % 900 / 231, 3),
        }
        body = json.dumps({"Time": "2026-11-22T08:00:00", "ENERGY": energy}, separators=(",", ":"))
        yield publish(f"tele/{device}/SENSOR", body.encode())


def plain(estate: Estate, messages: int) -> int:
    """The yardstick of the run: the same native payloads by `json.loads` and a loop, messages a second of one core."""
    stream = NativeStream(estate)
    packets, _ = Splitter(LinkOptions(host="").max_packet).feed(stream.block(messages), NOW)
    payloads = [m.payload for p in packets for m in p.messages()]
    rates = []
    for _ in range(ROUNDS):
        began = time.process_time()
        columns: dict[str, list[float]] = {}
        for payload in payloads:
            for name, value in json.loads(payload)["values"].items():
                columns.setdefault(name, []).append(value)
        rates.append(len(payloads) / (time.process_time() - began))
    return round(sorted(rates)[ROUNDS // 2])


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What one device that misbehaves costs the others.

    Attributes:
        junk, valid: share of the others' throughput that is lost to 10,000 messages a second of each kind.
    """

    junk: float
    valid: float


def misbehaving(estate: Estate, messages: int) -> Neighbour:
    """One device sends 10,000 messages a second, as junk and as sound readings, between those of all others."""
    topic = f"{estate.topic_of(estate.device[0])}/telemetry"
    lost = {kind: _lost(estate, topic, kind, messages) for kind in ("junk", "valid")}
    return Neighbour(**lost)


def _lost(estate: Estate, topic: str, kind: str, messages: int) -> float:
    """Share of the others' throughput; quiet and disturbed rounds alternate, so that a slow moment meets both."""
    admission = Admission(estate)
    stream = NativeStream(estate)
    per_s = take(stream.block(messages), admission, stream.now).per_s
    # It has been at it for a while: what it may send at once is used up.
    take(b"".join(_bad(topic, kind, stream.now, -i) for i in range(1, 2 * BURST)), admission, stream.now)
    ratios = []
    for turn in range(2 * ROUNDS):
        quiet = take(stream.block(messages), admission, stream.now)
        per_s = quiet.per_s
        # In the time that the others' messages take, it sends its share.
        count = round(MISBEHAVING_PER_S * messages / per_s)
        bad = [_bad(topic, kind, stream.now, turn * count + i) for i in range(count)]
        disturbed = take(_mixed(stream.block(messages), messages, bad), admission, stream.now)
        ratios.append(quiet.seconds / disturbed.seconds)
    return round(1 - sorted(ratios)[ROUNDS], 3)


def _bad(topic: str, kind: str, now: int, i: int) -> bytes:
    if kind == "junk":
        return publish(topic, f'{{"values": {{"volt{i}": {i}, broken'.encode())
    return publish(
        topic, b'{"ts":%d,"seq":%d,"values":{"voltage":%.1f,"current":%.2f}}' % (now, i, 220 + i % 20, i % 9)
    )


def _mixed(others: bytes, messages: int, bad: Sequence[bytes]) -> bytes:
    size = len(others) // messages
    every = max(1, messages // max(1, len(bad)))
    pieces = []
    for i, packet in enumerate(bad):
        pieces += [others[i * every * size : (i + 1) * every * size], packet]
    pieces.append(others[len(bad) * every * size :])
    return b"".join(pieces)


def soak(estate: Estate, messages: int, say: Said) -> dict[str, int]:
    """Resident memory over many messages, MiB: after the first tenth, and the most from then on."""
    admission = Admission(estate)
    stream = NativeStream(estate)
    block = 200_000
    settled = most = 0
    for done in range(0, messages, block):
        take(stream.block(block), admission, stream.now)
        resident = _resident_mib()
        if done >= messages // 10:
            settled = settled or resident
            most = max(most, resident)
        if done % (50 * block) == 0:
            say(f"{done:,} messages, {resident} MiB")
    return {"messages": messages, "settled_mib": settled, "most_mib": most}


def _resident_mib() -> int:
    return int(psutil.Process().memory_info().rss // 2**20)
