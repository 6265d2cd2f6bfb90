"""What there was no room for is told, so that it can be counted."""

import json

import pytest

from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.decoding.registry import Profiles
from gateway.link.packets import Message
from gateway.losses import lost_by
from gateway.sparkplug.payload import Payload, write_protobuf
from tests.gateway.village import NOW, estate, message


def config(number: int) -> bytes:
    """A discovery config of a device of its own."""
    return json.dumps({"stat_t": f"x/{number}", "dev_cla": "smoke", "dev": {"ids": f"x{number}"}}).encode()


def test_configs_and_nodes_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.homeassistant.registry.MAX_DEVICES", 2)
    monkeypatch.setattr("gateway.sparkplug.nodes.MAX_NODES", 1)
    profiles = Profiles()
    assert lost_by(profiles) == {"homeassistant_refused": 0, "sparkplug_forgotten": 0}
    for number in range(5):
        topic = f"homeassistant/binary_sensor/x{number}/smoke/config".encode()
        profiles["homeassistant"].decode(topic, config(number), NOW)
        birth = write_protobuf(Payload(NOW, (), 0))
        profiles["sparkplug"].decode(f"spBv1.0/g/NBIRTH/n{number}".encode(), birth, NOW)
    assert lost_by(profiles) == {"homeassistant_refused": 3, "sparkplug_forgotten": 4}


def test_announcements_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.strangers.MAX_ANNOUNCED", 3)
    admission = Admission(estate(), profiles=Profiles())
    sent = [(f"homeassistant/binary_sensor/x{n}/smoke/config", config(n)) for n in range(4)]
    sent += [(f"tele/stranger_{n}/LWT", b"Online") for n in range(2)]
    messages = [Message(t.encode(), p, 0, b"", len(p), NOW) for t, p in sent]
    assert len(admission.take([Packets.of(messages)]).announced) == 3
    assert admission.lost()["gateway_announcements_lost"] == 3


def test_topics_without_room_are_counted_over_changes_of_the_estate(monkeypatch: pytest.MonkeyPatch) -> None:
    admission = Admission(estate())
    monkeypatch.setattr(admission._front._table, "refused", 4)
    admission.set_estate(estate(5))
    assert admission.take([Packets.of([message("{}")])])
    assert admission.lost() == {
        "gateway_recent_lost": 0, "gateway_topics_unkept": 4, "gateway_announcements_lost": 0,
    }  # fmt: skip
