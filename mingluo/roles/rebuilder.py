"""Baselines rebuilt from history, one group of devices after another, beside everything else."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from community.clock import DAY
from community.estate import Device, Estate
from community.estate_store import EstateStore
from community.frame import Baseline
from community.vitals import State, Vitals
from gateway.history.past import past
from gateway.history.store import HistoryReader, HistoryUnavailable
from gateway.log import LogUnavailable, ReadingsLog
from rules.rebuild import rebuild
from rules.rulebook import Rulebook

Sleep = Callable[[float], Awaitable[None]]

BACK_MS = 90 * DAY
"""How far back is read. The longest memory of the shipped rules, a habit of the week, has forgotten most by then."""
TOGETHER = 10
"""Devices whose past is read at once."""
LOOK_S = 1.0
RETRY_S = 30.0
VERSIONS_BACK = 20
"""Estates that are looked through for where a device was before."""


class Rebuilder:
    """Reads the past of devices that wait for it, and writes what is learnt of it into the log."""

    def __init__(
        self,
        history: HistoryReader,
        log: ReadingsLog,
        reached: Callable[[], int],
        estate: Callable[[], Estate],
        rulebook: Callable[[], Rulebook],
        estates: EstateStore,
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`reached`: the log position up to which the history is written."""
        self._history = history
        self._log = log
        self._reached = reached
        self._estate = estate
        self._rulebook = rulebook
        self._estates = estates
        self._vitals = vitals
        self._clock = clock
        self._sleep = sleep
        # In the order of asking; only devices of the estate, so the estate bounds it.
        self._waiting: dict[str, None] = {}
        self._asked = asyncio.Event()
        self._before: Estate | None = None
        self._looking: set[asyncio.Task[None]] = set()
        self._thread = ThreadPoolExecutor(1, "rebuild")

    def ask(self, devices: Collection[str]) -> int:
        """Let devices wait for it (none: all of the estate); how many wait now. Call it in the event loop."""
        known = self._estate().devices
        self._waiting |= dict.fromkeys(d for d in devices or known if d in known)
        self._asked.set()
        return len(self._waiting)

    def follow(self, estate: Estate) -> None:
        """A listener of the estate: devices that come back to the household they were in have a past that counts."""
        before, self._before = self._before, estate
        if before is not None and (new := [d for d in estate.device if d.id not in before.devices]):
            looking = asyncio.get_running_loop().create_task(self._ask_returned(new))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

    async def run(self) -> None:
        """Rebuild for ever."""
        try:
            while True:
                await self._asked.wait()
                group = list(self._waiting)[:TOGETHER]
                if not group:
                    self._asked.clear()
                    continue
                try:
                    made = await self._rebuilt(group)
                except (HistoryUnavailable, LogUnavailable) as error:
                    detail = f"{len(self._waiting)} devices wait for their baselines: {error}"
                    self._vitals.report("baselines", State.DEGRADED, detail, self._clock())
                    await self._sleep(RETRY_S)
                    continue
                for device in group:
                    del self._waiting[device]
                self._vitals.count("baselines_rebuilt", made)
                self._vitals.gauge("baselines_waiting", len(self._waiting))
                self._vitals.report("baselines", State.OK, f"{len(self._waiting)} devices wait", self._clock())
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _rebuilt(self, group: list[str]) -> int:
        # What the engine has learnt lately is in the history too before it takes the engine's place.
        newest = await self._log.last_position()
        while self._reached() < newest:
            await self._sleep(LOOK_S)
        estate, rulebook, now = self._estate(), self._rulebook(), self._clock()

        def read() -> list[Baseline]:
            return list(rebuild(past(self._history, group, now - BACK_MS, now), rulebook, estate, frozenset(group)))

        baselines = await asyncio.get_running_loop().run_in_executor(self._thread, read)
        for baseline in baselines:
            await self._log.append(baseline, message_id=f"baseline-{baseline.device}-{baseline.end}-{now}")
        return len(baselines)

    async def _ask_returned(self, new: list[Device]) -> None:
        try:
            returned = await asyncio.to_thread(self._returned, new)
        except SQLAlchemyError as error:
            self._vitals.count("baselines_not_looked_for")
            self._vitals.report("baselines", State.DEGRADED, f"earlier estates not read: {error}", self._clock())
            return
        if returned:
            self.ask(returned)

    def _returned(self, new: list[Device]) -> list[str]:
        """Those of `new` that an earlier estate had in the same household: the same wires, the same people."""
        wanted = {d.id: d for d in new}
        found: list[str] = []
        latest = self._estates.current_version()
        for version in range(latest - 1, max(0, latest - 1 - VERSIONS_BACK), -1):
            earlier = self._estates.version(version).devices
            for device in [d for d in wanted if d in earlier]:
                if wanted.pop(device).household == earlier[device].household:
                    found.append(device)  # noqa: PERF401  # each is taken out of what is wanted, found or not
            if not wanted:
                break
        return found
