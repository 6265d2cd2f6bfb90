"""The decision who may connect, and the encodings it travels in."""

import base64
import binascii

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gateway.broker.auth import (
    GATEWAY_CLIENT_ID,
    Credential,
    DenialReason,
    Denied,
    Grant,
    decide,
    grant_of,
)
from gateway.broker.nkey import Issuer, claims_of, encode_account_key

TOPIC = "mingluo/v1/xijiang/h1/d1"
KNOWN = {
    "d1": Credential("secret-one", TOPIC),
    "d2": Credential("secret-two", "mingluo/v1/xijiang/h2/d2"),
    "mute": Credential(None, "mingluo/v1/xijiang/h3/mute"),
}


@pytest.mark.parametrize(
    ("user", "password", "mqtt_id", "reason"),
    [
        ("d1", "secret-two", "", DenialReason.WRONG_PASSWORD),
        ("d1", "", "", DenialReason.WRONG_PASSWORD),
        ("nobody", "secret-one", "", DenialReason.UNKNOWN_USER),
        ("", "", "", DenialReason.UNKNOWN_USER),
        ("mute", "", "", DenialReason.NO_SECRET),
        ("d1", "secret-one", GATEWAY_CLIENT_ID, DenialReason.RESERVED_CLIENT_ID),
        ("d1", "secret-one", "d2", DenialReason.FOREIGN_CLIENT_ID),
    ],
)
def test_refusals_are_named(user: str, password: str, mqtt_id: str, reason: DenialReason) -> None:
    assert decide(user, password, mqtt_id, KNOWN.get) == Denied(reason)


@pytest.mark.parametrize("mqtt_id", ["", "d1", "esp32-a1b2c3"])
def test_a_device_with_its_secret_is_let_in(mqtt_id: str) -> None:
    assert decide("d1", "secret-one", mqtt_id, KNOWN.get) == grant_of(Credential("x", TOPIC))


def test_a_grant_ends_at_the_devices_own_topic() -> None:
    assert grant_of(Credential("x", TOPIC)) == Grant(
        publish=("mingluo.v1.xijiang.h1.d1.>",),
        publish_denied=("mingluo.v1.xijiang.h1.d1.command", "mingluo.v1.xijiang.h1.d1.error"),
        subscribe=("mingluo.v1.xijiang.h1.d1.command", "mingluo.v1.xijiang.h1.d1.error", "$MQTT.sub.>"),
    )


def test_a_secret_is_not_shown() -> None:
    assert "secret-one" not in repr(KNOWN["d1"])


@given(st.text(), st.text(), st.text())
def test_no_stranger_gets_in(user: str, password: str, mqtt_id: str) -> None:
    answer = decide(user, password, mqtt_id, KNOWN.get)
    known = KNOWN.get(user)
    assert isinstance(answer, Denied) or (known is not None and known.secret == password)


@given(st.binary(min_size=32, max_size=32))
def test_an_account_key_carries_key_and_checksum(public: bytes) -> None:
    word = encode_account_key(public)
    raw = base64.b32decode(word)
    assert word.startswith("A")
    assert len(word) == 56
    assert raw[1:-2] == public
    assert int.from_bytes(raw[-2:], "little") == binascii.crc_hqx(raw[:-2], 0)


def test_a_key_of_another_length_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        encode_account_key(b"short")


def test_a_token_is_signed_over_head_and_body() -> None:
    key = SigningKey.generate()
    token = Issuer(key).sign({"sub": "U1"})
    signed, _, signature = token.rpartition(".")
    key.verify_key.verify(signed.encode(), base64.urlsafe_b64decode(signature + "=="))  # raises if it is not
    claims = msgspec.json.decode(claims_of(token.encode()))
    assert claims == {"sub": "U1", "iss": encode_account_key(bytes(key.verify_key))}


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(ValueError, match="three segments"):
        claims_of(b"a.b")
