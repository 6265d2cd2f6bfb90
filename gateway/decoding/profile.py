"""The contract of decoding: what a profile and a codec take and give."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gateway.fault import Fault


class Measurement(NamedTuple):
    """What one device says of one moment, before admission.

    Attributes:
        values: signal name → value, None for "not measured". Names may be unknown still.
        ts: time by the device's clock, UTC ms; None if it sends none.
        seq: the device's running number of the message; None if it sends none.
        device: address of the device in its profile; None: the one that the topic names.
    """

    values: Mapping[str, float | None]
    ts: int | None = None
    seq: int | None = None
    device: str | None = None


class Announcement(NamedTuple):
    """A device that says it exists (Home Assistant discovery, a Sparkplug birth), for the estate to approve.

    Attributes:
        address: what it calls itself in its profile.
        name: for people; may be empty.
        kind: the kind of device it seems to be (`community.estate.DeviceKind`); None if it does not tell.
        model: maker and model; may be empty.
        signals: canonical names of what it will report.
        details: what else its profile must remember to read it, JSON values, at most a few KiB.
    """

    address: str
    name: str = ""
    kind: str | None = None
    model: str = ""
    signals: Sequence[str] = ()
    details: Mapping[str, Any] = {}


class Decoded(NamedTuple):
    """What a message says, and what of it could not be read.

    Attributes:
        measurements: in the order of the payload. Faults and measurements may both be there: a bad value does not
            take its neighbours with it. All are empty for a message that is not meant for us.
        faults: what was refused.
        announcements: devices that said they exist.
    """

    measurements: Sequence[Measurement]
    faults: Sequence[Fault] = ()
    announcements: Sequence[Announcement] = ()


IGNORED = Decoded(())
"""A message of ours that carries nothing for the log: a command on its way down, a cleared retained status."""


class Document(NamedTuple):
    """A payload as plain Python values, ready for a profile's fields.

    Attributes:
        body: dicts with text keys, lists, texts, numbers, booleans, None. A NaN or infinity is a float here: the
            field that it stands in refuses it.
        ts: time that the wire format itself carries, UTC ms.
        seq: running number that the wire format itself carries.
        device: address that the wire format itself carries, where the topic does not tell; a topic's `device`
            template takes it as `{document}`.
        captures: further names for `device` templates (e.g. `unit` of a Modbus frame); they go before the topic's.
        faults: what of it could not be read, where the rest could.
    """

    body: Any
    ts: int | None = None
    seq: int | None = None
    device: str | None = None
    captures: Mapping[str, str] = {}
    faults: Sequence[Fault] = ()


class UnreadableError(Exception):
    """A payload that its codec cannot read; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Codec(Protocol):
    """Bytes → documents. Most are functions of the bytes; Sparkplug keeps sessions, bounded.

    One instance serves one gateway. It never raises anything but `UnreadableError`, whatever the bytes.
    """

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The documents of one message, in order; none for a message without content.

        Args:
            topic: as received.
            payload: as received.
            received_at: UTC ms; the only clock there is.

        Raises:
            UnreadableError: nothing of the payload can be read.
        """
        ...


class Outbox(Protocol):
    """A codec that has something to say to devices (a rebirth request) collects it here."""

    def outgoing(self) -> list[tuple[str, bytes]]:
        """Topics and payloads to publish at QoS 0; each is given once. Bounded by the codec."""
        ...


class Profile(Protocol):
    """A way of speaking. Never raises on what a device sent."""

    @property
    def name(self) -> str:
        """As `Device.profile` names it."""
        ...

    @property
    def steady(self) -> bool:
        """Whether the values of one message belong to one moment, so that they may be compared with one another."""
        ...

    @property
    def subscribe(self) -> Sequence[str]:
        """MQTT filters under which its devices publish."""
        ...

    def claims(self, topic: bytes) -> bool:
        """Whether a message on this topic is in this profile."""
        ...

    def device_of(self, topic: bytes) -> str | None:
        """Address of the device that the topic names; None if it names none."""
        ...

    def decode(self, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        """Read the payload of a claimed topic."""
        ...
