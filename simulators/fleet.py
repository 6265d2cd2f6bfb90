"""Every device of an estate, simulated in one process and speaking real MQTT."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from heapq import heapify, heapreplace
from random import Random
from typing import Any

import msgspec

from community.estate import Device, Estate
from community.vitals import Vitals
from simulators.device import Line, Outgoing, SimulatedDevice
from simulators.world import World

STEP_S = 0.25
"""The world is advanced, and due devices are read, this often."""
_LONGEST_STEP_S = 60.0
_URGENT_MS = 5_000
"""A detector that sees smoke reports this often, whatever its interval."""


class Fleet:
    """Reads the world for each device when its report is due, and hands the report to the device's connection.

    Args:
        clock: UTC ms.
        qos: quality of service of telemetry; events always go with 1.
        vitals: counts `simulator_sent`, `simulator_forgotten`, `simulator_connects`, `simulator_errors` ...
    """

    def __init__(
        self,
        estate: Estate,
        world: World,
        line: Line,
        clock: Callable[[], int],
        *,
        qos: int = 0,
        vitals: Vitals | None = None,
        seed: int = 1,
    ) -> None:
        self.vitals = vitals if vitals is not None else Vitals()
        self._world = world
        self._clock = clock
        self._qos = qos
        random = Random(seed)
        self.devices = {
            d.id: SimulatedDevice(d, estate.topic_of(d), line, self.vitals, self._commands(d), random)
            for d in estate.device
        }
        self._seq = dict.fromkeys(self.devices, 0)
        self._told: dict[str, int] = {}
        self._events: dict[str, set[str]] = {d: set() for d in self.devices}
        # Devices do not beat in time: each begins somewhere in its first interval.
        begin = world.now
        self._due = [(begin + int(random.random() * d.reporting_interval * 1_000), d.id) for d in estate.device]
        heapify(self._due)

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop`; then every device says goodbye."""
        for device_id, device in self.devices.items():
            # Switched on anew, it remembers no alarm: what it reported in an earlier run does not stand any more.
            device.offer(Outgoing("event", self._message(device_id, self._clock(), {"event": "reset"}), 1))
        async with asyncio.TaskGroup() as group:
            for device in self.devices.values():
                group.create_task(device.run(stop))
            while not stop.is_set():
                self.step(self._clock())
                try:
                    await asyncio.wait_for(stop.wait(), STEP_S)
                except TimeoutError:
                    continue

    def step(self, now: int) -> None:
        """Advance the world to `now` and let the devices report."""
        elapsed = (now - self._world.now) / 1_000
        if elapsed > 0:  # a clock set back must not turn the world back
            self._world.advance(now, min(elapsed, _LONGEST_STEP_S))
        for simulated in self.devices.values():
            device = simulated.device
            simulated.set_line(self._world.online(device))
            self._tell_events(simulated, now)
            if self._world.urgent(device) and now - self._told.get(device.id, 0) >= _URGENT_MS:
                self._report(device.id, now)
        while self._due and self._due[0][0] <= now:
            due, device_id = self._due[0]
            interval_ms = int(self.devices[device_id].device.reporting_interval * 1_000)
            # Reports missed long ago (the machine slept) are not made up for.
            following = due + interval_ms if due + interval_ms > now else now + interval_ms
            heapreplace(self._due, (following, device_id))
            self._report(device_id, now)

    def _report(self, device_id: str, now: int) -> None:
        simulated = self.devices[device_id]
        self._told[device_id] = now
        values = self._world.values(simulated.device)
        simulated.offer(Outgoing("telemetry", self._message(device_id, now, {"values": values}), self._qos))

    def _tell_events(self, simulated: SimulatedDevice, now: int) -> None:
        device_id = simulated.device.id
        present, known = self._world.events(simulated.device), self._events[device_id]
        if present == known:
            return
        for event in sorted(present ^ known):
            fields = {"event": event, "active": event in present}
            simulated.offer(Outgoing("event", self._message(device_id, now, fields), 1))
        self._events[device_id] = present
        self._report(device_id, now)  # what the device saw when it decided

    def _message(self, device_id: str, now: int, fields: Mapping[str, Any]) -> bytes:
        self._seq[device_id] += 1
        return msgspec.json.encode({"ts": now, "seq": self._seq[device_id], **fields})

    def _commands(self, device: Device) -> Callable[[bytes], bytes]:
        def answer(payload: bytes) -> bytes:
            try:
                command = msgspec.json.decode(payload, type=dict[str, Any])
            except msgspec.DecodeError:
                return msgspec.json.encode({"ok": False, "reason": "not_json"})
            if command.get("command") != "report":
                return msgspec.json.encode({"id": command.get("id"), "ok": False, "reason": "unknown_command"})
            self._report(device.id, self._clock())
            return msgspec.json.encode({"id": command.get("id"), "ok": True})

        return answer


async def run_fleet(
    estate: Estate,
    world: World,
    host: str,
    port: int,
    stop: asyncio.Event,
    clock: Callable[[], int],
    *,
    tls: ssl.SSLContext | None = None,
    qos: int = 0,
    vitals: Vitals | None = None,
) -> None:
    """Simulate every device of `estate` against the broker at `host:port` until `stop`."""
    await Fleet(estate, world, Line(host, port, tls), clock, qos=qos, vitals=vitals).run(stop)
