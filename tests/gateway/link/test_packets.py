"""MQTT packets: what their flags say, and those that we send."""

import numpy as np
import pytest

from gateway.link import packets
from gateway.link.packets import Message


def test_dup_and_retained_are_told() -> None:
    message = Message(b"t", b"", 0x0B, b"\x00\x09", 0, 0)
    assert message.dup
    assert message.retained
    assert not message._replace(flags=0x02).dup
    assert not message._replace(flags=0x02).retained


def test_what_we_send_is_as_the_standard_says() -> None:
    assert packets.connect("me", 30, "user", "word") == (
        b"\x10\x1a\x00\x04MQTT\x04\xc0\x00\x1e\x00\x02me\x00\x04user\x00\x04word"
    )
    assert packets.subscribe(1, ["a/#"], 1) == b"\x82\x08\x00\x01\x00\x03a/#\x01"
    assert packets.subscribe(258, ["a/#", "b"], 1) == b"\x82\x0c\x01\x02\x00\x03a/#\x01\x00\x01b\x01"
    assert packets.unsubscribe(2, ["a/#", "b"]) == b"\xa2\x0a\x00\x02\x00\x03a/#\x00\x01b"


def test_every_identifier_is_acknowledged_in_its_order() -> None:
    assert packets.pubacks(np.array([1, 2, 65_535, 258], np.int32)) == (
        b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\xff\xff\x40\x02\x01\x02"
    )
    assert packets.pubacks(np.zeros(0, np.int32)) == b""


def test_a_string_longer_than_mqtt_allows_is_refused() -> None:
    with pytest.raises(ValueError, match="65,535"):
        packets.publish("t" * 65_536, b"")
