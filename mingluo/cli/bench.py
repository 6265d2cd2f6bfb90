"""`mingluo bench`: how fast this machine is with it."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from mingluo.bench.gateway import GatewayPlan, bench_gateway
from mingluo.bench.history import HistoryPlan, bench_history
from mingluo.bench.history_live import LivePlan, bench_live
from mingluo.bench.node import BenchError
from mingluo.bench.pipeline import Plan, bench_pipeline
from mingluo.cli.io import emit, people, refuse
from rules.bench.engine import bench_engine

app = typer.Typer(help="Measures how fast Mingluo is on this machine.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout.")]


@app.command()
def pipeline(
    json: Json = False,
    devices: Annotated[int, typer.Option(min=4, max=200_000, help="Electrical protectors in the estate.")] = 10_000,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of the latency part; a step takes 0.6 of it.")] = 10,
    qos: Annotated[int, typer.Option(min=0, max=1, help="QoS of every published message.")] = 0,
    rate: Annotated[float, typer.Option(min=100, help="First step of the ladder, readings/s.")] = 50_000,
    steps: Annotated[int, typer.Option(min=1, help="At most so many steps of the ladder.")] = 6,
    latency_rate: Annotated[float, typer.Option(min=100, help="Load while latency is measured.")] = 10_000,
    null_rate: Annotated[float, typer.Option(min=100, help="Messages/s offered to the null subscriber.")] = 500_000,
) -> None:
    """Load generator → broker → gateway → log → engine → alert → feed, all on this machine, in about a minute.

    Starts a system of its own in a temporary directory. In one run it measures: what a subscriber that does nothing
    reads from the same broker (null subscriber); the highest rate at which every reading sent is also evaluated, by a
    ladder of rates; and, at a steady rate, how long after its publish a dangerous reading is an alert on the feed.
    A reading that is lost on the way fails its step. Progress goes to stderr.
    """
    plan = Plan(
        devices=devices,
        seconds=seconds,
        qos=qos,
        rate=rate,
        latency_rate=latency_rate,
        null_rate=null_rate,
        most_steps=steps,
    )
    try:
        report = bench_pipeline(plan, lambda text: people.print(text, markup=False))
    except (BenchError, httpx.HTTPError, OSError) as error:
        refuse(error)
    if json:
        emit(report)
    else:
        typer.echo(describe(report))


@app.command()
def engine(
    json: Json = False,
    devices: Annotated[int, typer.Option(min=1, help="Devices of one community.")] = 10_000,
    rows: Annotated[int, typer.Option(min=1, help="Readings in a batch.")] = 1_000,
    quick: Annotated[bool, typer.Option("--quick", help="Without the million devices and the starts.")] = False,
) -> None:
    """The rule engine alone on one core, over quiet readings that are in memory already; about two minutes.

    Ten usual rules, beside their scalar twin and a plain Python loop of the same run; random order of devices; the
    whole standard pack; a million devices; and what starting costs.
    """
    report = bench_engine(devices, rows, quick=quick, say=lambda text: people.print(text, markup=False))
    if json:
        emit(report)
    else:
        typer.echo("\n".join(f"{name:34} {value:>14,}" for name, value in report.items()))


@app.command()
def gateway(
    json: Json = False,
    devices: Annotated[int, typer.Option(min=10, max=200_000, help="Devices in the estate.")] = 10_000,
    messages: Annotated[int, typer.Option(min=4_000, help="Messages of each round from memory.")] = 400_000,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of each load through the broker.")] = 4,
    rate: Annotated[float, typer.Option(min=100, help="Messages/s offered at QoS 0.")] = 500_000,
    rate_qos1: Annotated[float, typer.Option(min=100, help="Messages/s offered at QoS 1.")] = 200_000,
    soak: Annotated[int, typer.Option(min=0, help="Messages over which memory is watched, e.g. 50000000.")] = 0,
) -> None:
    """The gateway alone, in about two minutes: framed, decoded, admitted and put in columns.

    From memory on one core: native messages, messages read by a vendor's profile, the same JSON in a plain loop, and
    what one device that sends 10,000 messages a second takes from the others. Through a broker of its own, at QoS 0
    and at QoS 1 with acknowledgement after the log: beside a subscriber that does nothing, in the same run.
    """
    plan = GatewayPlan(devices=devices, messages=messages, seconds=seconds, rate=rate, rate_qos1=rate_qos1, soak=soak)
    try:
        report = bench_gateway(plan, lambda text: people.print(text, markup=False))
    except (BenchError, OSError) as error:
        refuse(error)
    if json:
        emit(report)
    else:
        typer.echo("\n".join(f"{name:24} {value!s:>14}" for name, value in report.items()))


@app.command()
def history(
    json: Json = False,
    values: Annotated[int, typer.Option(min=1_000_000, help="Values in the store that is asked.")] = 20_000_000,
    keep: Annotated[
        Path | None, typer.Option(help="Make that store in this folder and leave it there; ask the one that is there.")
    ] = None,
    rollup_devices: Annotated[int, typer.Option(min=10, help="Devices whose day is rolled up.")] = 1_000,
    seconds: Annotated[float, typer.Option(min=2, help="Length of the load beside live evaluation.")] = 30,
    steps: Annotated[int, typer.Option(min=1, help="At most so many rates, each higher than the one before.")] = 4,
) -> None:
    """The history: written beside live evaluation, caught up with, rolled up while it is written, and asked.

    A whole system under 200,000 values/s and more, and the same load without a history; a log that waits for a
    historian; a day rolled up beside writing; and what the console asks of a large store, beside a look at all of it.
    About five minutes; with --values 1000000000 --rollup-devices 10000 about half an hour, and 10 GB of disk.
    """

    def say(text: str) -> None:
        people.print(text, markup=False)

    try:
        with tempfile.TemporaryDirectory(prefix="mingluo-bench-") as directory:
            report = asyncio.run(bench_live(LivePlan(seconds=seconds, steps=steps), Path(directory), say))
        report |= bench_history(HistoryPlan(values=values, rollup_devices=rollup_devices, keep=keep), say)
    except (BenchError, httpx.HTTPError, OSError) as error:
        refuse(error)
    if json:
        emit(report)
    else:
        typer.echo("\n".join(f"{name:26} {value!s:>16}" for name, value in report.items()))


def describe(report: dict[str, Any]) -> str:
    """The report for people."""
    r = report
    lines = [
        f"readings evaluated       {r['readings_per_s']:>10,} /s   (QoS {r['qos']}, {r['devices']:,} devices)",
        f"null subscriber          {r['null_subscriber_per_s']:>10,} /s   ratio {r['ratio']}",
        f"publish → feed           p50 {r['p50_ms']} ms, p99 {r['p99_ms']} ms, worst {r['max_ms']} ms "
        f"(at {r['latency']['rate']:,.0f} readings/s, {r['latency']['events']} alert events)",
        f"state per device         {r['state_bytes_per_device']:>10,} bytes, and "
        f"{r['window_bytes_per_device']} to know duplicates by",
        f"resident                 mingluo {r['resident_bytes']['mingluo'] / 2**20:,.0f} MiB, "
        f"broker {r['resident_bytes']['broker'] / 2**20:,.0f} MiB",
        f"missing, refused         {r['missing']}, {r['refused']}",
    ]
    for s in r["steps"]:
        cpu, kept = (
            s["cpu_s"],
            "sustained" if s["sustained"] else f"not sustained ({s['sent'] - s['evaluated']} missing)",
        )
        lines.append(
            f"  {s['wanted_per_s']:>9,} wanted   {s['readings_per_s']:>9,} /s  {kept}, {s['behind_s']} s behind; "
            f" CPU s: broker {cpu['broker']}, mingluo {cpu['mingluo']}, load {cpu['load']}"
        )
    return "\n".join(lines)
