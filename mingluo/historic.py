"""The history's part of the roof: the store, who writes it, who asks it, and the baselines that are made of it."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack

from api.histories import Histories, NotConnected
from community.estate_store import EstateStore
from community.vitals import Vitals
from gateway.history.store import HistoryUnavailable
from gateway.log import ReadingsLog
from mingluo.behind_history import BehindHistory
from mingluo.estate_watch import EstateWatch
from mingluo.history import LateHistory, make_history, retention
from mingluo.roles.historian import Historian
from mingluo.roles.rebuilder import Rebuilder
from mingluo.rulebook_watch import RulebookWatch
from mingluo.settings import Settings
from mingluo.tasks import Tasks


class Historic:
    """What the settings say of history; nothing of it, if they say `none`.

    Attributes:
        histories: as the window asks it.
    """

    def __init__(self, settings: Settings, vitals: Vitals, clock: Callable[[], int]) -> None:
        """Look at the settings; nothing is opened yet.

        Raises:
            SettingsError: they contradict themselves.
        """
        self._settings = settings
        self._vitals = vitals
        self._clock = clock
        self._store: LateHistory | None = make_history(settings, vitals)
        self._historian: Historian | None = None
        self._rebuilder: Rebuilder | None = None
        self.histories: Histories = NotConnected()

    async def remembered(self) -> int:
        """The log position that the store has reached; 0 if there is none, or it does not say."""
        if self._store is None:
            return 0
        try:
            return await asyncio.to_thread(self._store.position)
        except HistoryUnavailable:
            return 0  # the historian tells it, and goes on asking

    def kept(self) -> int | None:
        """The log position up to which everything is in the history; None: nobody writes one."""
        return None if self._historian is None else self._historian.position

    def rebuild(self, devices: Collection[str]) -> int:
        """Let devices wait for their baselines; how many wait then."""
        return 0 if self._rebuilder is None else self._rebuilder.ask(devices)

    def join(
        self, stack: AsyncExitStack, log: ReadingsLog, watch: EstateWatch, rules: RulebookWatch, estates: EstateStore
    ) -> None:
        """Connect it to the rest; `stack` closes it again, after whatever is pushed later."""
        store, settings, vitals, clock = self._store, self._settings, self._vitals, self._clock
        if store is None:
            return
        stack.push_async_callback(asyncio.to_thread, store.close)
        historian = Historian(log, store, vitals, clock, lambda: list(watch.estate.devices))
        rebuilder = Rebuilder(
            store, log, lambda: historian.position, lambda: watch.estate, lambda: rules.rulebook, estates, vitals, clock
        )
        behind = BehindHistory(
            settings.history,
            store,
            retention(settings),
            lambda: watch.estate,
            vitals,
            lambda: historian.position,
            rebuilder.ask,
            settings.data_dir / "history" / "spool",
        )
        stack.callback(behind.close)
        watch.tell(rebuilder.follow)
        self._historian, self._rebuilder, self.histories = historian, rebuilder, behind

    def start(self, tasks: Tasks) -> None:
        """Let it run."""
        if self._historian is not None and self._rebuilder is not None:
            tasks.start("historian", self._historian.run())
            tasks.start("rebuilder", self._rebuilder.run())
