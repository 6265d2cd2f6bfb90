"""The demo: an invented village in the spirit of Xijiang, whose devices run in a process of their own."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Callable

from community.clock import SECOND
from community.estate import Estate
from community.estate_file import dump_estate, load_estate
from gateway.broker.child import end
from mingluo.system import wall_clock
from simulators.demo import demo_incidents
from simulators.fleet import run_fleet
from simulators.village import xijiang
from simulators.world import World

HOUSEHOLDS = 200
STOP_S = 1.5


def demo_estate() -> Estate:
    """The village, with fresh secrets."""
    return xijiang(lambda: secrets.token_urlsafe(12), households=HOUSEHOLDS)


async def run_demo_devices(mqtt: tuple[str, int], estate: Estate) -> None:
    """Run the village's devices until cancelled.

    A process of their own keeps the village's physics from slowing the watchers, as in reality. It gets the estate,
    which holds the devices' secrets, over a pipe, and ends when that pipe closes, so even if we are killed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mingluo.demo", mqtt[0], str(mqtt[1])),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for us to handle
    )
    try:
        assert process.stdin is not None
        document = dump_estate(estate).encode()
        process.stdin.write(b"%d\n%s" % (len(document), document))
        await process.stdin.drain()
        await process.wait()
    finally:
        await end(process, STOP_S)


async def _live(host: str, port: int, estate: Estate) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def abandoned() -> None:
        loop.remove_reader(sys.stdin.fileno())  # an ended pipe stays readable, and would call again at once
        stop.set()

    # Nothing more is ever written to the pipe: it becomes readable when whoever started us is gone.
    loop.add_reader(sys.stdin.fileno(), abandoned)
    start = wall_clock()
    world = World(estate, start, demo_incidents(estate, start + SECOND))
    await run_fleet(estate, world, host, port, stop, wall_clock)


def main() -> None:
    """Entry of the process that `run_demo_devices` starts: the length of the estate's TOML, then the TOML, on stdin."""
    length = int(_read(until=lambda data: data.endswith(b"\n"), at_once=lambda _: 1))
    text = _read(until=lambda data: len(data) == length, at_once=lambda data: length - len(data))
    asyncio.run(_live(sys.argv[1], int(sys.argv[2]), load_estate(text.decode(), "stdin")))


def _read(until: Callable[[bytes], bool], at_once: Callable[[bytes], int]) -> bytes:
    """Read stdin unbuffered, so that the pipe's end stays visible to the event loop."""
    data = b""
    while not until(data):
        chunk = os.read(sys.stdin.fileno(), at_once(data))
        if not chunk:
            raise SystemExit("whoever started the village is gone")
        data += chunk
    return data


if __name__ == "__main__":
    main()
