"""How the link reaches its broker, and the bounds of what it holds."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.link.packets import LEAST_MAX_PACKET

CLIENT_ID = "mingluo-gateway"
"""Fixed: it names the persistent session that the broker keeps for us while we are away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """Where the broker is and how much the link may hold.

    Attributes:
        client_id: name of the persistent session; one gateway only may use it at a time.
        topic_filters: what is subscribed to, at QoS 1; one at least.
        former_filters: what an earlier start may have subscribed to. The session outlives a start, so the broker is
            told that those which are not among `topic_filters` are not wanted any more.
        tls: context for `mqtts://`; None for plain TCP.
        keep_alive_s: longest silence of the connection, s (MQTT 3.1.1, 3.1.2.10).
        wake_s: reading rests this long between wake-ups, s, so that each handles many messages.
        rest_below: arrivals of fewer bytes than this are followed by a rest.
        max_packet: bytes of a packet that are kept; larger messages are read past and come out shortened.
        max_held_messages, max_held_bytes: unacknowledged messages above which reading stays paused. The broker then
            holds what follows: bounded there, and nothing at QoS 1 is lost.
        max_batch: messages handed out at once.
        max_unwritten: bytes waiting to be sent above which `publish` gives up, bytes.
        back_off_s, max_back_off_s: first and longest delay before connecting again, s; jitter is taken off.
        timeout_s: for connecting, and for each answer of the broker, s.
    """

    host: str
    port: int = 1883
    client_id: str = CLIENT_ID
    topic_filters: tuple[str, ...] = ("mingluo/v1/#",)
    former_filters: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    keep_alive_s: int = 30
    wake_s: float = 0.010
    rest_below: int = 64 * 1_024
    max_packet: int = 2 * LEAST_MAX_PACKET
    max_held_messages: int = 100_000
    max_held_bytes: int = 32 * 2**20
    max_batch: int = 4_096
    max_unwritten: int = 2**20
    back_off_s: float = 0.2
    max_back_off_s: float = 30.0
    timeout_s: float = 10.0


def link_options(
    url: str,
    *,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    client_id: str = CLIENT_ID,
) -> LinkOptions:
    """Options for `mqtt://user:password@host:port` or `mqtts://...`.

    Args:
        ca: certificates (PEM) that the broker's must descend from; by default those of the system.
        certificate: our own certificate (PEM), if the broker asks for one.
        key: its key (PEM), if not in the same file.

    Raises:
        ValueError: if the URL or the combination makes no sense.
        OSError: if a certificate cannot be read (`ssl.SSLError` if it is none).
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"expected mqtt://HOST:PORT or mqtts://HOST:PORT, got {parts.scheme}://{parts.hostname}")
    secure = parts.scheme == "mqtts"
    if not secure and (ca or certificate or key):
        raise ValueError("certificates need mqtts://, not mqtt://")
    context = None
    if secure:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    return LinkOptions(
        host=parts.hostname,
        port=parts.port or (8883 if secure else 1883),
        client_id=client_id,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        tls=context,
    )
