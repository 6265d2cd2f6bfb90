"""A node that is run from another thread: Playwright's loop keeps this one from running async code."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.acceptance.harness import Node

T = TypeVar("T")
PATIENCE_S = 90


class Beside:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there; its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def close(self) -> None:
        """End the loop and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


@contextmanager
def started(node: Node) -> Iterator[Beside]:
    """`node` runs while the block lasts."""
    beside = Beside()
    try:
        beside.run(node.start())
        yield beside
    finally:
        try:
            beside.run(node.stop())
        finally:
            beside.close()
