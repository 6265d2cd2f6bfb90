"""Backtests beside the running system: one at a time, each in a process of its own, behind everything that alerts."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from api.rulebooks import BacktestFailed, BacktestRunning
from gateway.broker.child import end

LONGEST_S = 1_800
"""A backtest that takes longer is ended: a month of 1,000 devices takes a few minutes."""

STOP_S = 2.0


class BacktestWorker:
    """Runs `mingluo rules backtest`. Bounds: one process; what more is asked meanwhile is refused, not queued."""

    def __init__(self, data_dir: Path, database: str, *, longest_s: float = LONGEST_S) -> None:
        """`database`: SQLAlchemy URL of the running system's."""
        self._data_dir = data_dir
        self._database = database
        self._longest_s = longest_s
        self._running = False

    async def run(self, text: str, days: float, warm_up_days: float) -> dict[str, Any]:
        """The report of `text` against the rulebook in force; see `rules.backtest.Report`.

        Raises:
            BacktestRunning: another is under way.
            BacktestFailed: it could not be done.
        """
        if self._running:
            raise BacktestRunning
        self._running = True
        try:
            return await self._run(text, f"{days:.6f}d", f"{warm_up_days:.6f}d")
        finally:
            self._running = False

    async def _run(self, text: str, since: str, warm_up: str) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mingluo", "rules", "backtest", "-", "--json"),
            *("--since", since, "--warm-up", warm_up, "--data-dir", str(self._data_dir)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "MINGLUO_DATABASE_URL": self._database},
            start_new_session=True,  # Ctrl-C in the terminal is for us to handle
        )
        try:
            async with asyncio.timeout(self._longest_s):
                said, complaint = await process.communicate(text.encode())
        except TimeoutError:
            raise BacktestFailed(f"it took longer than {self._longest_s:.0f} s; ask for fewer days") from None
        finally:
            await end(process, STOP_S)
        if process.returncode:
            lines = complaint.decode(errors="replace").strip().splitlines() or ["it ended without a word"]
            raise BacktestFailed(lines[-1][:500])
        report: dict[str, Any] = msgspec.json.decode(said)
        return report
