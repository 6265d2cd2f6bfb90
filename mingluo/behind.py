"""What the window is handed by the roof, with every outage behind it told as one: `api.problems.Unavailable`."""

import asyncio
from collections.abc import Callable, Sequence

import nats.errors
from nats.aio.client import Client
from sqlalchemy.exc import SQLAlchemyError

from api.problems import Unavailable
from community.estate_file import load_estate
from community.estate_store import EstateStore
from community.recent import RecentMessage
from community.refusal import Refusal
from gateway.log import LogUnavailable
from gateway.recent import ask
from gateway.refusal_log import RefusalLog
from mingluo.estate_watch import EstateWatch

PATIENCE_S = 5.0
"""How long a request waits for the broker."""


class Behind:
    """The estate, quarantine and the gateway, as a request meets them."""

    def __init__(
        self,
        estates: EstateStore,
        watch: EstateWatch,
        quarantine: RefusalLog,
        client: Client,
        clock: Callable[[], int],
    ) -> None:
        self._estates = estates
        self._watch = watch
        self._quarantine = quarantine
        self._client = client
        self._clock = clock

    async def import_estate(self, text: str, actor: str) -> int:
        """Put another estate in force; its version.

        Raises:
            EstateErrors: it is refused.
            Unavailable: it is not in force; the text says what is stored.
        """
        estate = load_estate(text, "estate")
        try:
            await asyncio.to_thread(self._estates.replace, estate, actor, self._clock())
        except SQLAlchemyError as error:
            raise Unavailable("the database does not take it now; nothing was changed") from error
        try:
            await self._watch.look()
        except (SQLAlchemyError, LogUnavailable) as error:
            raise Unavailable("it is stored, and will be in force as soon as the readings log is back") from error
        return self._watch.version

    async def refusals(self, device: str | None, limit: int) -> Sequence[Refusal]:
        """The newest refusals, of a device or of all.

        Raises:
            Unavailable: the broker that keeps them is away.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):  # reading a stream waits for the broker for ever
                return await self._quarantine.last(device, limit)
        except (OSError, nats.errors.Error) as error:
            raise Unavailable("the broker, which keeps refused messages, does not answer now") from error

    async def messages(self, device: str) -> Sequence[RecentMessage]:
        """The last messages of a device with what became of each, oldest first.

        Raises:
            Unavailable: the gateway that remembers them is away.
        """
        try:
            return await ask(self._client, device, PATIENCE_S)
        except (OSError, nats.errors.Error) as error:
            raise Unavailable("the gateway, which remembers the last messages, does not answer now") from error
