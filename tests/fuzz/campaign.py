"""Mutated messages of all profiles through admission; what came in, what was refused, and what must not happen."""

import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from community.quantities import SIGNALS
from gateway.admission import Admission
from gateway.admitted import Admitted
from gateway.columnar.packets import Packets
from gateway.decoding.profile import Profile
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.homeassistant.profile import HomeAssistant
from gateway.link.packets import Message
from tests.fuzz import announced
from tests.fuzz.announced_oracle import Announcements
from tests.fuzz.mutate import Mutator
from tests.fuzz.oracle import ALARMS, says
from tests.fuzz.seeds import estate, seeds
from tests.gateway.village import NOW

FLUSH = 500
STEP = 60_000
"""ms between flushes: enough for every device's bucket, so that no message is held off for its rate."""

SHOWN = 20
"""Findings that are kept."""


@dataclass
class Outcome:
    """Figures of a campaign.

    Attributes:
        messages: given to admission.
        refused_messages: refused in whole or in part.
        readings, ignored: rows that came in; messages with nothing for us.
        refused: by reason.
        alarms: alarms that came in as active.
        exceptions: messages at which something was raised.
        false_life: alarms that came in though the message does not say them.
        findings: the first of both, for people.
    """

    messages: int = 0
    refused_messages: int = 0
    readings: int = 0
    ignored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    exceptions: int = 0
    false_life: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """For people, one figure a line."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.refused.most_common())
        return "\n".join((
            f"messages          {self.messages:,}",
            f"readings in       {self.readings:,}",
            f"refused           {self.refused_messages:,} (in whole or in part: {reasons})",
            f"nothing for us    {self.ignored:,}",
            f"active alarms in  {self.alarms.total():,}",
            f"exceptions        {self.exceptions}",
            f"false life        {self.false_life}",
            *self.findings,
        ))  # fmt: skip


class Campaign:
    """One admission, fed with mutations."""

    def __init__(self, seed: int) -> None:
        self._profiles = Profiles()
        self._admission = Admission(estate(), profiles=self._profiles)
        self._mutator = Mutator((*seeds(), *announced.SEEDS), seed)
        self._announcements = Announcements()
        self._now = NOW
        self.outcome = Outcome()

    def run(self, mutations: int) -> Outcome:
        """Go on for so many messages."""
        while mutations > 0:
            count = min(FLUSH, mutations)
            mutations -= count
            self._now += STEP
            # As from a socket: one arrival. Topics over 65,535 bytes do not exist there.
            messages = [
                Message(topic, payload, 0, b"", len(payload), self._now)
                for topic, payload in (self._mutator.message() for _ in range(count))
            ]
            self._announcements.hear((m.topic, m.payload) for m in messages)
            self._take(messages)
            self._profiles.outgoing()
        return self.outcome

    def _take(self, messages: Sequence[Message]) -> None:
        try:
            admitted = self._admission.take([Packets.of(messages)])
        except Exception:
            if len(messages) > 1:
                self._admission = Admission(estate(), profiles=self._profiles)
                for message in messages:
                    self._take([message])
                return
            self.outcome.messages += 1
            self.outcome.exceptions += 1
            self._found(f"{traceback.format_exc(limit=-3)}{messages[0].topic!r} {messages[0].payload[:400]!r}")
            self._admission = Admission(estate(), profiles=self._profiles)
            return
        outcome = self.outcome
        outcome.messages += len(messages)
        outcome.refused_messages += admitted.refused_messages
        outcome.readings += admitted.readings
        outcome.ignored += admitted.ignored
        outcome.refused.update({str(reason): count for reason, count in admitted.refused.items()})
        for number, alarm in active_alarms(admitted):
            outcome.alarms[alarm] += 1
            message = messages[number]
            profile = self._profiles.claiming(message.topic)
            if not self._said(profile, message, alarm):
                outcome.false_life += 1
                name = "-" if profile is None else profile.name
                self._found(f"false {alarm} by {name}: {message.topic!r} {message.payload[:400]!r}")

    def _said(self, profile: Profile | None, message: Message, alarm: str) -> bool:
        if isinstance(profile, HomeAssistant) or (profile is None and not message.topic.startswith(b"mingluo/")):
            return self._announcements.say(message.topic, message.payload, alarm)  # None: no longer announced by now
        own = profile if isinstance(profile, DataProfile) else None
        return says(own, message.topic, message.payload, alarm)

    def _found(self, text: str) -> None:
        if len(self.outcome.findings) < SHOWN:
            self.outcome.findings.append(text)


def active_alarms(admitted: Admitted) -> list[tuple[int, str]]:
    """(number of the message, alarm) of every active alarm that came in. For an estate in one partition."""
    assert len(admitted.frames) <= 1, "the order of rows is that of the messages in one partition only"
    origins = [number for origin in admitted.origins for number in origin.tolist()]
    found: list[tuple[int, str]] = []
    at = 0
    for frames in admitted.frames.values():
        for frame in frames:
            columns = [(j, s) for j, s in enumerate(frame.signals) if s in ALARMS]
            for j, signal in columns:
                found += [(origins[at + int(i)], signal) for i in (frame.values[:, j] == 1).nonzero()[0]]
            at += len(frame.values)
    assert at == len(origins)
    assert set(SIGNALS) >= ALARMS
    return found


def main(mutations: int, seed: int) -> int:
    """Run, print, and tell by the exit status whether all is well."""
    outcome = Campaign(seed).run(mutations)
    sys.stdout.write(f"seed              {seed}\n{outcome}\n")
    return 1 if outcome.exceptions or outcome.false_life else 0
