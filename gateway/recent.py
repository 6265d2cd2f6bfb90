"""Answers to "what did this device send last, and what became of it?", over the house's own NATS.

The subject is `gateway.recent.<device>`; the answer is a list of `RecentMessage` as MessagePack, oldest first, and
empty for a device of which nothing came since the start. Devices cannot ask: they are in another account of the broker.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from community.estate import Device, Estate
from community.quantities import QUANTITIES, SIGNAL_INDEX
from community.recent import RecentEvent, RecentFault, RecentMessage
from gateway.decoding.profile import Profile
from gateway.decoding.registry import Profiles
from gateway.homeassistant.profile import HomeAssistant
from gateway.journal import Journal, Noted, Outcome
from gateway.roster import Roster
from gateway.slots import TOPIC_KEPT
from gateway.sparkplug.session import SparkplugCodec
from gateway.values import value_fault

SUBJECT = "gateway.recent"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[RecentMessage]).decode


def explaining(live: Profiles, own: Path | None) -> Mapping[str, Profile]:
    """Profiles that read messages a second time and disturb no session of those at work.

    They know what births and discovery configs told those at work, and change nothing of it.

    Args:
        live: those at work.
        own: the folder of a community's own profile files, as `live` has it.

    Raises:
        ProfileErrors, OSError: as of `Profiles`.
    """
    made = Profiles(own)
    found: dict[str, Profile] = dict(made)
    for name, codec in live.codecs.items():
        if isinstance(codec, SparkplugCodec):
            made.codecs[name] = codec.looking_back()
    for name, profile in live.items():
        if isinstance(profile, HomeAssistant):
            found[name] = profile.looking_back()
    return found


class Recent:
    """Explains what the journal holds, and answers who asks."""

    def __init__(
        self,
        journal: Journal,
        roster: Callable[[], Roster],
        estate: Callable[[], Estate],
        profiles: Callable[[], Mapping[str, Profile]],
    ) -> None:
        """A view of the journal.

        Args:
            journal: what was noted.
            roster: the roster by whose rows it was noted.
            estate: the estate in force.
            profiles: makes profiles that read a message a second time without disturbing those at work
                (`explaining`). Called once, at the first question.
        """
        self._journal = journal
        self._roster = roster
        self._estate = estate
        self._make_profiles = profiles
        self._profiles: Mapping[str, Profile] | None = None
        self._subscription: Subscription | None = None

    async def start(self, client: Client) -> None:
        """Answer questions from now on."""
        self._subscription = await client.subscribe(f"{SUBJECT}.*", cb=self._answer)

    def of(self, device_id: str) -> list[RecentMessage]:
        """The last messages of a device, oldest first. Does not raise, whatever the messages were."""
        row = self._roster().row_of_id.get(device_id)
        device = self._estate().devices.get(device_id)
        if row is None or device is None:
            return []
        if self._profiles is None:
            self._profiles = self._make_profiles()
        profile = self._profiles.get(device.profile)
        return [explained(noted, device, profile) for noted in self._journal.recent(row)]

    async def _answer(self, question: Msg) -> None:
        if self._profiles is None:  # reading their files takes too long for the loop
            self._profiles = await asyncio.to_thread(self._make_profiles)
        await question.respond(_encode(self.of(question.subject.rpartition(".")[2])))


async def ask(client: Client, device: str, patience_s: float) -> list[RecentMessage]:
    """Ask the gateway for the last messages of a device, oldest first.

    Args:
        client: a connection to the house's own NATS.
        device: its id; letters, digits, `_` and `-`.
        patience_s: how long to wait, s.

    Raises:
        nats.errors.Error: no gateway runs (`NoRespondersError`), or it does not answer in time.
        OSError: the connection is broken.
    """
    answer = await client.request(f"{SUBJECT}.{device}", timeout=patience_s)
    return _decode(answer.data)


def explained(noted: Noted, device: Device, profile: Profile | None) -> RecentMessage:
    """A noted message with what it said.

    Args:
        noted: as the journal has it.
        device: whose message it is.
        profile: reads the payload again; what was cut, or needs earlier messages to be read, stays without values.
    """
    values: dict[str, float] = {}
    came_in = noted.outcome in (Outcome.ACCEPTED, Outcome.EVENT)
    whole = noted.size == len(noted.payload) and len(noted.topic) < TOPIC_KEPT
    if profile is not None and came_in and whole:
        named = profile.device_of(noted.topic)
        for measurement in profile.decode(noted.topic, noted.payload, noted.at).measurements:
            address = measurement.device if measurement.device is not None else named
            if address == device.own_address:
                values.update(_plausible(measurement.values))
    return RecentMessage(
        number=noted.nth,
        at=noted.at,
        topic=noted.topic.decode(errors="replace"),
        payload=noted.payload,
        size=noted.size,
        retained=noted.retained,
        outcome=noted.outcome.name.lower(),
        profile=device.profile,
        values={name: value for name, value in values.items() if name in QUANTITIES},
        events=tuple(RecentEvent(name, value == 1) for name, value in values.items() if name not in QUANTITIES),
        faults=tuple(RecentFault(reason, detail) for reason, detail in noted.faults),
    )


def _plausible(values: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: value
        for name, value in values.items()
        if value is not None and name in SIGNAL_INDEX and value_fault(name, value, "") is None
    }
