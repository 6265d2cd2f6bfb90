"""The codec of Sparkplug B: follows births, data and deaths of edge nodes, and asks for births that it has missed."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from community.clock import LATEST
from community.refusal import Reason
from gateway.decoding.codecs.json import stripped
from gateway.decoding.profile import Codec, Document, UnreadableError
from gateway.fault import Fault
from gateway.sparkplug.json_form import read_json
from gateway.sparkplug.metric import BadValueError, Datatype, Metric, metric
from gateway.sparkplug.nodes import Definition, Definitions, NodeId, Nodes
from gateway.sparkplug.payload import Payload, read_protobuf, write_protobuf

NAMESPACE = "spBv1.0"
ONLINE = "$online"
"""Key of a body under which births and deaths stand; a metric of this name is refused."""

REBIRTH = "Node Control/Rebirth"
REBIRTH_EVERY_MS = 30_000
"""Least time between two requests to one node."""

MAX_REQUESTS = 256
"""Requests waiting to be sent; beyond, none is made, and the node's next message tries again."""

MAX_ASKED = 10_000
"""Nodes remembered for having been asked; the first of them is forgotten, and may be asked again too early."""

MAX_ID = 128
"""Characters of the name of a group, a node or a device."""

_UNDEFINED = Definition(None, None)


class SparkplugCodec:
    """Messages of edge nodes → documents `{metric name: value}`. Implements `gateway.decoding.profile.Codec`, `Outbox`.

    Data come in a document for each time that its metrics have, or else the payload's. A birth says what holds as
    it is sent: its values have the payload's time, unless they are marked historical. Births and deaths give
    `{"$online": true}` or false; a node's death gives it for each of its devices too. Values that are null, or whose
    `Quality` is not good, are None; tables, templates and bytes are passed over.

    The device of a document is `<group>/<node>` or `<group>/<node>/<device>`; for one that the topic does not name, the
    captures bring `node` as `<node>/<device>`.

    Asked for its birth is a node that sends data before it, whose alias is not known, or of whose messages one is
    missing (`gateway.sparkplug.sequence`). Meanwhile all is read that can be: by name, and by the aliases of the last
    birth, which hold until another birth or a death: a node that came back with other ones has died before, and its
    will is sent at QoS 1.
    """

    def __init__(self) -> None:
        """No node is known."""
        self._nodes = Nodes()
        self._asked: OrderedDict[NodeId, int] = OrderedDict()
        self._requests: list[tuple[str, bytes]] = []
        self._sent = 0

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The documents of a message; none of a command, a host's state, or a cleared retained message.

        Raises:
            UnreadableError: no Sparkplug topic, or no payload.
        """
        kind, node_id, device = _parts(topic)
        for broken in self._nodes.broken(received_at):
            self._ask(broken, received_at)
        if kind in ("NCMD", "DCMD", "STATE") or not payload:
            return ()
        message = _message(payload)
        if kind == "NDEATH":
            return self._node_dies(node_id, message)
        if kind == "NBIRTH":
            return self._node_is_born(node_id, message, received_at)
        born = self._nodes.get(node_id)
        if born is None:
            self._ask(node_id, received_at)
        elif message.seq is not None and message.seq < 256:
            self._nodes.count(node_id, message.seq, received_at)
        if kind == "DBIRTH":
            assert device is not None, "its topic has one"
            beyond = 0 if born is None else self._nodes.declare(node_id, device, message.metrics, received_at)
            return _born(_address(node_id, device), message, beyond)
        if kind == "DDEATH":
            assert device is not None, "its topic has one"
            if born is not None:
                self._nodes.undeclare(node_id, device)
            return (Document({ONLINE: False}, _ts(message.timestamp), device=_address(node_id, device)),)
        definitions = None if born is None else born.definitions(device)
        readout = _Readout(_address(node_id, device), definitions or {}, message)
        readout.take_all(message.metrics)
        # A node too large to be remembered would be asked for ever.
        if (definitions is None or readout.strange) and not (born is not None and born.is_cut):
            self._ask(node_id, received_at)
        return readout.documents()

    def outgoing(self) -> list[tuple[str, bytes]]:
        """Requests for births."""
        requests, self._requests = self._requests, []
        return requests

    def looking_back(self) -> Codec:
        """A codec that reads messages a second time, by what births have declared to this one, and changes nothing."""
        return _LookingBack(self._nodes)

    @property
    def forgotten(self) -> int:
        """Born nodes that there was no room for any more, since the start."""
        return self._nodes.forgotten

    def _node_is_born(self, node_id: NodeId, message: Payload, received_at: int) -> Sequence[Document]:
        self._nodes.bear(node_id, _bd_seq(message), message.seq if message.seq is None else message.seq % 256)
        beyond = self._nodes.declare(node_id, None, message.metrics, received_at)
        return _born(_address(node_id, None), message, beyond)

    def _node_dies(self, node_id: NodeId, message: Payload) -> Sequence[Document]:
        node, bd_seq = self._nodes.get(node_id), _bd_seq(message)
        if node is not None and None not in (node.bd_seq, bd_seq) and node.bd_seq != bd_seq:
            return ()  # the will of an earlier connection, come late
        self._nodes.bury(node_id)
        devices = () if node is None else tuple(node.devices)
        # Its time is that of the connection's beginning: that it is gone is true as of now.
        return (
            Document({ONLINE: False}, device=_address(node_id, None)),
            *(
                Document({ONLINE: False}, device=_address(node_id, d), captures={"node": f"{node_id.node}/{d}"})
                for d in devices
            ),
        )

    def _ask(self, node_id: NodeId, now: int) -> None:
        before = self._asked.get(node_id)
        if before is not None and 0 <= now - before < REBIRTH_EVERY_MS:
            return
        if len(self._requests) >= MAX_REQUESTS or any(c in part for part in node_id for c in "+#"):
            return
        self._asked[node_id] = now
        self._asked.move_to_end(node_id)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
        command = metric(True, Datatype.BOOLEAN, REBIRTH, timestamp=now)
        payload = write_protobuf(Payload(now, (command,), self._sent % 256))
        self._sent += 1
        self._requests.append((f"{NAMESPACE}/{node_id.group}/NCMD/{node_id.node}", payload))


class _LookingBack:
    """Reads what was read before. What an alias meant before the last birth, or the last death, it does not guess."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The documents of a message that came at `received_at`."""
        kind, node_id, device = _parts(topic)
        if kind in ("NCMD", "DCMD", "STATE") or not payload:
            return ()
        message, address = _message(payload), _address(node_id, device)
        if kind in ("NBIRTH", "DBIRTH"):
            return _born(address, message, 0)
        if kind in ("NDEATH", "DDEATH"):
            return (Document({ONLINE: False}, _ts(message.timestamp) if device else None, device=address),)
        readout = _Readout(address, self._nodes.declared_until(node_id, device, received_at) or {}, message)
        readout.take_all(message.metrics)
        return readout.documents()


