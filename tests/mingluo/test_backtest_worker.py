"""Backtests beside the system: one at a time, and each ends, whatever becomes of it."""

import asyncio
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no stubs
import pytest

from api.rulebooks import BacktestFailed, BacktestRunning
from mingluo.backtest_worker import BacktestWorker
from tests.api.rulebooks import BOOK


def worker(directory: Path, longest_s: float = 60) -> BacktestWorker:
    return BacktestWorker(directory, f"sqlite:///{directory / 'mingluo.db'}", longest_s=longest_s)


def children() -> list[int]:
    return [child.pid for child in psutil.Process().children(recursive=True)]


async def test_what_it_cannot_do_it_says_and_may_be_asked_again(tmp_path: Path) -> None:
    one = worker(tmp_path)
    for _ in range(2):
        with pytest.raises(BacktestFailed, match="there is no estate"):
            await one.run(BOOK, 1, 0)
    assert children() == []


async def test_one_at_a_time_and_one_that_is_left_alone_ends(tmp_path: Path) -> None:
    one = worker(tmp_path)
    first = asyncio.create_task(one.run(BOOK, 1, 0))
    await asyncio.sleep(0)  # it begins
    with pytest.raises(BacktestRunning):
        await one.run(BOOK, 1, 0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert children() == []


async def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(BacktestFailed, match="longer than"):
        await worker(tmp_path, longest_s=0).run(BOOK, 1, 0)
    assert children() == []
