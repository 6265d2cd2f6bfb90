"""What is remembered of edge nodes: which are born, and what their births declared."""

from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Sequence as Listed
from typing import NamedTuple

from gateway.sparkplug.metric import Datatype, Metric
from gateway.sparkplug.sequence import Sequence

MAX_NODES = 2_000
"""Born edge nodes remembered."""

MAX_DEFINITIONS = 100_000
"""Metrics remembered of all nodes together: some 25 MB, at most 50. Beyond this, or `MAX_NODES`, the node that has been
silent longest is forgotten; when it speaks again, it is asked for its birth."""

MAX_OF_NODE = 10_000
"""Metrics remembered of one node with its devices; those beyond can be read by name only."""

MAX_DEVICES = 500
"""Devices remembered of one node; of those beyond, the node's death says nothing."""

MAX_NAME = 256
"""Characters of a metric's name that is remembered."""


class NodeId(NamedTuple):
    """Group and name of an edge node."""

    group: str
    node: str


class Definition(NamedTuple):
    """What a birth declared; an alias given twice has no name."""

    name: str | None
    datatype: Datatype | None


Definitions = dict[int | str, Definition]
"""By alias, and by name."""


class Node:
    """A born edge node.

    Attributes:
        bd_seq: of its NBIRTH; None if it had none.
        sequence: of its messages.
        own: what its NBIRTH declared.
        devices: what the DBIRTH of each device declared; None for one that is not born (any more).
        declared: number of metrics in all of them.
        is_cut: whether there was no room for some of its metrics or devices.
        since: when what is declared was: its own (None) and of each device; receipt of the birth, UTC ms.
    """

    __slots__ = ("bd_seq", "declared", "devices", "is_cut", "own", "sequence", "since")

    def __init__(self, bd_seq: int | None, seq: int | None, devices: Listed[str] = ()) -> None:
        """Born now; `devices` were known before and are not born yet."""
        self.bd_seq = bd_seq
        self.sequence = Sequence(seq)
        self.own: Definitions = {}
        self.devices: dict[str, Definitions | None] = dict.fromkeys(devices)
        self.declared = 0
        self.is_cut = False
        self.since: dict[str | None, int] = {}

    def definitions(self, device: str | None) -> Definitions | None:
        """What is declared for a device, or the node itself; None if it is not born."""
        return self.own if device is None else self.devices.get(device)

    def declare(self, device: str | None, metrics: Listed[Metric], at: int) -> int:
        """Take a birth, received `at`, for what it declares; returns how many metrics there was no room for."""
        self.undeclare(device)
        definitions: Definitions = {}
        if device is None:
            self.own = definitions
        elif device in self.devices or len(self.devices) < MAX_DEVICES:
            self.devices[device] = definitions
        else:
            self.is_cut = True
            return len(metrics)
        self.since[device] = at
        beyond = 0
        for metric in metrics:
            if metric.name is None:
                continue
            if self.declared >= MAX_OF_NODE or len(metric.name) > MAX_NAME:
                beyond += 1
                continue
            self.declared += metric.name not in definitions
            definitions[metric.name] = definition = Definition(metric.name, metric.datatype)
            if metric.alias is not None:
                known = definitions.setdefault(metric.alias, definition)
                if known.name != metric.name:
                    definitions[metric.alias] = Definition(None, None)
        self.is_cut |= beyond > 0
        return beyond

    def undeclare(self, device: str | None) -> None:
        """Forget what was declared for a device; it is known still."""
        before = self.definitions(device)
        if before is not None:
            self.declared -= sum(isinstance(key, str) for key in before)
            if device is not None:
                self.devices[device] = None


class Nodes:
    """The born nodes, the one that spoke last at the end."""

    def __init__(self) -> None:
        self._nodes: OrderedDict[NodeId, Node] = OrderedDict()
        self._declared = 0
        self._gaps: dict[NodeId, int] = {}
        self.forgotten = 0
        """Nodes that there was no room for any more."""

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def declared(self) -> int:
        """Metrics remembered."""
        return self._declared

    def get(self, node_id: NodeId) -> Node | None:
        """The node, which speaks just now."""
        node = self._nodes.get(node_id)
        if node is not None:
            self._nodes.move_to_end(node_id)
        return node

    def bear(self, node_id: NodeId, bd_seq: int | None, seq: int | None) -> Node:
        """The node begins anew; what its devices are called is kept."""
        before = self.bury(node_id)
        node = self._nodes[node_id] = Node(bd_seq, seq, () if before is None else list(before.devices))
        return node

    def bury(self, node_id: NodeId) -> Node | None:
        """The node is gone; returns what was known of it."""
        node = self._nodes.pop(node_id, None)
        self._gaps.pop(node_id, None)
        if node is not None:
            self._declared -= node.declared
        return node

    def declared_until(self, node_id: NodeId, device: str | None, at: int) -> Definitions | None:
        """What was declared at a moment of the past, UTC ms; None if nothing, or if it is not known any more."""
        node = self._nodes.get(node_id)
        if node is None or at < node.since.get(device, 0):
            return None
        return node.definitions(device)

    def declare(self, node_id: NodeId, device: str | None, metrics: Listed[Metric], at: int) -> int:
        """A birth of a born node or of its device; returns how many metrics there was no room for."""
        node = self._nodes[node_id]
        self._declared -= node.declared
        beyond = node.declare(device, metrics, at)
        self._declared += node.declared
        while len(self._nodes) > MAX_NODES or (self._declared > MAX_DEFINITIONS and len(self._nodes) > 1):
            self.bury(next(iter(self._nodes)))
            self.forgotten += 1
        return beyond

    def undeclare(self, node_id: NodeId, device: str) -> None:
        """A device of a born node is gone."""
        node = self._nodes[node_id]
        self._declared -= node.declared
        node.undeclare(device)
        self._declared += node.declared

    def count(self, node_id: NodeId, seq: int, now: int) -> None:
        """Note the sequence number of a born node's message."""
        node = self._nodes[node_id]
        node.sequence.take(seq, now)
        if node.sequence.since is None:
            self._gaps.pop(node_id, None)
        else:
            self._gaps.setdefault(node_id, node.sequence.since)

    def broken(self, now: int) -> Iterator[NodeId]:
        """Nodes of which something is missing for good; each again after its next message, until it is born anew."""
        while self._gaps:
            node_id = next(iter(self._gaps))  # they stand in the order in which their gaps began
            if not self._nodes[node_id].sequence.is_broken(now):
                return
            del self._gaps[node_id]
            yield node_id
