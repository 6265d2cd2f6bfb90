"""The roles' tasks: started one after another, stopped in reverse, and a fault in one told to the roof."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class RoleEnded(Exception):
    """A role that runs for ever has returned."""


class Tasks:
    """Tasks that run until they are stopped.

    Attributes:
        failed: gets the exception of the first task that ends by itself.
    """

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[Any]] = []
        self._closing = False

    def close(self) -> None:
        """From now on, a role that ends is no fault."""
        self._closing = True
        if not self.failed.done():
            self.failed.cancel()

    def start(self, name: str, role: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `role` from now on."""
        task = asyncio.create_task(role, name=name)
        task.add_done_callback(self._done)
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """Cancel them, the youngest first, each gone before the next is told."""
        self.close()
        for task in reversed(self._tasks):
            task.cancel()
            await asyncio.wait({task})

    def _done(self, task: asyncio.Task[Any]) -> None:
        if self._closing or self.failed.done() or task.cancelled():
            return
        self.failed.set_exception(task.exception() or RoleEnded(f"role {task.get_name()} has ended"))
