"""What became of one flush of messages."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from community.frame import Frame
from community.refusal import Reason, Refusal
from gateway.decoding.profile import Announcement
from gateway.fault import Fault


@dataclass(slots=True)
class Admitted:
    """What became of one flush.

    Attributes:
        frames: for each partition that got readings, frames in order of receipt, each of at most
            `gateway.framing.MAX_FRAME_BYTES`.
        refusals: the last `KEPT` of each device (and of unknown ones together), in order.
        refused: how many messages were refused, in whole or in part, by reason (a message may have several).
        refused_messages: how many messages these are.
        readings, events: rows in the frames; and how many values in them are events.
        ignored: messages of ours that carry nothing for the log.
        faults: of each message that has some, by its number in the flush.
        announced: (profile, device that said it exists), at most `gateway.strangers.MAX_ANNOUNCED`.
        noted: events that the gateway itself noted of devices, by signal.
        origins: number of the message of each row in the frames.
        rows: the roster's row of each.
        with_events: whether the row has an event.
    """

    frames: dict[int, list[Frame]]
    refusals: list[Refusal]
    refused: Counter[Reason]
    refused_messages: int
    readings: int
    events: int
    ignored: int
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    announced: list[tuple[str, Announcement]] = field(default_factory=list)
    noted: Counter[str] = field(default_factory=Counter)
    origins: list[NDArray[np.int64]] = field(default_factory=list)
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    with_events: list[NDArray[np.bool_]] = field(default_factory=list)

    def by_message(self) -> Counter[int]:
        """Readings that came in, by the number of their message in the flush."""
        return Counter(number for origin in self.origins for number in origin.tolist())
