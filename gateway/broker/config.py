"""The embedded broker's options and its configuration file."""

import json
from dataclasses import dataclass
from pathlib import Path

from gateway.broker.tls import BrokerTls

ACCOUNT = "APP"
"""The NATS account in which the house's own processes live, with the log and what they ask one another."""

DEVICES = "DEVICES"
"""The NATS account in which all devices live, and the gateway's link to them. Whatever a device calls itself, it
reaches none of our own subjects; and a subscription to everything (`#`) means everything that devices say."""

MQTT_USER = "mingluo devices"
"""Our user among the devices, with the service user's password. The space keeps it apart from every device id."""

MQTT_PORT = 1883
CLIENT_PORT = 4222
LOOPBACK = "127.0.0.1"

MQTT_MAX_ACK_PENDING = 65_535 // 7
"""QoS 1 messages a session may have unacknowledged, in all its subscriptions together. Each subscription by itself is
sent as many, and what the session cannot take then comes again a second later, out of order: so the gateway makes one
of all, `#` (docs/decisions/0002). The broker also bounds subscriptions times this by 65,535 and counts a filter like
`$oc/#` twice: beside `#` there is room for three of them. Even if the log takes 100 ms it allows 94,000 messages/s."""

MQTT_ACK_WAIT_S = 1
"""What a session has not acknowledged is delivered again after so long, s, and only then to one that has come back
(`gateway.broker.redelivery`): this is how long a killed gateway waits. What comes twice is recognised by admission."""

MAX_PAYLOAD = 2 * 2**20
"""Bytes of the largest message the broker takes: above the gateway's own limit, so that a message of 1 MB arrives
there and is refused by name, instead of ending the device's connection without a word."""

AUTH_TIMEOUT_S = 5
"""How long a connecting device may wait for the auth callout: a thousand that reconnect at once queue for it."""

MQTT_STORE_BYTES = 4 * 2**30
"""Room on disk, beyond the streams of our own, for QoS 1 messages that the gateway has not acknowledged yet. When it
is used up the broker withholds PUBACK, and devices keep what they have."""


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """What an operator decides about the embedded broker.

    Attributes:
        data_dir: where it keeps its files (in `broker/` below it).
        mqtt: address and wanted port for devices; None if devices use another broker.
        client: address and wanted port for our own processes.
        tls: TLS on the port for devices; None: plain. There is one port: with TLS nobody connects without it.
        sync_s: the store is forced to disk this often, s; 0 at every write. A message that was acknowledged has been
            handed to the operating system, so it survives the end of the process either way; a power cut may take
            what was written since the last time.
        store_max_bytes: bound of everything it keeps on disk. At least the sum of the streams' own limits.
    """

    data_dir: Path
    mqtt: tuple[str, int] | None = (LOOPBACK, MQTT_PORT)
    client: tuple[str, int] = (LOOPBACK, CLIENT_PORT)
    tls: BrokerTls | None = None
    sync_s: float = 1.0
    store_max_bytes: int = 16 * 2**30 + 2**30 + MQTT_STORE_BYTES

    @property
    def directory(self) -> Path:
        """Configuration, logs, pid and store of the broker."""
        return self.data_dir.absolute() / "broker"

    @property
    def config_file(self) -> Path:
        """The configuration file. Its path on the command line is how an orphan of ours is recognised."""
        return self.directory / "nats-server.conf"

    @property
    def log_file(self) -> Path:
        """What nats-server says."""
        return self.directory / "nats-server.log"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports in use; `mqtt` is None if the listener is off."""

    client: int
    mqtt: int | None


def render_config(options: BrokerOptions, ports: Ports, issuer: str, user: str, password: str) -> str:
    """The configuration as nats-server reads it.

    Args:
        options: the operator's decisions.
        ports: where to listen.
        issuer: public account key that signs auth answers.
        user: the service user, which is not asked about (nor is `MQTT_USER`).
        password: the password of both.
    """
    text = json.dumps  # a JSON string is a valid quoted string of the configuration language, escapes included
    sync = "always" if options.sync_s == 0 else f'"{max(1, round(options.sync_s * 1000))}ms"'
    mqtt = ""
    if options.mqtt is not None:
        mqtt = f"""
mqtt {{
  host: {text(options.mqtt[0])}
  port: {ports.mqtt}
  max_ack_pending: {MQTT_MAX_ACK_PENDING}
  ack_wait: "{MQTT_ACK_WAIT_S}s"
  {"" if options.tls is None else options.tls.render()}
}}
"""
    return f"""# Written at every start of mingluo; changes are lost.
server_name: "mingluo"
host: {text(options.client[0])}
port: {ports.client}
max_payload: {MAX_PAYLOAD}
log_file: {text(str(options.log_file))}
logfile_size_limit: 8MB
logfile_max_num: 3
jetstream {{
  store_dir: {text(str(options.directory / "store"))}
  max_file_store: {options.store_max_bytes}
  sync_interval: {sync}
}}
{mqtt}
accounts {{
  {ACCOUNT} {{
    jetstream: enabled
    users: [{{ user: {text(user)}, password: {text(password)} }}]
  }}
  {DEVICES} {{
    jetstream: enabled
    users: [{{ user: {text(MQTT_USER)}, password: {text(password)} }}]
  }}
}}
authorization {{
  timeout: {AUTH_TIMEOUT_S}
  auth_callout {{ issuer: {issuer}, account: {ACCOUNT}, auth_users: [{text(user)}, {text(MQTT_USER)}] }}
}}
"""
