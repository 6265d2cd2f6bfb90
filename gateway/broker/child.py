"""Ending a child process: asked first, and killed when it does not listen."""

import asyncio
import contextlib


async def end(process: asyncio.subprocess.Process, patience_s: float) -> None:
    """SIGTERM, and SIGKILL after `patience_s`; returns when it is gone."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(patience_s):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
