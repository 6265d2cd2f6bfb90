"""A message of a device and what became of it, as it is shown to the vendor who asks."""

from codecs import getincrementaldecoder

import msgspec


class RecentEvent(msgspec.Struct, frozen=True):
    """An event that came in: its name, and whether it began or was withdrawn."""

    name: str
    active: bool


class RecentFault(msgspec.Struct, frozen=True):
    """What of a message was refused: the named reason, and where and why."""

    reason: str
    detail: str


class RecentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One of the last messages of a device.

    Attributes:
        number: running number of the device's messages since the gateway's start; a gap: some were not kept.
        at: receipt time, UTC ms.
        topic: as received, at most 128 bytes.
        payload: as received, at most 512 bytes.
        size: length of the whole payload, bytes.
        retained: whether it was the broker's stored copy, of unknown age.
        outcome: accepted, event, quarantined or ignored, as `mingluo payloads check` has it.
        profile: the profile by which it was read.
        values: quantities that came in, in canonical units; empty if the payload was cut.
        events: events that came in; empty if the payload was cut.
        faults: what of it was refused.
    """

    number: int
    at: int
    topic: str
    payload: bytes
    size: int
    retained: bool
    outcome: str
    profile: str
    values: dict[str, float] = {}
    events: tuple[RecentEvent, ...] = ()
    faults: tuple[RecentFault, ...] = ()

    @property
    def text(self) -> str | None:
        """The payload as text; None if it is not UTF-8. A character that the cut went through is left out."""
        try:
            return getincrementaldecoder("utf-8")().decode(self.payload, final=self.size == len(self.payload))
        except UnicodeDecodeError:
            return None
