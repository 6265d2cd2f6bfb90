"""From the gateway to the store: devices that said they exist, gathered for a second and written at once."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from community.announcements import Announced, AnnouncementStore
from community.vitals import State, Vitals
from gateway.decoding.profile import Announcement
from mingluo.estate_watch import Sleep

MOST_WAITING = 10_000
"""Announcements gathered while the database is away; beyond, new ones are dropped and counted."""

EVERY_S = 1.0

MOST_ADDRESS = 256
"""Characters of an address, as in `community.estate.Device`: one that is cut would never be heard again."""

MOST_TEXT = 200
"""Characters kept of a name or model."""


class Announcements:
    """Counters: `announcements_dropped` (no room while the database was away, or in the store), and
    `announcements_unusable` (an address that the estate could not hold).
    """

    def __init__(
        self, store: AnnouncementStore, vitals: Vitals, clock: Callable[[], int], *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._store = store
        self._vitals = vitals
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[tuple[str, str], Announced] = {}

    def take(self, found: Sequence[tuple[str, Announcement]]) -> None:
        """Gather; for `Ingest`."""
        for profile, a in found:
            if not 0 < len(a.address) <= MOST_ADDRESS or not _storable(a.address):
                self._vitals.count("announcements_unusable")
                continue
            if (profile, a.address) not in self._waiting and len(self._waiting) >= MOST_WAITING:
                self._vitals.count("announcements_dropped")
                continue
            before = self._waiting.get((profile, a.address))
            if before is not None and not (a.name or a.kind or a.model):
                continue  # merely heard again; what it said of itself stays
            self._waiting[profile, a.address] = Announced(
                profile=profile,
                address=a.address,
                name=_cleaned(a.name, MOST_TEXT),
                kind=a.kind,
                model=_cleaned(a.model, MOST_TEXT),
                signals=tuple(a.signals)[:100],
            )

    async def run(self) -> None:
        """Write what was gathered, for ever."""
        while True:
            await self._sleep(EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write what was gathered; on a fault it is kept for the next time."""
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, {}
        try:
            dropped = await asyncio.to_thread(self._store.note, batch.values(), self._clock())
        except SQLAlchemyError as error:
            self._waiting = {**batch, **self._waiting}
            self._vitals.report("announcements", State.DEGRADED, f"not written: {error}"[:200], self._clock())
            return
        if dropped:
            self._vitals.count("announcements_dropped", dropped)
        self._vitals.report("announcements", State.OK, "written", self._clock())


def _storable(text: str) -> bool:
    # Databases take neither half characters nor NUL, and one such text would keep every other from being written.
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _cleaned(text: str, most: int) -> str:
    return text[:most].encode(errors="replace").decode().replace("\0", "?")
