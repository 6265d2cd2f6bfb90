"""The gateway's inlet, as a request meets it: who may put what, and how long it is waited for."""

import asyncio
from collections.abc import Awaitable, Callable

from api.context import Delivered
from api.problems import Unavailable
from gateway.broker.auth import Credential
from gateway.inlet import Taken
from gateway.link.filters import covers

PATIENCE_S = 8.0
"""How long a request waits for the log. Devices usually give up after 10 s, and send again."""

_DOWN = ("command", "error")


class BehindInlet:
    """Messages by HTTPS, within the rights that the same account has on the broker."""

    def __init__(
        self,
        put: Callable[[str, bytes], Awaitable[Taken]],
        credential: Callable[[str], Credential | None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`put` is that of the inlet; `credential` says what an account may do (`mingluo.accounts.credentials`)."""
        self._put = put
        self._credential = credential
        self._patience_s = patience_s

    def may_publish(self, account: str, topic: str) -> bool:
        """Whether a device or bridge may publish on this topic, which has no wildcards."""
        known = self._credential(account)
        if known is None or "+" in topic or "#" in topic:
            return False
        if known.topic is not None and topic.startswith(f"{known.topic}/"):
            return topic.removeprefix(f"{known.topic}/") not in _DOWN
        return any(covers(allowed, topic) for allowed in known.publish)

    async def deliver(self, topic: str, payload: bytes) -> Delivered:
        """Put a message in; what became of it.

        Raises:
            Unavailable: it is not in the log yet. It may come in later, and if it is sent again it comes in once.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                taken = await self._put(topic, payload)
        except TimeoutError:
            raise Unavailable("the gateway did not take it in time; send it again") from None
        refusals = tuple((reason.value, detail) for reason, detail in taken.refusals)
        return Delivered(taken.admitted, taken.lost, refusals)
