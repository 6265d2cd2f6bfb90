"""No alarm is lost: messages that say danger, mutated elsewhere, must come out of admission as alarms, both ways."""

import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from unittest.mock import patch

from community.compiler import COMPILED
from community.quantities import SIGNAL_INDEX
from community.refusal import Reason
from gateway.admission import Admission
from gateway.admitted import Admitted
from gateway.columnar.packets import Packets
from gateway.decoding.registry import Profiles
from gateway.link.packets import Message
from gateway.values import value_fault
from tests.fuzz import announced
from tests.fuzz.campaign import FLUSH, SHOWN, STEP
from tests.fuzz.danger import Danger, DangerMutator, announce, dangers
from tests.fuzz.oracle import ALARMS
from tests.fuzz.seeds import estate
from tests.gateway.village import NOW

ANOTHER = {"gb45839": "fire_alarm"}
"""Profiles in which another alarm than the seed's will do: what kind of detector it is stands in a member of its own,
and an alarm of none that is known is a fire."""


@dataclass
class Outcome:
    """Figures of a campaign.

    Attributes:
        messages: given to admission, each of them once for each way.
        alarms: that came in, by profile.
        repeated: refused as repetitions of what had come in before, which they were.
        lost: alarms that did not come in.
        exceptions: flushes at which something was raised.
        findings: the first of both, for people.
    """

    messages: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    exceptions: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """For people, one figure a line."""
        told = ", ".join(f"{name} {count:,}" for name, count in self.alarms.most_common())
        return "\n".join((
            f"messages          {self.messages:,}",
            f"alarms in         {self.alarms.total():,} ({told})",
            f"repetitions       {self.repeated:,}",
            f"alarms lost       {self.lost.total():,} {dict(self.lost) or ''}",
            f"exceptions        {self.exceptions}",
            *self.findings,
        ))  # fmt: skip


class Way:
    """One admission: with its compiled front, or without."""

    def __init__(self, *, compiled: bool) -> None:
        self.name = "compiled" if compiled else "python"
        self._compiled = compiled
        self.admission = Admission(estate(), profiles=(profiles := Profiles()))
        self._profiles = profiles
        self.take(
            [Message(s.topic, s.payload, 0, b"", len(s.payload), NOW) for s in announced.SEEDS[: announced.CONFIGS]]
        )

    def take(self, messages: Sequence[Message]) -> Admitted:
        """As the gateway's."""
        with patch("gateway.columnar.front.COMPILED", self._compiled and COMPILED):
            admitted = self.admission.take([Packets.of(messages)])
        self._profiles.outgoing()
        return admitted


class LostCampaign:
    """Two admissions, fed with the same mutations."""

    def __init__(self, seed: int) -> None:
        self._reader = Profiles()
        announce(self._reader)
        self._ways = [Way(compiled=True), Way(compiled=False)] if COMPILED else [Way(compiled=False)]
        found = dangers(self._reader)
        # What is refused as it is, for whoever sends it may not speak for another device, is no alarm to be lost.
        intact = Way(compiled=False).take([Message(d.seed.topic, d.seed.payload, 0, b"", 0, NOW) for d in found])
        came = {number for number, _, _ in alarms_of(intact)}
        self._mutator = DangerMutator([d for number, d in enumerate(found) if number in came], seed)
        self._ids = {(d.profile, d.own_address): d.id for d in estate().device}
        self._seen: set[object] = set()
        self._now = NOW
        self.outcome = Outcome()

    def run(self, mutations: int) -> Outcome:
        """Go on for so many messages."""
        while mutations > 0:
            count = min(FLUSH, mutations)
            mutations -= count
            self._now += STEP
            drawn = [self._mutator.message() for _ in range(count)]
            messages = [Message(d.seed.topic, payload, 0, b"", len(payload), self._now) for d, payload in drawn]
            said = [self._contents(d, payload) for d, payload in drawn]
            self.outcome.messages += count
            for way in self._ways:
                try:
                    admitted = way.take(messages)
                except Exception:
                    self.outcome.exceptions += 1
                    self._tell(traceback.format_exc(limit=-3))
                    continue
                self._look(way, drawn, said, admitted)
            self._seen.update(content for contents in said for content in contents.values())
        return self.outcome

    def _look(
        self, way: Way, drawn: Sequence[tuple[Danger, bytes]], said: Sequence[dict[str, object]], admitted: Admitted
    ) -> None:
        came = alarms_of(admitted)
        inside: Counter[object] = Counter(content for contents in said for content in contents.values())
        for number, (danger, payload) in enumerate(drawn):
            profile = danger.seed.profile
            for address, alarm in danger.alarms:
                device = self._ids[profile, address]
                if (number, device, alarm) in came or (number, device, ANOTHER.get(profile)) in came:
                    self.outcome.alarms[profile] += 1
                    continue
                faults = admitted.faults.get(number, [])
                content = said[number].get(device)
                again = content is not None and (content in self._seen or inside[content] > 1)
                if again and any(f.reason is Reason.DUPLICATE for f in faults):
                    self.outcome.repeated += 1
                    continue
                self.outcome.lost[profile] += 1
                why = "; ".join(map(str, faults[:4]))
                self._tell(f"lost {alarm} of {device}, {way.name}: {danger.seed.topic!r} {payload[:500]!r} [{why}]")

    def _contents(self, danger: Danger, payload: bytes) -> dict[str, object]:
        """What tells repetitions: by device, its moment and values in the measurement that has the alarm."""
        profile = self._reader[danger.seed.profile]
        named = profile.device_of(danger.seed.topic)
        found: dict[str, object] = {}
        for m in profile.decode(danger.seed.topic, payload, self._now).measurements:
            values = frozenset(
                (s, v) for s, v in m.values.items()
                if v is not None and s in SIGNAL_INDEX and value_fault(s, v, "") is None
            )  # fmt: skip
            device = self._ids.get((danger.seed.profile, str(m.device or named)))
            if device is not None and any(s in ALARMS and v == 1 for s, v in values):
                found[device] = device, m.ts if m.ts is not None else ("seq", m.seq), values
        return found

    def _tell(self, text: str) -> None:
        if len(self.outcome.findings) < SHOWN:
            self.outcome.findings.append(text)


def alarms_of(admitted: Admitted) -> set[tuple[int, str, str]]:
    """(number of the message, device, alarm) of every active alarm that came in. For an estate in one partition."""
    assert len(admitted.frames) <= 1, "the order of rows is that of the messages in one partition only"
    origins = [number for origin in admitted.origins for number in origin.tolist()]
    found: set[tuple[int, str, str]] = set()
    at = 0
    for frames in admitted.frames.values():
        for frame in frames:
            for j, signal in enumerate(frame.signals):
                if signal in ALARMS:
                    for i in (frame.values[:, j] == 1).nonzero()[0].tolist():
                        found.add((origins[at + i], frame.devices[frame.device[i]], signal))
            at += len(frame.values)
    return found


def main(mutations: int, seed: int) -> int:
    """Run, print, and tell by the exit status whether all is well."""
    outcome = LostCampaign(seed).run(mutations)
    sys.stdout.write(f"seed              {seed}\n{outcome}\n")
    return 1 if outcome.exceptions or outcome.lost else 0
