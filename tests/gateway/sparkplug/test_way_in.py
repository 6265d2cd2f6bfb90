"""An edge node's messages on the whole way in: topic, profile, admission, log; and the request on its way back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.frame import Frame
from community.refusal import Reason
from community.vitals import Vitals
from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.ingest import Ingest
from gateway.link.filters import everything
from gateway.link.link import Link
from gateway.link.options import link_options
from gateway.sparkplug.metric import Datatype, metric
from gateway.sparkplug.payload import read_protobuf
from gateway.sparkplug.session import REBIRTH
from tests.gateway.link import brokers
from tests.gateway.link.fake_broker import until
from tests.gateway.sparkplug.edge import NOW, SMOKE, VOLTAGE, Edge, by_alias
from tests.gateway.test_ingest import FakeLog, FakeQuarantine
from tests.gateway.village import message


def estate() -> Estate:
    """A node and a device below it, in each of two groups."""

    def device(name: str, address: str) -> Device:
        return Device(id=name, household="h", kind=DeviceKind.SMOKE, profile="sparkplug", address=address)

    return Estate(
        place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="c"),),
        device=(
            device("node", "Mill Lane/riser1"),
            device("hall", "Mill Lane/riser1/detector"),
            device("riser", "Mill_Lane/riser1"),
            device("attic", "Mill_Lane/riser1/detector"),
        ),
    )


class Judge:
    """An admission, and what came in of each message."""

    def __init__(self) -> None:
        self.profiles = Profiles()
        self.admission = Admission(estate(), profiles=self.profiles)

    def take(self, sent: tuple[str, bytes]) -> tuple[list[tuple[str, dict[str, float]]], list[Reason]]:
        """(device, values) of each reading, and the reasons of what was refused."""
        admitted = self.admission.take(Packets.runs([message(sent[1], sent[0], at=NOW)]))
        readings = [(r.device, r.values) for fs in admitted.frames.values() for f in fs for r in f.readings()]
        return sorted(readings, key=str), [r.reason for r in admitted.refusals]


def test_births_data_and_deaths_come_in() -> None:
    judge, edge = Judge(), Edge()
    assert judge.take(edge.birth(VOLTAGE)) == ([("node", {"online": 1, "voltage": 231.5})], [])
    assert judge.take(edge.device_birth("detector", SMOKE)) == ([("hall", {"online": 1, "smoke_alarm": 0})], [])
    assert judge.take(edge.data(by_alias(SMOKE, True), device="detector")) == ([("hall", {"smoke_alarm": 1})], [])
    assert judge.take(edge.death()) == ([("hall", {"online": 0}), ("node", {"online": 0})], [])
    assert judge.profiles.outgoing() == []


def test_an_alarm_is_not_lost_by_what_stands_beside_it() -> None:
    judge, edge = Judge(), Edge()
    judge.take(edge.birth())
    judge.take(edge.device_birth("detector", SMOKE))
    wrong = metric(68_783, Datatype.UINT32, "Current")._replace(datatype=Datatype.UINT16)
    strange = metric(1, Datatype.INT32, alias=99)
    readings, reasons = judge.take(edge.data(wrong, strange, by_alias(SMOKE, True), device="detector"))
    assert readings == [("hall", {"smoke_alarm": 1})]
    assert reasons == [Reason.SCHEMA]


def test_values_of_several_moments_are_readings_of_their_own() -> None:
    judge, edge = Judge(), Edge()
    judge.take(edge.birth(VOLTAGE))
    old = by_alias(VOLTAGE, 198.0, timestamp=NOW - 60_000)._replace(is_historical=True)
    readings, reasons = judge.take(edge.data(old, by_alias(VOLTAGE, 230.0)))
    assert (readings, reasons) == ([("node", {"voltage": 198.0}), ("node", {"voltage": 230.0})], [])


def test_the_same_birth_once_more_is_told_from_a_new_one() -> None:
    judge, edge = Judge(), Edge()
    first = edge.birth(VOLTAGE)
    judge.take(first)
    assert judge.take(first) == ([], [Reason.DUPLICATE])
    assert judge.take(edge.birth(VOLTAGE, ts=NOW + 1))[0] == [("node", {"online": 1, "voltage": 231.5})]


def test_devices_that_nobody_has_entered_are_refused_by_name() -> None:
    assert Judge().take(Edge(node="elsewhere").birth(VOLTAGE)) == ([], [Reason.UNKNOWN_DEVICE])


def test_a_profile_of_a_community_of_its_own(tmp_path: Path) -> None:
    # As the page of the shipped profile shows it.
    shipped = Profiles()["sparkplug"]
    assert isinstance(shipped, DataProfile)
    lines = shipped.file.about.splitlines()
    text = "\n".join(line[4:] for line in lines if line.startswith("    "))
    (tmp_path / "boiler_house.toml").write_text(text)
    profiles = Profiles(tmp_path)
    edge = Edge(group="boiler_house")
    u12 = metric(0.4, Datatype.DOUBLE, "Feeder 1/U12", alias=1, timestamp=NOW)
    for sent, values in (
        (edge.birth(), {"online": 1}),
        (edge.device_birth("plc", u12), {"online": 1, "voltage": 400}),
        (edge.data(by_alias(u12, 0.398), device="plc"), {"voltage": 398}),
    ):
        assert profiles.claiming(sent[0].encode()) is profiles["boiler_house"]
        (found,) = profiles["boiler_house"].decode(sent[0].encode(), sent[1], NOW).measurements
        assert dict(found.values) == pytest.approx(values)
    topic, payload = edge.death()
    found_all = profiles["boiler_house"].decode(topic.encode(), payload, NOW).measurements
    assert [m.device for m in found_all] == ["boiler_house/riser1", "boiler_house/riser1/plc"]


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.server)])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """Port of a running broker of each kind."""
    number = brokers.free_port()
    make = brokers.nats_server if request.param == "nats" else brokers.mosquitto
    with brokers.running(make(tmp_path, number), tmp_path, number):
        yield number


@asynccontextmanager
async def gateway(port: int) -> AsyncIterator[FakeLog]:
    """A running gateway that is subscribed."""
    profiles, log, vitals = Profiles(), FakeLog(), Vitals()
    options = replace(
        link_options(f"mqtt://127.0.0.1:{port}"), topic_filters=everything(profiles["sparkplug"].subscribe)
    )
    link = Link(options, lambda: NOW, vitals)
    ingest = Ingest(
        link, Admission(estate(), profiles=profiles), log, FakeQuarantine(), vitals, lambda: NOW,
        run_id="r", outgoing=profiles.outgoing,
    )  # fmt: skip
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(ingest.run())]
    try:
        await until(lambda: link.connected_since is not None)
        yield log
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def values(log: FakeLog) -> list[tuple[str, dict[str, float]]]:
    """(device, values) of every reading in the log."""
    return [(r.device, r.values) for _, f in log.records.values() if isinstance(f, Frame) for r in f.readings()]


async def test_a_node_that_we_missed_is_asked_and_its_data_are_read_again(port: int) -> None:
    edge = Edge(group="Mill_Lane")  # nats-server carries no topics with spaces
    edge.birth(), edge.device_birth("detector", SMOKE)  # while nobody was there to hear it
    async with gateway(port) as log, aiomqtt.Client("127.0.0.1", port, identifier="edge") as client:
        await client.subscribe("spBv1.0/Mill_Lane/NCMD/riser1")
        await client.publish(*edge.data(by_alias(SMOKE, True), device="detector"))
        async with asyncio.timeout(10):
            command = await anext(client.messages)
        assert isinstance(command.payload, bytes)
        assert [(m.name, m.value()) for m in read_protobuf(command.payload).metrics] == [(REBIRTH, True)]
        await client.publish(*edge.birth())
        await client.publish(*edge.device_birth("detector", SMOKE._replace(raw=True)))
        await until(lambda: ("attic", {"online": 1, "smoke_alarm": 1}) in values(log))
        await client.publish(*edge.data(by_alias(SMOKE, False), device="detector"))
        await until(lambda: ("attic", {"smoke_alarm": 0}) in values(log))
        await client.publish(*edge.death(), qos=1)
        await until(lambda: ("attic", {"online": 0}) in values(log))
        assert ("riser", {"online": 0}) in values(log)
