"""The gateway alone: from memory on one core, and through a real broker beside a subscriber that does nothing."""

import asyncio
import gc
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from community.estate import Estate
from community.estate_file import dump_estate
from community.vitals import Vitals
from gateway.admission import Admission
from gateway.broker.config import BrokerOptions
from gateway.broker.connection import connect, disconnect
from gateway.broker.server import BrokerServer
from gateway.decoding.registry import Profiles
from gateway.ingest import Ingest
from gateway.link.link import Link
from gateway.link.options import LinkOptions
from gateway.log import LogLimits, ReadingsLog
from gateway.refusal_log import RefusalLog
from mingluo.bench import decoding
from mingluo.bench.estate import bench_estate
from mingluo.bench.load import Order, send_load
from mingluo.bench.node import BenchError
from mingluo.bench.null import PREFIX, Null
from mingluo.run_file import RunFile
from mingluo.system import wall_clock

CONNECT_S = 30
GIVE_UP_S = 20
QUIET_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPlan:
    """What is measured.

    Attributes:
        devices: of the estate.
        messages: of each round from memory.
        seconds: of each load through the broker.
        rate: messages/s offered to null subscriber and gateway at QoS 0, more than they can read.
        rate_qos1: the same at QoS 1.
        soak: messages over which memory is watched; 0: none.
    """

    devices: int = 10_000
    messages: int = 400_000
    seconds: float = 4
    rate: float = 500_000
    rate_qos1: float = 200_000
    soak: int = 0


