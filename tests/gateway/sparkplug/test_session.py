"""Sessions of edge nodes. Comments name the requirements of Sparkplug 3.0 that a test is about."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.refusal import Reason
from gateway.decoding.profile import Document, UnreadableError
from gateway.sparkplug.metric import Datatype, metric
from gateway.sparkplug.nodes import MAX_DEVICES, MAX_NAME, MAX_NODES, MAX_OF_NODE
from gateway.sparkplug.payload import Payload, read_protobuf, write_protobuf
from gateway.sparkplug.sequence import REORDER_MS
from gateway.sparkplug.session import MAX_REQUESTS, REBIRTH, REBIRTH_EVERY_MS, SparkplugCodec
from tests.gateway.sparkplug.edge import NOW, OFFSET, SMOKE, VOLTAGE, Edge, by_alias

D = Datatype


class Host:
    """A codec, and a clock that it is told."""

    def __init__(self) -> None:
        self.codec, self.now = SparkplugCodec(), NOW

    def read(self, message: tuple[str, bytes]) -> Sequence[Document]:
        """Give it a message."""
        return self.codec.read(message[0], message[1], self.now)

    def bodies(self, message: tuple[str, bytes]) -> list[tuple[int | None, Any]]:
        """(time, body) of what it makes of a message, without what are only faults."""
        return [(d.ts, d.body) for d in self.read(message) if d.body is not None]

    def asked(self) -> list[str]:
        """Topics of the requests since the last look."""
        return [topic for topic, _ in self.codec.outgoing()]


def faults(documents: Sequence[Document]) -> list[str]:
    return [str(f) for d in documents for f in d.faults]


def born() -> tuple[Host, Edge]:
    """A host and a node with a device, both born; nothing is asked."""
    host, edge = Host(), Edge()
    host.read(edge.birth(VOLTAGE))
    host.read(edge.device_birth("detector", SMOKE, OFFSET))
    assert host.asked() == []
    return host, edge


def test_a_birth_says_what_holds_as_it_is_sent() -> None:
    # An alarm that has stood for days must not be refused as too old when we ask for it.
    host, edge = Host(), Edge()
    old = SMOKE._replace(timestamp=NOW - 30 * 86_400_000)
    (document,) = host.read(edge.birth(VOLTAGE, old, ts=NOW - 50))
    assert document.body == {"$online": True, "Voltage": 231.5, "smoke_alarm": False}
    assert (document.ts, document.device, document.seq) == (NOW - 50, "Mill Lane/riser1", None)
    (document,) = host.read(edge.device_birth("detector", OFFSET))
    assert document.body == {"$online": True, "ambient_temperature": -3}
    assert document.device == "Mill Lane/riser1/detector"
    assert host.asked() == []


def test_data_by_alias_have_the_names_and_types_of_the_birth() -> None:
    # tck-id-payloads-alias-data-cmd-requirement
    host, edge = born()
    assert host.bodies(edge.data(by_alias(VOLTAGE, 229.5))) == [(NOW, {"Voltage": 229.5})]
    data = edge.data(by_alias(SMOKE, True), by_alias(OFFSET, -12), device="detector")
    assert host.bodies(data) == [(NOW, {"smoke_alarm": True, "ambient_temperature": -12})]
    assert host.asked() == []


def test_metrics_of_several_moments_come_apart_and_old_ones_keep_theirs() -> None:
    # tck-id-payloads-metric-timestamp-in-UTC, is_historical
    host, edge = born()
    old = by_alias(VOLTAGE, 198.0, timestamp=NOW - 60_000)._replace(is_historical=True)
    again = metric(7, D.INT32, "Load", timestamp=NOW - 60_000)
    data = edge.data(by_alias(VOLTAGE, 230.0), old, metric(1, D.INT32, "Load", timestamp=None), again, ts=NOW - 5)
    assert host.bodies(data) == [
        (NOW, {"Voltage": 230.0}),
        (NOW - 60_000, {"Voltage": 198.0, "Load": 7}),
        (NOW - 5, {"Load": 1}),
    ]
    timeless = metric(1, D.INT32, "Load")._replace(is_historical=True)
    assert faults(host.read(edge.data(timeless))) == ["Load: is historical and does not tell its time"]


def test_neither_of_two_values_of_one_moment_hides_the_other() -> None:
    host, edge = born()
    data = edge.data(by_alias(SMOKE, True), by_alias(SMOKE, False), device="detector")
    assert host.bodies(data) == [(NOW, {"smoke_alarm": True}), (NOW, {"smoke_alarm": False})]


def test_what_is_null_or_stale_is_there_without_a_value() -> None:
    host, edge = born()
    stale = by_alias(SMOKE, True)._replace(quality=500)
    assert host.bodies(edge.data(by_alias(OFFSET, None), stale, device="detector")) == [
        (NOW, {"ambient_temperature": None, "smoke_alarm": None})
    ]


def test_an_unknown_alias_is_refused_by_name_and_the_birth_asked_for() -> None:
    # tck-id-operational-behavior-data-commands-rebirth-name
    host, edge = born()
    documents = host.read(edge.data(by_alias(SMOKE._replace(alias=77), True), by_alias(VOLTAGE, 1.0)))
    assert [d.body for d in documents] == [{"Voltage": 1.0}, None]
    assert faults(documents) == ["metrics.0: alias 77 is not known: no birth has declared it"]
    ((topic, payload),) = host.codec.outgoing()
    assert topic == "spBv1.0/Mill Lane/NCMD/riser1"
    command = read_protobuf(payload)
    assert [(m.name, m.datatype, m.value()) for m in command.metrics] == [(REBIRTH, D.BOOLEAN, True)]
    # tck-id-payloads-ncmd-timestamp
    assert command.timestamp == NOW


def test_the_aliases_of_devices_are_their_own() -> None:
    host, edge = born()
    assert faults(host.read(edge.data(by_alias(VOLTAGE, 1.0), device="detector"))) == [
        "metrics.0: alias 1 is not known: no birth has declared it"
    ]


def test_an_alias_given_twice_means_nothing() -> None:
    host, edge = Host(), Edge()
    host.read(edge.birth(VOLTAGE, SMOKE._replace(alias=VOLTAGE.alias)))
    assert faults(host.read(edge.data(by_alias(VOLTAGE, 230.0)))) == ["metrics.0: alias 1 has more than one name"]
    assert host.bodies(edge.data(VOLTAGE)) == [(NOW - 9_000, {"Voltage": 231.5})]


def test_data_before_the_birth_are_read_by_name_and_the_birth_asked_for() -> None:
    # tck-id-payloads-ndata-order, tck-id-payloads-ddata-order
    host, edge = Host(), Edge()
    documents = host.read(edge.data(SMOKE, by_alias(OFFSET, 4), device="detector"))
    assert [d.body for d in documents] == [{"smoke_alarm": False}, None]
    assert host.asked() == ["spBv1.0/Mill Lane/NCMD/riser1"]


def test_a_device_before_its_node_or_before_its_own_birth() -> None:
    # tck-id-payloads-dbirth-order
    host, edge = Host(), Edge()
    assert host.bodies(edge.device_birth("detector", SMOKE)) == [(NOW, {"$online": True, "smoke_alarm": False})]
    assert len(host.asked()) == 1
    host.now += REBIRTH_EVERY_MS
    host.read(edge.birth())
    assert host.bodies(edge.data(SMOKE, device="other")) == [(NOW - 9_000, {"smoke_alarm": False})]
    assert len(host.asked()) == 1


def test_a_node_is_asked_at_most_once_in_half_a_minute() -> None:
    host, edge, other = Host(), Edge(), Edge(node="riser2")
    for _ in range(100):
        host.read(edge.data(SMOKE))
        host.read(other.data(SMOKE))
    assert len(host.asked()) == 2
    host.now += REBIRTH_EVERY_MS - 1
    host.read(edge.data(SMOKE))
    assert host.asked() == []
    host.now += 1
    host.read(edge.data(SMOKE))
    assert len(host.asked()) == 1


def test_a_birth_after_a_request_ends_the_matter() -> None:
    host, edge = Host(), Edge()
    host.read(edge.data(by_alias(VOLTAGE, 1.0)))
    assert len(host.asked()) == 1
    host.read(edge.birth(VOLTAGE))
    host.now += REBIRTH_EVERY_MS
    assert host.bodies(edge.data(by_alias(VOLTAGE, 2.0))) == [(NOW, {"Voltage": 2.0})]
    assert host.asked() == []


def test_the_sequence_goes_from_255_to_0() -> None:
    # tck-id-payloads-sequence-num-incrementing
    host, edge = born()
    for _ in range(600):
        host.now += REORDER_MS
        host.read(edge.data(by_alias(VOLTAGE, 230.0)))
    assert host.asked() == []


@pytest.mark.parametrize("before", [0, 250, 253, 254, 255])
def test_after_a_gap_everything_is_read_and_the_birth_asked_for_when_the_time_is_over(before: int) -> None:
    # tck-id-operational-behavior-host-reordering-rebirth
    host, edge = born()
    for _ in range(before):
        host.read(edge.data(by_alias(VOLTAGE, 230.0)))
    edge.data()  # lost
    assert host.bodies(edge.data(by_alias(VOLTAGE, 231.0))) == [(NOW, {"Voltage": 231.0})]
    assert host.asked() == []
    host.now += REORDER_MS
    # Whoever speaks next brings it to light.
    host.read(Edge(node="riser2").birth())
    assert host.asked() == ["spBv1.0/Mill Lane/NCMD/riser1"]
    host.read(edge.birth(VOLTAGE))
    host.now += REBIRTH_EVERY_MS
    host.read(edge.data(by_alias(VOLTAGE, 231.0)))
    assert host.asked() == []


def test_messages_in_another_order_are_no_loss() -> None:
    # tck-id-operational-behavior-host-reordering-success
    host, edge = born()
    messages = [edge.data(by_alias(VOLTAGE, float(i))) for i in range(260)]
    for i in range(0, 260, 4):
        for place in (3, 0, 2, 1):
            host.read(messages[i + place])
            host.now += 100
    host.now += REORDER_MS
    host.read(edge.data(by_alias(VOLTAGE, 1.0)))
    assert host.asked() == []


def test_a_message_twice_is_no_loss() -> None:
    host, edge = born()
    message = edge.data(by_alias(VOLTAGE, 1.0))
    host.read(message)
    host.read(message)
    host.now += REORDER_MS
    host.read(edge.data(by_alias(VOLTAGE, 1.0)))
    assert host.asked() == []


def test_a_node_that_begins_anew_without_telling_is_asked() -> None:
    host, edge = born()
    for _ in range(100):
        host.read(edge.data(by_alias(VOLTAGE, 230.0)))
    edge.seq = 1
    host.read(edge.data(by_alias(VOLTAGE, 230.0)))
    host.now += REORDER_MS
    host.read(edge.data(by_alias(VOLTAGE, 230.0)))
    assert len(host.asked()) == 1


def test_a_gap_is_asked_about_again_until_the_node_is_born() -> None:
    host, edge = born()
    edge.data()
    asked = 0
    for _ in range(20):
        host.now += REBIRTH_EVERY_MS
        host.read(edge.data(by_alias(VOLTAGE, 230.0)))
        asked += len(host.asked())
    assert 18 <= asked <= 20


def test_the_death_of_a_node_is_that_of_its_devices() -> None:
    # tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline, -devices-offline
    host, edge = born()
    host.read(edge.device_birth("lamp"))
    documents = host.read(edge.death())
    assert [(d.device, d.body, d.ts) for d in documents] == [
        # The host's own time: that of the will is the time at which the connection began.
        ("Mill Lane/riser1", {"$online": False}, None),
        ("Mill Lane/riser1/detector", {"$online": False}, None),
        ("Mill Lane/riser1/lamp", {"$online": False}, None),
    ]
    assert [d.captures for d in documents] == [{}, {"node": "riser1/detector"}, {"node": "riser1/lamp"}]
    # -node-tags-stale: what was declared holds no more
    assert faults(host.read(edge.data(by_alias(VOLTAGE, 1.0))))
    assert len(host.asked()) == 1


def test_the_late_death_of_an_earlier_connection_is_none() -> None:
    # tck-id-payloads-ndeath-bdseq, tck-id-topics-nbirth-bdseq-matching
    host, edge = born()
    late = edge.death()
    edge.bd_seq = 1
    host.read(edge.birth(VOLTAGE))
    assert host.read(late) == ()
    assert host.bodies(edge.data(by_alias(VOLTAGE, 2.0))) == [(NOW, {"Voltage": 2.0})]
    assert len(host.read(edge.death())) == 2


@pytest.mark.parametrize(("birth", "death"), [(None, 3), (3, None), (None, None)])
def test_a_death_that_cannot_be_compared_is_believed(birth: int | None, death: int | None) -> None:
    host, edge = Host(), Edge(bd_seq=birth)
    host.read(edge.birth())
    edge.bd_seq = death
    assert host.bodies(edge.death()) == [(None, {"$online": False})]


def test_the_death_of_a_node_that_nobody_knows_is_believed() -> None:
    assert Host().bodies(Edge().death()) == [(None, {"$online": False})]


def test_devices_of_an_earlier_birth_die_with_the_node() -> None:
    host, edge = born()
    host.read(edge.birth())
    assert len(host.read(edge.death())) == 2


def test_the_death_of_a_device_is_its_own() -> None:
    # tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline
    host, edge = born()
    (document,) = host.read(edge.device_death("detector", ts=NOW - 3))
    assert (document.device, document.body, document.ts) == ("Mill Lane/riser1/detector", {"$online": False}, NOW - 3)
    assert host.bodies(edge.data(by_alias(VOLTAGE, 2.0))) == [(NOW, {"Voltage": 2.0})]
    assert host.asked() == []
    assert faults(host.read(edge.data(by_alias(SMOKE, True), device="detector")))
    assert len(host.asked()) == 1
    host.read(edge.device_birth("detector", SMOKE))
    assert host.bodies(edge.data(by_alias(SMOKE, True), device="detector")) == [(NOW, {"smoke_alarm": True})]


def test_a_value_that_its_type_does_not_have_leaves_its_neighbours() -> None:
    host, edge = born()
    wrapped = metric(68_783, D.UINT32, "Current")._replace(datatype=D.UINT16)
    documents = host.read(edge.data(wrapped, SMOKE, metric(1, D.INT32), metric(1, D.INT8, "$online")))
    assert [d.body for d in documents] == [{"smoke_alarm": False}, None]
    assert faults(documents) == [
        "Current: 68783 is no UINT16",
        "metrics.2: has neither name nor alias",
        "$online: is the name of something else here",
    ]


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/g/NCMD/n",
        "spBv1.0/g/DCMD/n/d",
        "spBv1.0/STATE/mingluo",
    ],
)
def test_what_goes_down_says_nothing(topic: str) -> None:
    assert SparkplugCodec().read(topic, b"\xff", NOW) == ()


def test_an_empty_payload_says_nothing() -> None:
    host, edge = born()
    assert host.read((edge.topic("NDEATH"), b"")) == ()


@pytest.mark.parametrize(
    "topic",
    ["", "spBv1.0", "spBv1.0/g", "spBv1.0/g/NDATA", "spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0/g/XDATA/n",
     "spAv1.0/g/NDATA/n", "spBv1.0//NDATA/n", f"spBv1.0/g/NDATA/{'n' * 129}"],
)  # fmt: skip
def test_topics_that_are_none(topic: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        SparkplugCodec().read(topic, write_protobuf(Payload(NOW)), NOW)
    assert refused.value.fault.reason is Reason.UNKNOWN_TOPIC


def test_json_is_understood_as_well() -> None:
    host = Host()
    topic = "spBv1.0/Mill Lane/{}/riser1"
    birth = {
        "timestamp": NOW,
        "metrics": [
            {"name": "bdSeq", "dataType": "Int64", "value": 4},
            {"name": "Inputs/Smoke", "alias": 9, "timestamp": NOW, "dataType": "Boolean", "value": False},
        ],
        "seq": 0,
    }
    data = {"timestamp": NOW, "metrics": [{"alias": 9, "timestamp": NOW + 1, "value": True}], "seq": 1}
    assert host.bodies((topic.format("NBIRTH"), json.dumps(birth).encode())) == [
        (NOW, {"$online": True, "Inputs/Smoke": False})
    ]
    assert host.bodies((topic.format("NDATA"), b" " + json.dumps(data).encode())) == [(NOW + 1, {"Inputs/Smoke": True})]
    assert host.asked() == []


def test_when_there_are_too_many_nodes_the_one_longest_silent_is_forgotten() -> None:
    host, first, second = Host(), Edge(node="first"), Edge(node="second")
    host.read(first.birth(VOLTAGE))
    host.read(second.birth(VOLTAGE))
    for i in range(MAX_NODES - 2):
        host.read(Edge(node=f"n{i}").birth())
    assert host.bodies(first.data(by_alias(VOLTAGE, 1.0)))
    host.read(Edge(node="one more").birth())
    assert host.codec.forgotten == 1
    assert host.bodies(first.data(by_alias(VOLTAGE, 2.0)))
    assert host.asked() == []
    assert not host.bodies(second.data(by_alias(VOLTAGE, 2.0)))
    assert host.asked() == ["spBv1.0/Mill Lane/NCMD/second"]


def test_a_node_with_too_many_metrics_is_read_by_name_and_not_asked_for_ever() -> None:
    host, edge = Host(), Edge()
    host.read(edge.birth(SMOKE._replace(alias=70_000)))
    per_birth = 2_500
    for n in range(MAX_OF_NODE // per_birth + 1):
        metrics = [metric(0, D.INT32, f"m{i}", alias=i) for i in range(per_birth)]
        documents = host.read(edge.device_birth(f"d{n}", *metrics))
    assert faults(documents) == [f"metrics: {per_birth} more than are remembered"]
    last = f"d{MAX_OF_NODE // per_birth}"
    assert faults(host.read(edge.data(metric(0, D.INT32, alias=per_birth - 1), device=last)))
    assert host.bodies(edge.data(metric(5, D.INT32, "m7"), device=last)) == [(NOW, {"m7": 5})]
    assert host.bodies(edge.data(by_alias(SMOKE._replace(alias=70_000), True))) == [(NOW, {"smoke_alarm": True})]
    assert host.asked() == []


def test_long_names_are_not_remembered() -> None:
    host, edge = Host(), Edge()
    name = "x" * (MAX_NAME + 1)
    documents = host.read(edge.birth(metric(1, D.INT32, name)))
    assert documents[0].body == {"$online": True, name: 1}
    assert faults(documents) == ["metrics: 1 more than are remembered"]


def test_devices_beyond_those_remembered_are_read_by_name() -> None:
    host, edge = Host(), Edge()
    host.read(edge.birth())
    for i in range(MAX_DEVICES + 1):
        documents = host.read(edge.device_birth(f"d{i}", SMOKE))
        assert documents[0].body == {"$online": True, "smoke_alarm": False}
    assert host.bodies(edge.data(SMOKE, device=f"d{MAX_DEVICES}")) == [(NOW - 9_000, {"smoke_alarm": False})]
    assert host.asked() == []
    assert len(host.read(edge.death())) == MAX_DEVICES + 1


def test_requests_are_bounded() -> None:
    host = Host()
    for i in range(MAX_REQUESTS + 5):
        host.read(Edge(node=f"n{i}").data(SMOKE))
    assert len(host.asked()) == MAX_REQUESTS
    host.read(Edge(node=f"n{MAX_REQUESTS}").data(SMOKE))
    assert len(host.asked()) == 1, "one for whom there was no room may try again at once"


_TOPICS = st.builds(
    lambda kind, node, device: f"spBv1.0/g/{kind}/{node}" + (f"/{device}" if kind[0] == "D" else ""),
    st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"]),
    st.sampled_from("ab"),
    st.sampled_from("xy"),
)
_METRICS = st.sampled_from(
    [VOLTAGE, SMOKE, OFFSET, metric(2, D.INT64, "bdSeq"), by_alias(SMOKE, True), by_alias(OFFSET, None),
     by_alias(VOLTAGE, float("nan")), metric(-1, D.INT8, alias=2), metric(True, D.BOOLEAN, "$online")]
)  # fmt: skip
_MESSAGES = st.builds(
    lambda metrics, seq, ts: write_protobuf(Payload(ts, tuple(metrics), seq)),
    st.lists(_METRICS, max_size=3),
    st.none() | st.integers(0, 300),
    st.none() | st.sampled_from([0, NOW, 2**64 - 1]),
)


@given(st.lists(st.tuples(_TOPICS, _MESSAGES | st.binary(max_size=30), st.integers(-9_000, 40_000)), max_size=25))
def test_any_conversation_is_bounded_and_only_says_what_was_sent(messages: list[tuple[str, bytes, int]]) -> None:
    host = Host()
    for topic, payload, later in messages:
        host.now += later
        try:
            documents = host.read((topic, payload))
        except UnreadableError:
            continue
        for document in documents:
            assert document.device is None or document.device.split("/")[:2] == ["g", topic.split("/")[3]]
            for name, value in (document.body or {}).items():
                assert name in ("$online", "Voltage", "smoke_alarm", "ambient_temperature")
                assert value is None or isinstance(value, (bool, int, float))
    assert host.codec._nodes.declared == sum(n.declared for n in host.codec._nodes._nodes.values())
    assert len(host.asked()) <= 2 * len(messages)
