"""The embedded broker as a supervised child process: started, watched, restarted on the same ports, stopped."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from community.vitals import State, Vitals
from gateway.broker import spawn
from gateway.broker.binary import BrokerError, check_version, find_binary
from gateway.broker.child import end
from gateway.broker.config import BrokerOptions, Ports, render_config
from gateway.broker.connection import Endpoints
from gateway.broker.look import Look, look
from gateway.broker.nkey import Issuer
from gateway.broker.orphan import end_orphan
from gateway.broker.ports import choose_ports
from gateway.broker.store import GivenUp, write_fault

__all__ = ["BrokerError", "BrokerOptions", "BrokerServer", "Endpoints"]

READY_S = 20.0
"""Patience for a start. A log of many gigabytes is checked first, which takes seconds."""
STOP_S = 1.5
"""Patience for an orderly end, so that a stop takes less than 2 s in all."""
PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses before the first, second ... restart in a row; the last one for all that follow."""
LAUNCHES = 2
"""Launches that may fail at a start before the last one."""
MEMORY = "384MiB"
"""Where nats-server's collector begins to work harder, unless the environment says otherwise: without it a flood of
large messages leaves garbage of any size. It is a soft limit; nothing fails at it."""
STEADY_MS = 30_000
"""A server that lived this long was sound: the next restart is again the first."""
LOOK_EVERY_S = 2.0
"""How often the server is asked whether it still stores."""
USER = "mingluo"


