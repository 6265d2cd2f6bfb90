"""The load generator as a process of its own, and what it reports."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mingluo.bench.node import BenchError
from mingluo.run_file import RunFile
from simulators.load import Marker, Totals

LATEST_END_S = 60
"""How much longer than told the load generator may run before it is taken for stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the load generator is told; see `python -m simulators.load --help`."""

    rate: float
    seconds: float
    qos: int = 0
    connections: int = 2
    markers: int = 0
    marker_every_s: float = 0.1
    topic_prefix: str = ""


async def send_load(run: RunFile, estate: Path, order: Order) -> tuple[Totals, list[Marker]]:
    """Send a load with the service user's account; what was sent, when all of it has left.

    Raises:
        BenchError: the load generator failed.
    """
    assert run.mqtt is not None, "the benchmark's system has the embedded broker"
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "simulators.load",
            "--estate",
            str(estate),
            "--user",
            run.endpoints.mqtt_user,
            "--password-stdin",
        ),
        *("--host", run.mqtt[0], "--port", str(run.mqtt[1]), "--rate", str(order.rate)),
        *("--seconds", str(order.seconds), "--qos", str(order.qos), "--connections", str(order.connections)),
        *("--markers", str(order.markers), "--marker-every", str(order.marker_every_s)),
        *("--topic-prefix", order.topic_prefix),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(order.seconds + LATEST_END_S):
            out, err = await process.communicate(f"{run.password}\n".encode())
    except TimeoutError:
        raise BenchError("the load generator did not come to an end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BenchError(f"the load generator failed: {err.decode(errors='replace')[-2_000:]}")
    *markers, totals = out.splitlines()
    return msgspec.json.decode(totals, type=Totals), [msgspec.json.decode(m, type=Marker) for m in markers]
