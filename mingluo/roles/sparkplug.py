"""Sparkplug: we say that we are there as soon as the estate has anybody who waits for it."""

import asyncio
from collections.abc import Callable

from gateway.sparkplug.host import HostApplication
from mingluo.roles.gateway import Sleep

PROFILE = "sparkplug"
LOOK_EVERY_S = 1.0


async def run_when_wanted(
    host: HostApplication, speaking: Callable[[], set[str]], *, sleep: Sleep = asyncio.sleep
) -> None:
    """Run `host` for ever, from the moment when `speaking` (profiles of the estate) has Sparkplug in it."""
    while PROFILE not in speaking():
        await sleep(LOOK_EVERY_S)
    await host.run()
