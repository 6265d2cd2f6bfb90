"""The rooms' own options, from the operator's settings."""

import os
import ssl
from dataclasses import replace

from community.clock import DAY, SECOND
from gateway.admission import Limits
from gateway.broker.config import CLIENT_PORT, LOOPBACK, MQTT_STORE_BYTES, BrokerOptions
from gateway.broker.connection import Endpoints
from gateway.broker.tls import BrokerTls
from gateway.link.options import LinkOptions, link_options
from gateway.log import LogLimits
from gateway.refusal_log import MAX_BYTES as QUARANTINE_BYTES
from mingluo.run_file import RunFile
from mingluo.settings import Settings, SettingsError, host_port


def broker(settings: Settings) -> BrokerOptions:
    """The embedded broker. With an external one it keeps the log only, and devices find no port."""
    address = None if settings.mqtt_url else host_port(settings.mqtt)
    return replace(log_only_broker(settings), mqtt=address, tls=tls(settings))


def tls(settings: Settings) -> BrokerTls | None:
    """TLS of the embedded broker's port for devices.

    Raises:
        SettingsError: settings contradict each other, or a file is unusable.
    """
    certificate, client_ca = settings.mqtt_tls_certificate, settings.mqtt_tls_client_ca
    if certificate is None:
        for name in ("mqtt_tls_key", "mqtt_tls_client_ca"):
            if getattr(settings, name) is not None:
                raise SettingsError(f"{name}: needs mqtt_tls_certificate")
        return None
    if settings.mqtt_url is not None:
        raise SettingsError("mqtt_tls_certificate: it is for the embedded broker, and mqtt_url names another one")
    if client_ca is not None and settings.mqtt_certificate is None:
        raise SettingsError("mqtt_tls_client_ca: the gateway must show a certificate too: set mqtt_certificate")
    made = BrokerTls(certificate=certificate, key=settings.mqtt_tls_key, client_ca=client_ca)
    try:
        made.check()
    except OSError as error:
        raise SettingsError(f"mqtt_tls_certificate: {error}") from None
    return made


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
        rate=settings.device_rate,
        burst=settings.device_burst,
    )


def link(settings: Settings, endpoints: Endpoints) -> LinkOptions:
    """Where devices publish: the embedded broker, or the external one that the settings name.

    Raises:
        SettingsError: if the settings of the external broker contradict each other, or a certificate is unusable.
    """
    if settings.mqtt_url is None:
        assert endpoints.mqtt is not None, "the embedded broker listens for devices unless another one does"
        host, port = endpoints.mqtt
        return LinkOptions(
            host=host,
            port=port,
            username=endpoints.mqtt_user,
            password=endpoints.password,
            tls=_own_context(settings),
        )
    try:
        return link_options(
            str(settings.mqtt_url), ca=settings.mqtt_ca, certificate=settings.mqtt_certificate, key=settings.mqtt_key
        )
    except (ValueError, OSError) as error:
        raise SettingsError(f"mqtt_url: {error}") from None


def _own_context(settings: Settings) -> ssl.SSLContext | None:
    shown = tls(settings)
    if shown is None:
        return None
    try:
        return shown.own_context(settings.mqtt_certificate, settings.mqtt_key)
    except OSError as error:
        raise SettingsError(f"mqtt_certificate: {error}") from None


def run_file(http: str, endpoints: Endpoints) -> RunFile:
    """What other commands may know of this process."""
    return RunFile(os.getpid(), http, endpoints.mqtt, endpoints.nats, endpoints.user, endpoints.password)
