"""TLS of the embedded broker from the operator's settings: what goes together, and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest

from gateway.broker.connection import Endpoints
from mingluo import options
from mingluo.settings import SettingsError, load_settings
from tests.gateway.link.test_brokers import authority

__all__ = ["authority"]  # a fixture that the tests here use too

ENDPOINTS = Endpoints("nats://127.0.0.1:1", ("127.0.0.1", 2), "user", "password")


def settings(**given: Any) -> Any:
    return load_settings(**given)


def test_without_a_certificate_the_port_is_plain() -> None:
    assert options.broker(settings()).tls is None
    assert options.link(settings(), ENDPOINTS).tls is None


def test_with_one_devices_and_our_own_link_speak_tls(authority: Path) -> None:
    given = settings(mqtt_tls_certificate=authority / "broker.pem", mqtt_tls_key=authority / "broker.key")
    made = options.broker(given).tls
    assert made is not None
    assert "verify" not in made.render()
    assert options.link(given, ENDPOINTS).tls is not None
    asking = settings(
        mqtt_tls_certificate=authority / "broker.pem",
        mqtt_tls_key=authority / "broker.key",
        mqtt_tls_client_ca=authority / "ca.pem",
        mqtt_certificate=authority / "gateway.pem",
        mqtt_key=authority / "gateway.key",
    )
    made = options.broker(asking).tls
    assert made is not None
    assert f'ca_file: "{authority}/ca.pem"' in made.render()
    assert "verify: true" in made.render()


@pytest.mark.parametrize(
    ("files", "others", "said"),
    [
        ({"mqtt_tls_key": "broker.key"}, {}, "mqtt_tls_key: needs mqtt_tls_certificate"),
        ({"mqtt_tls_client_ca": "ca.pem"}, {}, "mqtt_tls_client_ca: needs mqtt_tls_certificate"),
        ({"mqtt_tls_certificate": "broker.pem"}, {}, "mqtt_tls_certificate: .*(PEM|key)"),
        ({"mqtt_tls_certificate": "nothing.pem"}, {}, "mqtt_tls_certificate: .*No such file"),
        (
            {"mqtt_tls_certificate": "broker.pem", "mqtt_tls_key": "gateway.key"},
            {},
            "mqtt_tls_certificate: .*(?i:mismatch)",
        ),
        (
            {"mqtt_tls_certificate": "broker.pem", "mqtt_tls_key": "broker.key", "mqtt_tls_client_ca": "ca.pem"},
            {},
            "mqtt_tls_client_ca: .*mqtt_certificate",
        ),
        (
            {"mqtt_tls_certificate": "broker.pem", "mqtt_tls_key": "broker.key"},
            {"mqtt_url": "mqtt://elsewhere"},
            "mqtt_tls_certificate: .*mqtt_url",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    authority: Path, files: dict[str, str], others: dict[str, str], said: str
) -> None:
    given = settings(**{name: authority / file for name, file in files.items()}, **others)
    with pytest.raises(SettingsError, match=said):
        options.broker(given)


def test_a_certificate_of_ours_that_cannot_be_read_is_named(authority: Path) -> None:
    given = settings(
        mqtt_tls_certificate=authority / "broker.pem",
        mqtt_tls_key=authority / "broker.key",
        mqtt_certificate=authority / "nothing.pem",
    )
    with pytest.raises(SettingsError, match="mqtt_certificate"):
        options.link(given, ENDPOINTS)