def bench_gateway(plan: GatewayPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the whole measurement; the report.

    Raises:
        BenchError: something did not start, or messages were lost.
    """
    estate = bench_estate(plan.devices)
    say("from memory: native")
    native = decoding.native(estate, plan.messages)
    say(f"{native.per_s:,} messages/s; by profile")
    profile = decoding.tasmota(estate, Profiles(), max(plan.messages // 8, 1_000))
    say(f"{profile.per_s:,} messages/s; a plain loop")
    yardstick = decoding.plain(estate, max(plan.messages // 20, 1_000))
    say(f"{yardstick:,} messages/s; one device that misbehaves")
    neighbour = decoding.misbehaving(estate, max(plan.messages // 4, 1_000))
    report: dict[str, Any] = {
        "devices": plan.devices,
        "native_per_s": native.per_s,
        "profile_per_s": profile.per_s,
        "profile_ratio": round(profile.per_s / native.per_s, 3),
        "plain_loop_per_s": yardstick,
        "native_ratio": round(native.per_s / yardstick, 2),
        "lost_to_junk": neighbour.junk,
        "lost_to_valid": neighbour.valid,
    }
    with tempfile.TemporaryDirectory(prefix="mingluo-bench-") as directory:
        report |= asyncio.run(_through_broker(plan, estate, Path(directory), say))
    if plan.soak:
        say(f"memory over {plan.soak:,} messages")
        report["soak"] = decoding.soak(estate, plan.soak, say)
    return report


async def _through_broker(
    plan: GatewayPlan, estate: Estate, directory: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    file = directory / "estate.toml"
    file.write_text(dump_estate(estate), "utf-8")
    report: dict[str, Any] = {}
    # As `mingluo up` does: what is there for good is not looked through again while messages come.
    gc.collect()
    gc.freeze()
    for qos, rate in ((0, plan.rate), (1, plan.rate_qos1)):
        order = Order(rate=rate, seconds=plan.seconds, qos=qos)
        # A broker of its own for each: what one leaves behind is not the other's to carry.
        async with _broker(directory / f"null{qos}") as wires:
            null = await _null(wires, file, Order(rate=rate, seconds=plan.seconds, qos=qos, topic_prefix=PREFIX))
        say(f"QoS {qos}: null subscriber {null:,} messages/s")
        async with _broker(directory / f"gateway{qos}") as wires:
            run = await _gateway(wires, estate, file, order)
        say(f"QoS {qos}: gateway {run.per_s:,} messages/s, {run.missing} of {run.sent:,} missing")
        report |= {
            f"qos{qos}_per_s": run.per_s,
            f"null_qos{qos}_per_s": null,
            f"qos{qos}_ratio": round(run.per_s / null, 3),
            f"qos{qos}_missing": run.missing,
        }
    return report


@dataclass(frozen=True, slots=True)
class _Wires:
    broker: BrokerServer
    log: ReadingsLog
    quarantine: RefusalLog
    vitals: Vitals

    @property
    def run(self) -> RunFile:
        e = self.broker.endpoints
        return RunFile(os.getpid(), "", e.mqtt, e.nats, e.user, e.password)

    def options(self, **given: Any) -> LinkOptions:
        e = self.broker.endpoints
        assert e.mqtt is not None, "the benchmark's broker listens for devices"
        return LinkOptions(host=e.mqtt[0], port=e.mqtt[1], username=e.mqtt_user, password=e.password, **given)


@asynccontextmanager
async def _broker(data_dir: Path) -> AsyncIterator[_Wires]:
    await asyncio.to_thread(data_dir.mkdir)
    vitals = Vitals()
    address = ("127.0.0.1", 0)
    broker = BrokerServer(BrokerOptions(data_dir, mqtt=address, client=address), vitals, wall_clock)
    endpoints = await broker.start()
    try:
        client = await connect(endpoints, "bench", vitals)
        try:
            log = ReadingsLog(client, LogLimits(), vitals, wall_clock)
            await log.open(beyond=0)
            quarantine = RefusalLog(client, vitals)
            await quarantine.open()
            yield _Wires(broker, log, quarantine, vitals)
        finally:
            await disconnect(client)
    finally:
        await broker.stop()


async def _null(wires: _Wires, estate: Path, order: Order) -> int:
    """Messages/s that are read when nothing is done with them."""
    null = Null(Link(wires.options(client_id="null", topic_filters=(f"{PREFIX}#",)), wall_clock, wires.vitals))
    async with _running(null.link, null.run()):
        totals, _ = await send_load(wires.run, estate, order)
        # Nothing tells that no more is coming, so there is no event to wait for.
        while null.read < totals.sent and time.time() - null.last < QUIET_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return round(null.read / (null.last - totals.began_at / 1000))


@dataclass(frozen=True, slots=True)
class _Run:
    sent: int
    missing: int
    per_s: int


async def _gateway(wires: _Wires, estate: Estate, file: Path, order: Order) -> _Run:
    """Messages/s whose readings are in the log, and acknowledged if they asked for it."""
    link = Link(wires.options(topic_filters=("#",)), wall_clock, wires.vitals)
    admission = Admission(estate, profiles=Profiles())
    ingest = Ingest(link, admission, wires.log, wires.quarantine, wires.vitals, wall_clock, run_id="bench")
    done = _Done(link.acknowledge)
    link.acknowledge = done.acknowledge  # type: ignore[method-assign]  # the moment when a batch is safe
    async with _running(link, ingest.run()):
        totals, _ = await send_load(wires.run, file, order)
        while done.messages < totals.sent and time.time() - done.last < QUIET_S:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)
    readings = int(wires.vitals.counter("gateway_readings"))
    return _Run(totals.sent, totals.sent - readings, round(readings / (done.last - totals.began_at / 1000)))


class _Done:
    """Counts what is safe, on its way to the link."""

    def __init__(self, acknowledge: Callable[[Any], None]) -> None:
        self._acknowledge = acknowledge
        self.messages = 0
        self.last = time.time()

    def acknowledge(self, batch: Any) -> None:
        self._acknowledge(batch)
        self.messages += batch.count
        self.last = time.time()


@asynccontextmanager
async def _running(link: Link, work: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(work)]
    try:
        async with asyncio.timeout(CONNECT_S):
            await link.subscribed()
        yield
    except TimeoutError:
        raise BenchError("the broker did not let us in") from None
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
