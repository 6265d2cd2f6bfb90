"""The link and the ingest with real brokers: nothing at QoS 1 is lost, and nothing comes twice."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from community.refusal import Reason
from community.vitals import State, Vitals
from gateway.admission import Admission
from gateway.ingest import Ingest
from gateway.link.link import Link
from gateway.link.options import LinkOptions, link_options
from tests.gateway.link import brokers
from tests.gateway.link.fake_broker import until
from tests.gateway.mutations import mutated
from tests.gateway.test_ingest import FakeLog, FakeQuarantine
from tests.gateway.village import NOW, dated, estate, topic


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.server)])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """Port of a running broker of each kind."""
    number = brokers.free_port()
    make = brokers.nats_server if request.param == "nats" else brokers.mosquitto
    with brokers.running(make(tmp_path, number), tmp_path, number):
        yield number


class Gateway:
    """A link and an ingest over a log in memory."""

    def __init__(self, options: LinkOptions, admission: Admission, log: FakeLog) -> None:
        self.vitals, self.log, self.quarantine = Vitals(), log, FakeQuarantine()
        self.link = Link(replace(options, back_off_s=0.01), lambda: NOW, self.vitals)
        self.ingest = Ingest(self.link, admission, log, self.quarantine, self.vitals, lambda: NOW, run_id="r")


@asynccontextmanager
async def gateway(
    options: LinkOptions, *, admission: Admission | None = None, log: FakeLog | None = None
) -> AsyncIterator[Gateway]:
    """A running gateway that is subscribed."""
    it = Gateway(options, admission if admission is not None else Admission(estate()), log or FakeLog())
    tasks = [asyncio.create_task(it.link.run()), asyncio.create_task(it.ingest.run())]
    try:
        await until(lambda: it.link.connected_since is not None)
        yield it
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def plain(port: int) -> LinkOptions:
    """How to reach the broker."""
    return link_options(f"mqtt://127.0.0.1:{port}")


async def test_readings_come_in_and_refusals_go_back(port: int) -> None:
    async with gateway(plain(port)) as g, aiomqtt.Client("127.0.0.1", port, identifier="d0") as device:
        await device.subscribe(topic(leaf="error"), qos=0)
        await device.publish(topic(), dated(NOW, co=1), qos=1)
        await device.publish(topic(), dated(NOW, co=2), qos=0)
        await device.publish(topic(), "nonsense", qos=1)
        async with asyncio.timeout(5):
            told = await anext(device.messages)
        assert b"not_json" in bytes(told.payload)
        await until(lambda: sorted(v["co"] for v in g.log.values()) == [1, 2])
        await until(lambda: g.vitals.counter("gateway_ignored") == 1)  # our own complaint, through the subscription
        assert g.vitals.counter("gateway_refused") == 1


async def test_what_comes_while_we_are_away_is_there_when_we_are_back(port: int) -> None:
    log = FakeLog()
    async with gateway(plain(port)):
        pass
    async with aiomqtt.Client("127.0.0.1", port, identifier="d0") as device:
        for i in range(50):
            await device.publish(topic(), dated(NOW, co=i), qos=1)
    async with gateway(plain(port), log=log) as g:
        await until(lambda: len(log.values()) == 50)
        assert [v["co"] for v in log.values()] == list(range(50))
        assert g.vitals.counter("gateway_refused") == 0


async def test_what_was_not_acknowledged_comes_again_and_is_known(port: int) -> None:
    admission, log = Admission(estate()), FakeLog()
    log.gate.clear()
    async with gateway(plain(port), admission=admission, log=log) as g:
        async with aiomqtt.Client("127.0.0.1", port, identifier="d0") as device:
            for i in range(20):
                await device.publish(topic(), dated(NOW, co=i), qos=1)
        await until(lambda: g.vitals.counter("gateway_readings") == 20)
        assert g.vitals.counter("link_acknowledged") == 0
    # The log took what was under way, only nobody was there any more to hear it.
    log.gate.set()
    async with gateway(plain(port), admission=admission, log=log) as g:
        await until(lambda: g.vitals.counter("link_acknowledged") == 20)
        assert g.vitals.counter("gateway_refused", reason="duplicate") == 20
        assert g.quarantine.refusals == []
    async with gateway(plain(port), admission=admission, log=log) as g:
        async with aiomqtt.Client("127.0.0.1", port, identifier="d0") as device:
            await device.publish(topic(), dated(NOW, co=99), qos=1)
        await until(lambda: g.vitals.counter("gateway_readings") == 1)
        assert g.vitals.counter("gateway_messages") == 1, "what was acknowledged does not come a third time"


async def test_subscriptions_change_while_messages_come(port: int) -> None:
    link = Link(replace(plain(port), topic_filters=("a/1", "b/+")), lambda: NOW, Vitals())
    running = asyncio.create_task(link.run())
    try:
        await until(lambda: link.connected_since is not None)
        async with aiomqtt.Client("127.0.0.1", port, identifier="d0") as device:

            async def heard(last: str) -> list[str]:
                """Publish to all; what is heard until this comes."""
                for on in ("a/1", "b/2", "c/3/x", last):
                    await device.publish(on, "x", qos=1)
                found: list[str] = []
                async with asyncio.timeout(5):
                    async for batch in link.batches():
                        found += [m.topic.decode() for m in batch.messages]
                        link.acknowledge(batch)
                        if last in found:
                            return sorted(found)
                raise AssertionError("the link has ended")

            assert await heard("b/last") == ["a/1", "b/2", "b/last"]
            await link.resubscribe(("b/+", "c/+/x"))
            assert await heard("c/last/x") == ["b/2", "c/3/x", "c/last/x"]
        running.cancel()
        await asyncio.wait([running])
        again = Link(replace(plain(port), topic_filters=("b/+",), former_filters=("c/+/x",)), lambda: NOW, Vitals())
        link, running = again, asyncio.create_task(again.run())
        await until(lambda: again.connected_since is not None)
        async with aiomqtt.Client("127.0.0.1", port, identifier="d0") as device:
            assert await heard("b/last") == ["b/2", "b/last"]
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_broken_messages_through_a_broker_leave_the_neighbour_untouched(port: int) -> None:
    broken = [payload for on, payload in mutated(1_500, seed=5) if on == topic().encode()]
    async with gateway(plain(port)) as g:
        async with (
            aiomqtt.Client("127.0.0.1", port, identifier="d0") as bad,
            aiomqtt.Client("127.0.0.1", port, identifier="d1") as good,
        ):
            for i, payload in enumerate(broken):
                await bad.publish(topic(), payload, qos=1)
                if i % 10 == 0:
                    await good.publish(topic(1), dated(NOW, voltage=200 + i / 100), qos=1)
            await bad.publish(topic(), b" " * 1_000_000, qos=1)
        sound = (len(broken) + 9) // 10
        await until(lambda: g.vitals.counter("gateway_refused_messages") >= len(broken) + 1)
        await until(lambda: sum("voltage" in v for v in g.log.values()) >= sound)
        assert g.vitals.counter("gateway_refused_messages") == len(broken) + 1
        assert {r.size for r in g.quarantine.refusals if r.reason is Reason.TOO_LARGE} >= {1_000_000}
        assert all(len(r.payload) <= 4_096 for r in g.quarantine.refusals)
        assert g.vitals.counter("link_reconnects") == 0


async def test_a_broker_that_dies_and_comes_back_is_found_again(tmp_path: Path) -> None:
    number = brokers.free_port()
    command = brokers.nats_server(tmp_path, number)
    with brokers.running(command, tmp_path, number) as process:
        async with gateway(plain(number)) as g:
            process.kill()
            process.wait()
            await until(lambda: g.link.connected_since is None)
            with brokers.running(command, tmp_path, number):
                await until(lambda: g.link.connected_since is not None)
                async with aiomqtt.Client("127.0.0.1", number, identifier="d0") as device:
                    await device.publish(topic(), dated(NOW, co=1), qos=1)
                await until(lambda: len(g.log.values()) == 1)
                assert g.vitals.counter("link_reconnects") >= 1
                assert g.vitals.counter("link_sessions_lost") == 0, "the session lies on the broker's disk"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A directory with a certificate authority, and certificates of a broker and of a gateway."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the Debian package openssl")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=tmp_path, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")
    run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2",
        "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name in ("broker", "gateway"):
        run("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", "2", "-extfile", "names")  # fmt: skip
    return tmp_path


@pytest.mark.server
async def test_tls_with_a_client_certificate(authority: Path) -> None:
    number = brokers.free_port()
    d = authority
    lines = (
        f"cafile {d}/ca.pem\ncertfile {d}/broker.pem\nkeyfile {d}/broker.key\n"
        "require_certificate true\nuse_identity_as_username true\nallow_anonymous false"
    )
    url = f"mqtts://127.0.0.1:{number}"
    with brokers.running(brokers.mosquitto(d, number, lines), d, number):
        ours = link_options(url, ca=d / "ca.pem", certificate=d / "gateway.pem", key=d / "gateway.key")
        async with gateway(ours) as g:
            device = aiomqtt.TLSParameters(f"{d}/ca.pem", f"{d}/gateway.pem", f"{d}/gateway.key")
            async with aiomqtt.Client("127.0.0.1", number, tls_params=device) as client:
                await client.publish(topic(), dated(NOW, co=1), qos=1)
            await until(lambda: len(g.log.values()) == 1)
        for without in (link_options(url, ca=d / "ca.pem"), link_options(url)):
            vitals = Vitals()
            link = Link(replace(without, back_off_s=0.01), lambda: NOW, vitals)
            task = asyncio.create_task(link.run())
            await until(lambda vitals=vitals: vitals.counter("link_reconnects") > 0)  # type: ignore[misc] # bound on purpose
            task.cancel()
            await asyncio.wait([task])
            assert [c.state for c in vitals.components()] == [State.DOWN]


@pytest.mark.parametrize(
    ("url", "host", "number", "user"),
    [
        ("mqtt://broker.example", "broker.example", 1883, None),
        ("mqtt://me:p%40ss@[::1]:1999/", "::1", 1999, "me"),
        ("mqtts://broker.example", "broker.example", 8883, None),
    ],
)
def test_urls(url: str, host: str, number: int, user: str | None) -> None:
    options = link_options(url)
    assert (options.host, options.port, options.username) == (host, number, user)
    assert (options.tls is not None) == url.startswith("mqtts")
    assert options.password == (None if user is None else "p@ss")


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "broker:1883", "mqtt://x/path"])
def test_what_is_no_broker_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected mqtt://"):
        link_options(url)


def test_certificates_without_tls_are_refused() -> None:
    with pytest.raises(ValueError, match="need mqtts://"):
        link_options("mqtt://x", ca=Path("ca.pem"))


async def test_a_broker_that_refuses_one_filter_is_heard_on_the_others(tmp_path: Path) -> None:
    number = brokers.free_port()
    with brokers.running(brokers.nats_server(tmp_path, number, denied="shellies.>"), tmp_path, number):
        vitals = Vitals()
        options = replace(
            link_options(f"mqtt://gateway:secret@127.0.0.1:{number}"),
            topic_filters=("mingluo/v1/#", "shellies/#"),
            former_filters=("old/#",),
        )
        link = Link(options, lambda: NOW, vitals, whose=lambda f: f"profile of {f}")
        running = asyncio.create_task(link.run())
        try:
            await until(lambda: link.connected_since is not None)
            told = {c.name: (c.state, c.detail) for c in vitals.components()}
            assert told["link"][0] is State.OK
            detail = "the broker refuses: shellies/# (profile of shellies/#)"
            assert told["subscriptions"] == (State.DEGRADED, detail)
            device = aiomqtt.Client("127.0.0.1", number, identifier="d0", username="gateway", password="secret")
            async with device:
                await device.publish("shellies/x", "x", qos=1)
                await device.publish("mingluo/v1/x", "x", qos=1)
            async with asyncio.timeout(5):
                batch = await anext(aiter(link.batches()))
            assert [m.topic for m in batch.messages] == [b"mingluo/v1/x"]
            assert vitals.counter("link_reconnects") == 0
        finally:
            running.cancel()
            await asyncio.wait([running])
