"""What the link hands out: messages of one connection, to be acknowledged together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.columnar.packets import PACKET_ID, Packets
from gateway.link.connection import Connection
from gateway.link.packets import Message


class Batch:
    """Messages of one connection, in the order of their arrival.

    Attributes:
        packets: what came, an arrival (or part of one) each.
        count: messages in them.
        size: bytes they keep in memory.
    """

    __slots__ = ("_connection", "count", "packets", "size")

    def __init__(self, connection: Connection | None, packets: Sequence[Packets] = ()) -> None:
        """What came over a connection; None for what did not come from the broker."""
        self._connection = connection
        self.packets: list[Packets] = []
        self.count = self.size = 0
        self.extend(packets)

    def extend(self, packets: Sequence[Packets]) -> None:
        """Add what came next."""
        self.packets.extend(packets)
        self.count += sum(map(len, packets))
        self.size += sum(p.nbytes for p in packets)

    @property
    def messages(self) -> list[Message]:
        """All messages one by one, made anew at each call."""
        return [message for p in self.packets for message in p.messages()]

    @property
    def packet_ids(self) -> NDArray[np.int32]:
        """Identifiers of the messages that are to be acknowledged, in order."""
        every = np.concatenate([p.index[:, PACKET_ID] for p in self.packets] or [np.zeros(0, np.int32)])
        return every[every > 0]

    def belongs_to(self, connection: Connection | None) -> bool:
        """Whether it came over this connection: packet identifiers mean nothing on another."""
        return self._connection is connection
