"""An edge node for tests: what it would publish, written by our own writer."""

from gateway.sparkplug.metric import Datatype, Metric, metric
from gateway.sparkplug.payload import Payload, write_protobuf

NOW = 1_790_000_000_000
D = Datatype

VOLTAGE = metric(231.5, D.FLOAT, "Voltage", alias=1, timestamp=NOW - 9_000)
SMOKE = metric(False, D.BOOLEAN, "smoke_alarm", alias=2, timestamp=NOW - 9_000)
OFFSET = metric(-3, D.INT16, "ambient_temperature", alias=3, timestamp=NOW - 9_000)


def by_alias(declared: Metric, value: float | bool | None, *, timestamp: int | None = NOW) -> Metric:
    """The metric as data bring it: alias and value only."""
    assert declared.datatype is not None
    written = metric(value, declared.datatype, alias=declared.alias, timestamp=timestamp)
    return written._replace(datatype=None)


class Edge:
    """Keeps the sequence number as an edge node does.

    Attributes:
        seq: number of the next message.
    """

    def __init__(self, group: str = "Mill Lane", node: str = "riser1", bd_seq: int | None = 0) -> None:
        self.group, self.node, self.bd_seq, self.seq = group, node, bd_seq, 0

    def topic(self, kind: str, device: str | None = None) -> str:
        """Of a type of message."""
        return f"spBv1.0/{self.group}/{kind}/{self.node}" + ("" if device is None else f"/{device}")

    def birth(self, *metrics: Metric, ts: int | None = NOW) -> tuple[str, bytes]:
        """NBIRTH."""
        self.seq = 0
        return self.topic("NBIRTH"), self._payload((*self._bd_seq(), *metrics), ts)

    def device_birth(self, device: str, *metrics: Metric, ts: int | None = NOW) -> tuple[str, bytes]:
        """DBIRTH."""
        return self.topic("DBIRTH", device), self._payload(metrics, ts)

    def data(self, *metrics: Metric, device: str | None = None, ts: int | None = NOW) -> tuple[str, bytes]:
        """NDATA or DDATA."""
        return self.topic("NDATA" if device is None else "DDATA", device), self._payload(metrics, ts)

    def device_death(self, device: str, ts: int | None = NOW) -> tuple[str, bytes]:
        """DDEATH."""
        return self.topic("DDEATH", device), self._payload((), ts)

    def death(self) -> tuple[str, bytes]:
        """NDEATH: written when the connection began, and without a number."""
        return self.topic("NDEATH"), write_protobuf(Payload(NOW - 3_600_000, self._bd_seq()))

    def _bd_seq(self) -> tuple[Metric, ...]:
        return () if self.bd_seq is None else (metric(self.bd_seq, D.INT64, "bdSeq"),)

    def _payload(self, metrics: tuple[Metric, ...], ts: int | None) -> bytes:
        seq, self.seq = self.seq, (self.seq + 1) % 256
        return write_protobuf(Payload(ts, metrics, seq))
