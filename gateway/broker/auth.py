"""Who may connect to the embedded broker, and what a device may publish and read: pure decisions."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

GATEWAY_CLIENT_ID = "mingluo-gateway"
"""MQTT client id of the gateway's own session. Whoever takes it would be handed the gateway's messages."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What the estate says about a device, or about a bridge.

    Attributes:
        secret: its MQTT password; None: it may not connect.
        topic: its own topic without the last level, `mingluo/v1/<community>/<household>/<device>`; None for a bridge.
        publish, subscribe: MQTT filters of what it may publish and read besides, by its profile.
    """

    secret: str | None = field(repr=False)
    topic: str | None
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class DenialReason(StrEnum):
    """Why a connection was refused."""

    UNKNOWN_USER = "unknown_user"
    WRONG_PASSWORD = "wrong_password"
    NO_SECRET = "no_secret"
    RESERVED_CLIENT_ID = "reserved_client_id"
    FOREIGN_CLIENT_ID = "foreign_client_id"
    NOT_MQTT = "not_mqtt"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Denied:
    """The connection is refused."""

    reason: DenialReason


@dataclass(frozen=True, slots=True)
class Grant:
    """The connection is let in, within these NATS subjects (an MQTT topic with dots for slashes)."""

    publish: tuple[str, ...]
    publish_denied: tuple[str, ...]
    subscribe: tuple[str, ...]


Credentials = Callable[[str], Credential | None]
"""Looks up a user name (a device id). Must answer from memory: the broker and the event loop wait for it."""


def decide(user: str, password: str, mqtt_id: str, credentials: Credentials) -> Grant | Denied:
    """Whether a device may connect.

    Args:
        user: MQTT user name: the device id.
        password: MQTT password: the device's secret.
        mqtt_id: MQTT client id; free, but it must not be the gateway's or name another device, since the broker
            ends the older of two connections with one id and hands its session over.
        credentials: the estate's answer for a user name.
    """
    if mqtt_id == GATEWAY_CLIENT_ID:
        return Denied(DenialReason.RESERVED_CLIENT_ID)
    known = credentials(user)
    # Compared in any case and in constant time, so that the answer's delay tells nothing about names or secrets.
    secret = "" if known is None or known.secret is None else known.secret
    matches = hmac.compare_digest(secret.encode(), password.encode())
    if known is None:
        return Denied(DenialReason.UNKNOWN_USER)
    if not secret:
        return Denied(DenialReason.NO_SECRET)
    if not matches:
        return Denied(DenialReason.WRONG_PASSWORD)
    if mqtt_id != user and credentials(mqtt_id) is not None:
        return Denied(DenialReason.FOREIGN_CLIENT_ID)
    return grant_of(known)


def subject_of(topic_filter: str) -> str:
    """The NATS subject of an MQTT filter, as nats-server makes it: levels are parted by dots, a dot becomes `//`.

    An empty level (as before a leading slash) becomes `/`, since a subject has none.
    """
    words = {"+": "*", "#": ">", "": "/"}
    return ".".join(words.get(level, level.replace(".", "//")) for level in topic_filter.split("/"))


def grant_of(known: Credential) -> Grant:
    """What an account may do: publish below its own topic, read its commands and errors, and as its profile says.

    Any last level may be published except those that only the system writes: a mistyped `/telemetri` shall reach
    the gateway and be refused by name there, where the vendor can see it, and not vanish in the broker.
    """
    own = None if known.topic is None else subject_of(known.topic)
    down = () if own is None else (f"{own}.command", f"{own}.error")
    # $MQTT.sub is where the broker hands QoS 1 messages to a session; it refuses device subscriptions to it itself.
    return Grant(
        publish=(*(() if own is None else (f"{own}.>",)), *map(subject_of, known.publish)),
        publish_denied=down,
        subscribe=(*down, *map(subject_of, known.subscribe), "$MQTT.sub.>"),
    )
