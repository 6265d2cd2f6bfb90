"""Whose topic is it? Each topic is looked into once and remembered."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from community.refusal import Reason
from gateway.decoding.native import DOWNWARD, NATIVE
from gateway.decoding.profile import Profile
from gateway.fault import Fault
from gateway.roster import Roster

SPARE = 65_536
"""Topics remembered beyond eight for each device; when full, all are forgotten and found again as they come."""

MOST_TOPIC = 1_024
"""Bytes of a topic that is remembered; longer ones are looked into each time."""


class Source(NamedTuple):
    """What a topic is.

    Attributes:
        row: of the device in the roster; -1 if the topic tells none that is known.
        profile: that reads it; None if it is not ours, or on its way down: then it is passed over, unless `fault`.
        fault: why nothing on it can come in.
        address: of the device that the topic tells; None if it tells none.
    """

    row: int
    profile: Profile | None
    fault: Fault | None = None
    address: str | None = None


NOT_OURS = Source(-1, None)
UNCLAIMED = Source(-1, None, Fault(Reason.UNKNOWN_TOPIC, "", "no profile claims this topic"))


@runtime_checkable
class Changing(Protocol):
    """A profile whose topics are not the same for ever."""

    @property
    def revision(self) -> int:
        """Another number whenever it claims other topics than before, or gives them to other devices."""
        ...


class Sources:
    """Resolves topics for one roster and one set of profiles."""

    def __init__(self, roster: Roster, profiles: Mapping[str, Profile]) -> None:
        self._roster = roster
        self._profiles = list(profiles.values())
        self._native_rows = {topic.encode(): row for row, topic in enumerate(roster.topics) if topic}
        self._known: dict[bytes, Source] = {}
        # Profiles whose topics change as devices announce themselves.
        self._changing = [p for p in self._profiles if isinstance(p, Changing)]
        self._revisions = [p.revision for p in self._changing]
        self._most = SPARE + 8 * len(roster)

    def __getitem__(self, topic: bytes) -> Source:
        for i, profile in enumerate(self._changing):
            if profile.revision != self._revisions[i]:
                self._revisions[i] = profile.revision
                self._known.clear()
        source = self._known.get(topic)
        if source is None:
            source = self._resolve(topic)
            if len(topic) <= MOST_TOPIC:
                if len(self._known) >= self._most:
                    self._known.clear()
                self._known[topic] = source
        return source

    def device(self, topic: bytes) -> str | None:
        """Id of the known device that a topic means, were it even a wrong one of its own."""
        row = self[topic].row
        if row >= 0:
            return self._roster.ids[row]
        address = NATIVE.device_of(topic) if NATIVE.claims(topic) else None
        return address if address in self._roster.row_of_id else None

    def row_of(self, source: Source, address: str | None) -> int | Fault:
        """Row of the device with this address (None: the topic's), or why nothing of it can come in on this topic."""
        if source.row >= 0 and (address is None or address == source.address):
            return source.row
        assert source.profile is not None, "what is not ours is not decoded"
        if address is None:
            address = source.address
        if address is None:
            return Fault(Reason.UNKNOWN_DEVICE, "", "neither topic nor payload names a device")
        row = self._roster.row_of_address.get((source.profile.name, address))
        if row is None:
            detail = f"no {source.profile.name} device {address[:64]!r} is registered"
            return Fault(Reason.UNKNOWN_DEVICE, "", detail)
        if source.row >= 0 and not address.startswith(f"{source.address}/"):
            # Whoever may publish on a device's topic may not speak for another one.
            return Fault(
                Reason.WRONG_TOPIC, "", f"{address[:64]!r} is another device, and not below {source.address!r}"
            )
        return row

    def _resolve(self, topic: bytes) -> Source:
        if NATIVE.claims(topic):
            return self._native(topic)
        first: Profile | None = None
        for profile in self._profiles:
            if profile.claims(topic):
                address = profile.device_of(topic)
                row = -1 if address is None else self._roster.row_of_address.get((profile.name, address), -1)
                if row >= 0:
                    return Source(row, profile, None, address)
                first = first or profile
        return UNCLAIMED if first is None else Source(-1, first, None, first.device_of(topic))

    def _native(self, topic: bytes) -> Source:
        if topic.endswith(DOWNWARD):
            return NOT_OURS
        row = self._native_rows.get(topic.rpartition(b"/")[0])
        if row is not None:
            return Source(row, NATIVE, None, self._roster.ids[row])
        device = NATIVE.device_of(topic)
        if device is None:
            expected = "mingluo/v1/<community>/<household>/<device>/telemetry"
            return Source(-1, NATIVE, Fault(Reason.UNKNOWN_TOPIC, "", f"expected {expected}"))
        row = self._roster.row_of_id.get(device)
        if row is None:
            return Source(-1, NATIVE, Fault(Reason.UNKNOWN_DEVICE, "", f"no device {device[:64]!r} is registered"))
        own = self._roster.topics[row]
        if topic.startswith(own.encode() + b"/"):
            return Source(-1, NATIVE, Fault(Reason.UNKNOWN_TOPIC, "", f"no such topic below {own}"))
        return Source(-1, NATIVE, Fault(Reason.WRONG_TOPIC, "", f"the device's own topic is {own}/..."))
