"""Admission with the compiled front and without it lets the same in, refuses the same, and passes over the same."""

from typing import Any

import numpy as np
import pytest

from community.compiler import COMPILED
from gateway.admission import Admission
from gateway.admitted import Admitted
from gateway.columnar.front import Front
from gateway.columnar.packets import Packets
from gateway.decoding.registry import Profiles
from gateway.link.packets import Message
from gateway.sources import Sources
from tests.fuzz.mutate import Mutator
from tests.fuzz.seeds import Seed, data_profiles, estate, seeds
from tests.gateway.village import NOW

BY_PROFILE = {name: [s for s in seeds() if s.profile == name] for name in Profiles()}


def taken(admission: Admission, arrivals: list[list[Message]], *, compiled: bool) -> list[Any]:
    """What becomes of arrivals, comparable."""
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setattr("gateway.columnar.front.COMPILED", False)
        return [_plain(admission.take([Packets.of(messages)])) for messages in arrivals]


def _plain(admitted: Admitted) -> Any:
    frames = {
        partition: [
            (r.device, r.ts, r.received_at, sorted(r.values.items())) for frame in frames for r in frame.readings()
        ]
        for partition, frames in admitted.frames.items()
    }
    faults = {number: sorted(map(str, found)) for number, found in admitted.faults.items()}
    origins = [number for origin in admitted.origins for number in origin.tolist()]
    return frames, faults, dict(admitted.refused), admitted.readings, admitted.events, admitted.ignored, origins


def arrivals(sown: list[Seed], seed: int, flushes: int, each: int) -> list[list[Message]]:
    """Mutated messages, and each seed as it is."""
    mutator = Mutator(sown, seed)
    found = []
    for flush in range(flushes):
        now = NOW + 60_000 * flush
        pairs = [mutator.message() for _ in range(each)] + [(s.topic, s.payload) for s in sown]
        found.append([Message(topic, payload, 0, b"", len(payload), now) for topic, payload in pairs])
    return found


@pytest.mark.skipif(not COMPILED, reason="without the compiler there is one way only")
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_lead_to_the_same(seed: int) -> None:
    # Not Hypothesis: two gateways with all their profiles take longer to set up than thousands of messages to judge.
    sent = arrivals(list(seeds()), seed, flushes=10, each=400)
    quick = taken(Admission(estate(), profiles=Profiles()), sent, compiled=True)
    slow = taken(Admission(estate(), profiles=Profiles()), sent, compiled=False)
    for number, (one, other) in enumerate(zip(quick, slow, strict=True)):
        assert one == other, number
    assert sum(readings for _, _, _, readings, *_ in quick) > 1_000


@pytest.mark.skipif(not COMPILED, reason="without the compiler nothing is read by the kernels")
def test_the_quick_way_is_taken() -> None:
    profiles = Profiles()
    admission = Admission(estate(), profiles=profiles)
    front, sources = Front(profiles), Sources(admission.roster, profiles)
    front.renew(len(admission.roster))
    found = {}
    for profile in ("native", *(p.name for p in data_profiles(profiles))):
        messages = [Message(s.topic, s.payload, 0, b"", len(s.payload), NOW) for s in BY_PROFILE[profile]]
        packets = Packets.of(messages)
        read = front.read(packets, front.resolve(packets, sources), np.ones(len(packets), np.bool_), 0, 65_536)
        found[profile] = len(packets) - len(read.slow)
    assert {name for name, count in found.items() if count} >= {"native", "tasmota", "shelly2", "zigbee2mqtt"}, found
