"""Devices that announced themselves, as a request meets them; an outage is told as `api.problems.Unavailable`."""

from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from api.problems import Unavailable
from community.announcements import Announced, AnnouncementStore, Decision, PlaceInList
from community.approval import Approvals, Installation
from gateway.log import LogUnavailable
from mingluo.asked import asked
from mingluo.estate_watch import EstateWatch


class BehindAnnouncements:
    """See `api.announcements.Announcements`."""

    def __init__(
        self, store: AnnouncementStore, approvals: Approvals, watch: EstateWatch, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._approvals = approvals
        self._watch = watch
        self._clock = clock

    async def page(self, state: Decision | None, limit: int, before: PlaceInList | None) -> Sequence[Announced]:
        """Those of a state, the latest come first."""
        return await asked(lambda: self._store.page(state, limit, before))

    async def waiting(self) -> int:
        """How many wait for an answer."""
        return await asked(self._store.waiting)

    async def approve(self, profile: str, address: str, wanted: Installation, actor: str) -> int:
        """Take one into the estate, and the estate into force; its version."""
        version = await asked(lambda: self._approvals.approve(profile, address, wanted, actor, self._clock()))
        try:
            await self._watch.look()
        except (SQLAlchemyError, LogUnavailable) as error:
            raise Unavailable("it is stored, and will be in force as soon as the readings log is back") from error
        return version

    async def reject(self, profile: str, address: str, reason: str | None, actor: str) -> None:
        """Turn one away."""
        await asked(lambda: self._approvals.reject(profile, address, reason, actor, self._clock()))
