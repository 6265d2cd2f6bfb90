"""The rooms' own options, from the operator's settings."""

import os
from dataclasses import replace

from community.clock import DAY, SECOND
from gateway.admission import Limits
from gateway.broker.config import CLIENT_PORT, LOOPBACK, MQTT_STORE_BYTES, BrokerOptions
from gateway.broker.connection import Endpoints
from gateway.link.options import LinkOptions, link_options
from gateway.log import LogLimits
from gateway.refusal_log import MAX_BYTES as QUARANTINE_BYTES
from mingluo.run_file import RunFile
from mingluo.settings import Settings, SettingsError, host_port


def broker(settings: Settings) -> BrokerOptions:
    """The embedded broker. With an external one it keeps the log only, and devices find no port."""
    return replace(log_only_broker(settings), mqtt=None if settings.mqtt_url else host_port(settings.mqtt))


def log_only_broker(settings: Settings) -> BrokerOptions:
    """The embedded broker with no port for devices: it gives access to the log."""
    return BrokerOptions(
        data_dir=settings.data_dir,
        mqtt=None,
        client=(LOOPBACK, CLIENT_PORT),
        sync_s=settings.log_sync_s,
        store_max_bytes=settings.log_max_bytes + QUARANTINE_BYTES + MQTT_STORE_BYTES,
    )


def log(settings: Settings) -> LogLimits:
    """Bounds of the readings log."""
    return LogLimits(max_age_ms=round(settings.log_max_age_d * DAY), max_bytes=settings.log_max_bytes)


def admission(settings: Settings) -> Limits:
    """What is let in."""
    return Limits(
        max_payload=settings.max_message_bytes,
        too_old=round(settings.too_old_s * SECOND),
        future=round(settings.future_s * SECOND),
    )


def link(settings: Settings, endpoints: Endpoints) -> LinkOptions:
    """Where devices publish: the embedded broker, or the external one that the settings name.

    Raises:
        SettingsError: if the settings of the external broker contradict each other, or a certificate is unusable.
    """
    if settings.mqtt_url is None:
        assert endpoints.mqtt is not None, "the embedded broker listens for devices unless another one does"
        host, port = endpoints.mqtt
        return LinkOptions(host=host, port=port, username=endpoints.mqtt_user, password=endpoints.password)
    try:
        return link_options(
            str(settings.mqtt_url), ca=settings.mqtt_ca, certificate=settings.mqtt_certificate, key=settings.mqtt_key
        )
    except (ValueError, OSError) as error:
        raise SettingsError(f"mqtt_url: {error}") from None


def run_file(http: str, endpoints: Endpoints) -> RunFile:
    """What other commands may know of this process."""
    return RunFile(os.getpid(), http, endpoints.mqtt, endpoints.nats, endpoints.user, endpoints.password)
