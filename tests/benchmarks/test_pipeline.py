"""The benchmark itself, made small: that it measures what it says and loses nothing. How fast is not judged here."""

import asyncio
import json
import sys

PATIENCE_S = 180
CONTRACT = ("readings_per_s", "null_subscriber_per_s", "p50_ms", "p99_ms", "state_bytes_per_device")


async def test_a_small_run_reports_every_figure_and_loses_nothing() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mingluo", "bench", "pipeline", "--json", "--devices", "40", "--seconds", "1.5"),
        *("--rate", "500", "--latency-rate", "400", "--null-rate", "2000", "--steps", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    report = json.loads(out)
    for name in CONTRACT:
        assert report[name] > 0, name
    (step,) = report["steps"]
    assert step["sent"] == step["evaluated"] > 0
    assert report["missing"] == report["refused"] == 0
    assert report["null_subscriber"]["read"] == report["null_subscriber"]["offered"] > 0
    assert 0 < report["latency"]["events"] <= report["latency"]["markers"]
    assert report["p50_ms"] <= report["p99_ms"] <= report["max_ms"]


async def test_the_engine_alone() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mingluo", "bench", "engine", "--json", "--devices", "50", "--rows", "50"),
        "--quick",
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    report = json.loads(out)
    promised = ("engine_rows_per_s", "scalar_rows_per_s", "naive_rows_per_s", "batch_rows", "devices",
                "p99_batch_us", "state_bytes_per_device")  # fmt: skip
    assert all(report[name] > 0 for name in promised)
