"""What one arrival held: the bytes as they came, and where in them each message lies."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from gateway.link.packets import Message

TOPIC_AT, TOPIC_END, PAYLOAD_AT, PAYLOAD_END, FLAGS, PACKET_ID = range(6)
"""Columns of `Packets.index`: places in `data`; the low four bits of the fixed header; 0 at QoS 0."""

COLUMNS = 6


class Packets:
    """Messages that became complete at one moment, in order of arrival. Nothing of them is copied until asked for.

    Attributes:
        data: the bytes in which they lie, with whatever stood around them.
        index: int32[n, 6], the columns above; C-contiguous.
        size: int32[n], bytes of the whole payload: more than lie in `data` if the message was oversize.
        received_at: when the last byte was read, UTC ms.
    """

    __slots__ = ("data", "index", "received_at", "size")

    def __init__(self, data: bytes, index: NDArray[np.int32], size: NDArray[np.int32], received_at: int) -> None:
        self.data = data
        self.index = index
        self.size = size
        self.received_at = received_at

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Packets":
        """The same messages as columns, for what does not come from a socket. All must have been received at once.

        Raises:
            ValueError: if they were received at different moments; see `runs`.
        """
        moments = {m.received_at for m in messages}
        if len(moments) > 1:
            raise ValueError("messages received at different moments belong to different Packets")
        index = np.zeros((len(messages), COLUMNS), np.int32)
        at = 0
        for row, m in zip(index, messages, strict=True):
            middle = at + len(m.topic)
            end = middle + len(m.payload)
            row[:] = at, middle, middle, end, m.flags, int.from_bytes(m.packet_id)
            at = end
        data = b"".join(part for m in messages for part in (m.topic, m.payload))
        return cls(data, index, np.array([m.size for m in messages], np.int32), next(iter(moments), 0))

    @classmethod
    def runs(cls, messages: Sequence[Message]) -> "list[Packets]":
        """The same messages as columns, in as few as their moments of receipt allow."""
        return [cls.of(list(run)) for _, run in groupby(messages, lambda m: m.received_at)]

    def __len__(self) -> int:
        """Messages."""
        return len(self.index)

    @property
    def nbytes(self) -> int:
        """Memory that the messages keep."""
        return len(self.data)

    def message(self, number: int) -> Message:
        """The message with this number."""
        topic_at, topic_end, payload_at, payload_end, flags, packet_id = self.index[number].tolist()
        return Message(
            self.data[topic_at:topic_end],
            self.data[payload_at:payload_end],
            flags,
            packet_id.to_bytes(2) if packet_id else b"",
            int(self.size[number]),
            self.received_at,
        )

    def messages(self) -> list[Message]:
        """All messages, one by one."""
        data, received_at, new = self.data, self.received_at, tuple.__new__
        # Past NamedTuple's own constructor, which costs more than the slicing.
        return [
            new(
                Message,
                (data[at:end], data[payload:stop], flags, number.to_bytes(2) if number else b"", size, received_at),
            )
            for (at, end, payload, stop, flags, number), size in zip(
                self.index.tolist(), self.size.tolist(), strict=True
            )
        ]
