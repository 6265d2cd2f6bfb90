"""One thing that is wrong with a message."""

from typing import NamedTuple

from community.refusal import Reason


class Fault(NamedTuple):
    """One thing that is wrong with a message.

    Attributes:
        reason: the named reason.
        place: where in the payload, e.g. `values.voltage`; empty for the whole.
        detail: what is wrong, for people.
    """

    reason: Reason
    place: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}" if self.place else self.detail