class _Readout:
    """The metrics of one message, by the moments that they tell of."""

    def __init__(self, address: str, definitions: Definitions, message: Payload, *, birth: bool = False) -> None:
        self._address = address
        self._definitions = definitions
        self._sent_at = _ts(message.timestamp)
        self._birth = birth
        self._bodies: dict[int | None, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.strange = False
        """Whether an alias was not known."""

    def take_all(self, metrics: Sequence[Metric]) -> None:
        """Read the metrics; what cannot be read leaves a fault."""
        for number, item in enumerate(metrics):
            place = f"metrics.{number}" if item.name is None else item.name[:64]
            try:
                self._take(item)
            except BadValueError as bad:
                self.faults.append(Fault(Reason.SCHEMA, place, str(bad)))

    def put(self, ts: int | None, name: str, value: Any) -> None:
        """Add a value; a second one of the same name and moment does not hide the first."""
        bodies = self._bodies.setdefault(ts, [{}])
        body = next((b for b in bodies if name not in b), None)
        if body is None:
            bodies.append(body := {})
        body[name] = value

    def documents(self) -> Sequence[Document]:
        """What was read; faults are with the last."""
        found = [Document(b, ts, device=self._address) for ts, bodies in self._bodies.items() for b in bodies]
        return [*found, Document(None, faults=self.faults)] if self.faults else found

    def _take(self, item: Metric) -> None:
        if item.name is not None:
            name, datatype = item.name, self._definitions.get(item.name, _UNDEFINED).datatype
        elif item.alias is None:
            raise BadValueError("has neither name nor alias")
        else:
            definition = self._definitions.get(item.alias)
            if definition is None:
                self.strange = True
                raise BadValueError(f"alias {item.alias} is not known: no birth has declared it")
            if definition.name is None:
                raise BadValueError(f"alias {item.alias} has more than one name")
            name, datatype = definition.name, definition.datatype
        if name == "bdSeq" or item.is_read_past:
            return
        if name == ONLINE:
            raise BadValueError("is the name of something else here")
        ts = _ts(item.timestamp)
        if item.is_historical and ts is None:
            raise BadValueError("is historical and does not tell its time")
        if not item.is_historical and (self._birth or ts is None):
            ts = self._sent_at
        self.put(ts, name, item.value(datatype))


def _born(address: str, message: Payload, beyond: int) -> Sequence[Document]:
    readout = _Readout(address, {}, message, birth=True)
    readout.put(_ts(message.timestamp), ONLINE, True)
    readout.take_all(message.metrics)
    if beyond:
        readout.faults.append(Fault(Reason.TOO_LARGE, "metrics", f"{beyond} more than are remembered"))
    return readout.documents()


def _parts(topic: str) -> tuple[str, NodeId, str | None]:
    """(type of message, node, device)."""
    levels = topic.split("/")
    if levels[0] == NAMESPACE and len(levels) > 2 and max(map(len, levels)) <= MAX_ID:
        if levels[1] == "STATE" and len(levels) == 3:
            return "STATE", NodeId("", ""), None
        kind = levels[2]
        if kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD") and len(levels) == 4 and all(levels):
            return kind, NodeId(levels[1], levels[3]), None
        if kind in ("DBIRTH", "DDATA", "DDEATH", "DCMD") and len(levels) == 5 and all(levels):
            return kind, NodeId(levels[1], levels[3]), levels[4]
    raise UnreadableError(Fault(Reason.UNKNOWN_TOPIC, "", "no Sparkplug B topic of an edge node"))


def _message(payload: bytes) -> Payload:
    return read_json(payload) if stripped(payload)[:1] == b"{" else read_protobuf(payload)


def _address(node_id: NodeId, device: str | None) -> str:
    return f"{node_id.group}/{node_id.node}" + ("" if device is None else f"/{device}")


def _ts(raw: int | None) -> int | None:
    return raw if raw is None or raw <= LATEST else None


def _bd_seq(message: Payload) -> int | None:
    raw = next((m.raw for m in message.metrics if m.name == "bdSeq" and not m.is_null), None)
    return raw if isinstance(raw, int) else None
