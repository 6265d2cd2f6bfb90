"""What every profile does: claim topics, name the device, decode the payload."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.fault import Fault


class Measurement(NamedTuple):
    """What one device says of one moment, before admission.

    Attributes:
        values: signal name → value, None for "not measured". Names may be unknown still.
        ts: time by the device's clock, UTC ms; None if it sends none.
        seq: the device's running number of the message; None if it sends none.
        device: id of the device, where the payload and not the topic names it.
    """

    values: Mapping[str, float | None]
    ts: int | None = None
    seq: int | None = None
    device: str | None = None


class Decoded(NamedTuple):
    """What a message says, and what of it could not be read.

    Attributes:
        measurements: in the order of the payload. Faults and measurements may both be there: a bad value does not
            take its neighbours with it. Both are empty for a message that is not meant for us.
        faults: what was refused.
    """

    measurements: Sequence[Measurement]
    faults: Sequence[Fault] = ()


IGNORED = Decoded(())
"""A message of ours that carries nothing for the log: a command on its way down, a cleared retained status."""


class Profile(Protocol):
    """A way of speaking. Implementations are stateless and never raise on what a device sent."""

    @property
    def name(self) -> str:
        """As `Device.profile` names it."""
        ...

    def claims(self, topic: bytes) -> bool:
        """Whether a message on this topic is in this profile."""
        ...

    def device_of(self, topic: bytes) -> str | None:
        """Id of the device that the topic names; None if it names none."""
        ...

    def decode(self, topic: bytes, payload: bytes) -> Decoded:
        """Read the payload of a claimed topic."""
        ...
