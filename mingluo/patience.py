"""Starting while the broker stumbles: its supervisor brings it back within seconds, so a start need not fail for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats.errors

from gateway.log import LogUnavailable

T = TypeVar("T")

PATIENCE_S = 15.0
AGAIN_S = 0.2


async def patiently(
    ask: Callable[[], Awaitable[T]],
    *,
    within_s: float = PATIENCE_S,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Ask the broker until it answers.

    Raises:
        LogUnavailable, OSError, nats.errors.Error: what it said last, after `within_s`.
    """
    for _ in range(int(within_s / AGAIN_S)):
        try:
            return await ask()
        except (LogUnavailable, OSError, TimeoutError, nats.errors.Error):
            await sleep(AGAIN_S)
    return await ask()
