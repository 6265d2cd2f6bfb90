"""Questions for a device's last messages, over a real broker."""

import nats.errors
import numpy as np
import pytest
from nats.aio.client import Client

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.recent import RecentEvent, RecentMessage
from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.decoding.native import NATIVE, Native
from gateway.decoding.registry import Profiles
from gateway.journal import Journal, Outcome
from gateway.link.packets import Message
from gateway.recent import Recent, ask, explaining
from gateway.roster import Roster
from gateway.sparkplug.metric import Datatype, Metric, metric
from gateway.sparkplug.payload import Payload, write_protobuf
from tests.fuzz import announced
from tests.gateway.village import NOW, dated, estate, message


async def test_a_question_is_answered_and_without_a_gateway_it_says_so(client: Client) -> None:
    with pytest.raises(nats.errors.NoRespondersError):
        await ask(client, "d0", 5)
    village, journal = estate(), Journal()
    roster = Roster(village)
    journal.resize(len(roster), np.zeros(0, np.int64))
    row = roster.row_of_id["d0"]
    packets = Packets.of([message(dated(NOW, co=3)), message("nonsense")])
    journal.note(packets, np.full(2, row, np.int32), np.array([Outcome.ACCEPTED, Outcome.QUARANTINED], np.uint8))
    made = []

    def profiles() -> dict[str, Native]:
        made.append(1)
        return {"native": NATIVE}

    await Recent(journal, lambda: roster, lambda: village, profiles).start(client)
    first, second = await ask(client, "d0", 5)
    assert (first.number, first.at, first.values, first.profile) == (1, NOW, {"co": 3.0}, "native")
    assert (second.outcome, second.payload, second.size) == ("quarantined", b"nonsense", 8)
    assert await ask(client, "d1", 5) == await ask(client, "stranger", 5) == []
    assert made == [1]  # read once, however often somebody asks


def told(live: Profiles, device: Device, *messages: Message) -> list[RecentMessage]:
    """What is told of a device after messages went through admission with `live`."""
    village = Estate(
        place=(Place(id="c0", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h0", place="c0"),),
        device=(device,),
    )
    journal = Journal()
    admission = Admission(village, profiles=live, journal=journal)
    for sent in messages:
        admission.take([Packets.of([sent])])
    recent = Recent(journal, lambda: admission.roster, lambda: village, lambda: explaining(live, None))
    return recent.of(device.id)


NODE = "spBv1.0/mill/{}/riser"
RISER = Device(id="riser", household="h0", kind=DeviceKind.SMOKE, profile="sparkplug", address="mill/riser")


def sparkplug(kind: str, at: int, *metrics: Metric, seq: int = 0) -> Message:
    """A message of a node, received `at`."""
    topic, payload = NODE.format(kind).encode(), write_protobuf(Payload(at, metrics, seq))
    return Message(topic, payload, 0, b"", len(payload), at)


SMOKE, NUMBER_7 = metric(False, Datatype.BOOLEAN, "Smoke", alias=7), metric(True, Datatype.BOOLEAN, alias=7)
WATER = metric(False, Datatype.BOOLEAN, "Water", alias=7)


def test_aliases_are_explained_by_the_births_that_the_gateway_has_seen() -> None:
    live = Profiles()
    messages = told(live, RISER, sparkplug("NBIRTH", NOW, SMOKE), sparkplug("NDATA", NOW + 1, NUMBER_7, seq=1))
    assert [m.outcome for m in messages] == ["event", "event"]
    assert [RecentEvent("smoke_alarm", active) in m.events for m, active in zip(messages, (False, True), strict=True)]
    assert messages[1].events == (RecentEvent("smoke_alarm", True),)


def test_what_an_alias_meant_before_the_last_birth_is_not_guessed() -> None:
    birth, data = sparkplug("NBIRTH", NOW, SMOKE), sparkplug("NDATA", NOW + 1, NUMBER_7, seq=1)
    again = sparkplug("NBIRTH", NOW + 2, WATER)
    _, former, _ = told(Profiles(), RISER, birth, data, again)
    assert (former.outcome, former.events) == ("event", ())


def test_looking_back_disturbs_no_session() -> None:
    live = Profiles()
    told(live, RISER, sparkplug("NBIRTH", NOW, SMOKE), sparkplug("NDATA", NOW + 1, NUMBER_7, seq=1))
    assert live.outgoing() == []  # no sequence number came twice, so nobody is asked for a birth
    decoded = live["sparkplug"].decode(NODE.format("NDATA").encode(), sparkplug("NDATA", NOW, NUMBER_7).payload, NOW)
    assert [m.values for m in decoded.measurements] == [{"smoke_alarm": 1.0}]


def test_states_are_explained_by_the_configs_that_the_gateway_has_seen() -> None:
    live = Profiles()
    hall = Device(id="hall", household="h0", kind=DeviceKind.SMOKE, profile="homeassistant", address="hall_7")
    sent = [
        Message(s.topic, s.payload, 0, b"", len(s.payload), NOW + n)
        for n, s in enumerate((*announced.SEEDS, announced.SEEDS[-3]._replace(payload=b'{"smoke": "YES"}')))
    ]
    *_, last = told(live, hall, *sent)
    assert RecentEvent("smoke_alarm", True) in last.events
    assert len(live["homeassistant"].subscribe) > 1  # what was announced stays
