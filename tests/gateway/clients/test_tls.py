"""Devices over TLS, with and without certificates of their own, at the embedded broker and at Mosquitto."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.broker.tls import BrokerTls
from tests.gateway.clients.clients import Account, Client, Sent, publish
from tests.gateway.clients.conftest import embedded, mosquitto
from tests.gateway.link.fake_broker import until
from tests.gateway.link.test_brokers import Gateway, gateway
from tests.gateway.village import NOW, dated, topic

pytestmark = pytest.mark.server

READING = Sent(topic=topic(), payload=dated(NOW, co=1))


def trusting(authority: Path, *, certificate: str | None = None) -> dict[str, str]:
    """What a device holds: the authority's certificate, and perhaps one of its own."""
    shown = (
        {}
        if certificate is None
        else {"certificate": f"{authority}/{certificate}.pem", "key": f"{authority}/{certificate}.key"}
    )
    return {"ca": f"{authority}/ca.pem", **shown}


@asynccontextmanager
async def behind(
    kind: str, authority: Path, directory: Path, *, certificates: bool
) -> AsyncIterator[tuple[Gateway, Account]]:
    """A gateway and a device's account at a broker that speaks TLS only, and perhaps asks for certificates."""
    ca, broker, ours = (authority / f"{name}.pem" for name in ("ca", "broker", "gateway"))
    if kind == "embedded":
        tls = BrokerTls(certificate=broker, key=broker.with_suffix(".key"), client_ca=ca if certificates else None)
        tls.check()
        place = embedded(directory, tls, ours if certificates else None)
    else:
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(ours, ours.with_suffix(".key"))
        wanted = "require_certificate true\n" if certificates else ""
        place = mosquitto(
            directory, f"cafile {ca}\ncertfile {broker}\nkeyfile {broker.with_suffix('.key')}\n{wanted}", context
        )
    async with place as (options, device, _), gateway(options) as running:
        yield running, device


@pytest.fixture(params=["embedded", "mosquitto"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each broker."""
    return str(request.param)


async def test_over_tls_a_reading_comes_in_and_without_it_none(
    kind: str, client: Client, authority: Path, tmp_path: Path
) -> None:
    async with behind(kind, authority, tmp_path, certificates=False) as (running, device):
        stranger = trusting(authority) | {"ca": f"{authority}/gateway.pem"}  # it trusts somebody else's authority
        assert await publish(client, replace(device, tls=stranger), replace(READING, payload="never sent")) != 0
        assert await publish(client, replace(device, tls=trusting(authority)), READING) == 0
        await until(lambda: running.log.values() == [{"co": 1.0}])
        assert running.quarantine.refusals == []


async def test_where_certificates_are_asked_for_the_password_alone_does_not_do(
    kind: str, client: Client, authority: Path, tmp_path: Path
) -> None:
    async with behind(kind, authority, tmp_path, certificates=True) as (running, device):
        shown = replace(device, tls=trusting(authority, certificate="gateway"))
        assert await publish(client, replace(device, tls=trusting(authority)), READING) != 0
        assert await publish(client, replace(shown, password="guessed"), READING) != 0
        assert running.log.values() == []
        assert await publish(client, shown, READING) == 0
        await until(lambda: running.log.values() == [{"co": 1.0}])