class BrokerServer:
    """One nats-server of ours.

    Start it from the event loop's own thread (see `gateway.broker.spawn`).

    Attributes:
        issuer: signs the answers of the auth callout.
        version: of nats-server, once started.
        notes: for people: ports that differ from the wanted ones, an orphan that was ended.
        endpoints: where to reach it, once started; stays the same over restarts.
    """

    def __init__(self, options: BrokerOptions, vitals: Vitals, clock: Callable[[], int]) -> None:
        self.issuer = Issuer()
        self.version = ""
        self.notes: list[str] = []
        self._options = options
        self._vitals = vitals
        self._clock = clock
        self._password = secrets.token_urlsafe(32)
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._binary = Path()
        self._ports = Ports(0, None)
        self._stderr = options.directory / "nats-server.stderr"
        self._pid_file = options.directory / "pid"

    @property
    def endpoints(self) -> Endpoints:
        """Where to reach it."""
        mqtt = None
        if self._options.mqtt is not None and self._ports.mqtt is not None:
            mqtt = (_reachable(self._options.mqtt[0]), self._ports.mqtt)
        host, port = self._client_address
        return Endpoints(f"nats://{f'[{host}]' if ':' in host else host}:{port}", mqtt, USER, self._password)

    @property
    def _client_address(self) -> tuple[str, int]:
        return _reachable(self._options.client[0]), self._ports.client

    @property
    def pid(self) -> int | None:
        """Process id of the server that runs now."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> Endpoints:
        """Start the server, wait until it serves, and watch over it from then on.

        Raises:
            BrokerError: no usable nats-server, or it does not come up.
        """
        directory = self._options.directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._binary = find_binary()
        self.version = await check_version(self._binary)
        ended = await asyncio.to_thread(end_orphan, self._pid_file, self._options.config_file)
        if ended is not None:
            self.notes.append(f"ended a broker that a killed mingluo had left behind (process {ended})")
        self._ports, notes = choose_ports(self._options, directory / "ports.json")
        self.notes += notes
        self._write_config()
        await self._launch_patiently()
        self._supervisor = asyncio.create_task(self._supervise(), name="broker supervisor")
        return self.endpoints

    async def stop(self) -> None:
        """Stop the server within 2 s and restart it no more."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        await self._end_process()
        self._pid_file.unlink(missing_ok=True)
        self._vitals.report("broker", State.DOWN, "stopped", self._clock())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _write_config(self) -> None:
        text = render_config(self._options, self._ports, self.issuer.public_key, USER, self._password)
        file = self._options.config_file
        file.unlink(missing_ok=True)
        # It holds the service password: never readable by others, not even between creation and chmod.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)

    async def _launch_patiently(self) -> None:
        # It may be killed while it starts as well as later; what is wrong with it for good is wrong every time.
        for pause in PAUSES_S[:LAUNCHES]:
            try:
                return await self._launch()
            except BrokerError:
                await self._end_process()
                await asyncio.sleep(pause)
            except BaseException:
                await self._end_process()
                raise
        try:
            await self._launch()
        except BaseException:
            await self._end_process()
            raise

    async def _launch(self) -> None:
        command = [str(self._binary), "-c", str(self._options.config_file)]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", spawn.__file__, str(os.getpid()), *command]
        with self._stderr.open("wb") as stderr:
            # A session of its own: Ctrl-C in the terminal is for us to handle, in order, and not for the broker.
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
                env={"GOMEMLIMIT": MEMORY, **os.environ},
            )
        self._pid_file.write_text(str(self._process.pid))
        await self._until_ready(self._process)
        self._vitals.report("broker", State.OK, f"nats-server {self.version}", self._clock())

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(READY_S):
                while await self._look() is not Look.SERVES:
                    if process.returncode is not None:
                        raise BrokerError(f"nats-server ended at start: {self._last_words()}")
                    # Another process cannot be awaited for becoming ready; it is asked often instead.
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise BrokerError(f"nats-server does not answer after {READY_S:.0f} s: {self._last_words()}") from None

    async def _look(self) -> Look:
        endpoints = self.endpoints
        if self._options.tls is not None:
            # A knock without a handshake is an error in the broker's log, every time. The port is open before ours is.
            endpoints = replace(endpoints, mqtt=None)
        return await look(endpoints, self._client_address)

    async def _supervise(self) -> None:
        failures = 0
        while True:
            assert self._process is not None  # _launch has set it before this task began
            began = self._clock()
            why = await self._fault(self._process)
            if self._clock() - began > STEADY_MS:
                failures = 0
            while True:
                self._vitals.report("broker", State.DOWN, why, self._clock())
                await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
                failures += 1
                try:
                    await self._end_process()
                    await self._launch()
                    break
                except (BrokerError, OSError) as error:
                    await self._end_process()
                    why = str(error)
            self._vitals.count("broker_restarts")

    async def _fault(self, process: asyncio.subprocess.Process) -> str:
        """Wait until the server needs to be started again; why.

        While the disk cannot be written no new one is started: it would only meet the same error.
        """
        given_up = GivenUp(self._options.log_file)
        fault: str | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    code = await process.wait()
                    return f"nats-server ended with {code}: {self._last_words()}"
            before, fault = fault, await asyncio.to_thread(write_fault, self._options.directory)
            if fault is not None:
                self._vitals.report("broker", State.DOWN, f"its disk cannot be written: {fault}", self._clock())
                continue
            looked = await self._look()
            if before is not None or given_up.look() or looked is Look.STORE_OFF:
                return f"it may have given up storing after a write error ({before or self._last_words()})"
            if looked is Look.SERVES:
                self._vitals.report("broker", State.OK, f"nats-server {self.version}", self._clock())
            elif process.returncode is None:
                # Perhaps only a busy machine: ending it would cut off every device.
                self._vitals.report("broker", State.DEGRADED, "nats-server does not answer", self._clock())

    async def _end_process(self) -> None:
        if self._process is not None:
            await end(self._process, STOP_S)

    def _last_words(self) -> str:
        for file in (self._stderr, self._options.log_file):
            with contextlib.suppress(OSError), file.open("rb") as f:
                f.seek(max(0, file.stat().st_size - 4096))
                lines = [x for x in f.read().decode(errors="replace").splitlines() if x.strip()]
                faults = [x for x in lines if "[FTL]" in x or "nats-server:" in x] or lines[-1:]
                if faults:
                    return faults[-1].strip()[:300]
        return "it said nothing"


def _reachable(host: str) -> str:
    """The address by which this machine reaches a listener on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
