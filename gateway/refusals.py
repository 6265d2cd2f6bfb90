"""The refusals of one flush: counted all, kept in detail only as many as anyone will look at."""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from community.refusal import PAYLOAD_KEPT, Reason, Refusal
from gateway.columnar.packets import Packets
from gateway.fault import Fault
from gateway.link.packets import DUP, Message
from gateway.sources import Sources
from gateway.values import did_you_mean

KEPT = 10
"""Refused messages kept of each device and flush: as many as quarantine keeps in all."""

HINTS = 2
"""Look-ups of similar names in a flush: each may take half a millisecond, and whoever floods us chooses the names."""

MAX_FAULTS = 20
"""Faults kept of one message; beyond, only those with a reason of its own."""

MAX_DETAIL = 500
"""Characters of a refusal's detail."""


class RefusalBook:
    """Collects the faults of a flush's messages."""

    def __init__(self, batch: Sequence[Packets], sources: Sources) -> None:
        self._batch = batch
        self._sources = sources
        self._starts = list(accumulate((len(packets) for packets in batch), initial=0))
        self._faults: dict[int, list[Fault]] = defaultdict(list)
        self._uncounted: Counter[Reason] = Counter()

    def add(self, number: int, fault: Fault) -> None:
        """Note a fault of the message with this number."""
        faults = self._faults[number]
        if len(faults) < MAX_FAULTS or all(fault.reason is not f.reason for f in faults):
            faults.append(fault)

    def extend(self, number: int, faults: Iterable[Fault]) -> None:
        """Note several faults of one message."""
        for fault in faults:
            self.add(number, fault)

    def add_if_none(self, number: int, fault: Fault) -> None:
        """Note a fault, unless the message has one that explains it already."""
        if number not in self._faults:
            self._faults[number].append(fault)

    def count(self, reason: Reason, messages: int) -> None:
        """Note messages that are refused without a word of each."""
        self._uncounted[reason] += messages

    def __len__(self) -> int:
        """Messages with a fault."""
        return len(self._faults) + self._uncounted.total()

    def counts(self) -> Counter[Reason]:
        """How many messages were refused for each reason (a message may have several)."""
        told = Counter(reason for faults in self._faults.values() for reason in {f.reason for f in faults})
        return told + self._uncounted

    def refusals(self) -> list[Refusal]:
        """The last `KEPT` messages of each device, with one refusal for each reason.

        A duplicate that the broker itself sent again is nobody's mistake and left out.
        """
        kept: dict[str | None, list[int]] = defaultdict(list)
        for number in sorted(self._faults, reverse=True):
            topic, dup = self._envelope(number)
            if dup and all(f.reason is Reason.DUPLICATE for f in self._faults[number]):
                continue
            last = kept[self._sources.device(topic)]
            if len(last) < KEPT:
                last.append(number)
        hints = HINTS
        refusals = []
        for device, numbers in kept.items():
            for number in reversed(numbers):
                message = self.message(number)
                by_reason: dict[Reason, list[Fault]] = defaultdict(list)
                for fault in self._faults[number]:
                    by_reason[fault.reason].append(fault)
                for reason, faults in by_reason.items():
                    detail = "; ".join(str(f) for f in faults[:5])
                    if reason is Reason.UNKNOWN_SIGNAL and hints:
                        hints -= 1
                        detail += did_you_mean(faults[0].place.rpartition(".")[2])
                    if len(faults) > 5:
                        detail += f"; and {len(faults) - 5} more"
                    refusals.append(_refusal(message, device, reason, detail))
        return refusals

    def message(self, number: int) -> Message:
        """The flush's message with this number."""
        packets, place = self._find(number)
        return packets.message(place)

    def mentions(self, number: int, words: re.Pattern[bytes]) -> bool:
        """Whether a message's payload has one of these words in it."""
        packets, place = self._find(number)
        _, _, at, end, _, _ = packets.index[place].tolist()
        return words.search(packets.data, at, end) is not None

    def _find(self, number: int) -> tuple[Packets, int]:
        at = bisect_right(self._starts, number) - 1
        return self._batch[at], number - self._starts[at]

    def _envelope(self, number: int) -> tuple[bytes, bool]:
        """Topic, and whether the broker sends it again: without the payload, since a flood is mostly not looked at."""
        packets, place = self._find(number)
        at, end, _, _, flags, _ = packets.index[place].tolist()
        return packets.data[at:end], bool(flags & DUP)

    def faults(self) -> dict[int, list[Fault]]:
        """The faults of each message that has some."""
        return dict(self._faults)


def _refusal(message: Message, device: str | None, reason: Reason, detail: str) -> Refusal:
    return Refusal(
        at=message.received_at,
        device=device,
        topic=message.topic[:1_024].decode(errors="replace"),
        reason=reason,
        detail=detail[:MAX_DETAIL],
        payload=message.payload[:PAYLOAD_KEPT],
        size=message.size,
    )
