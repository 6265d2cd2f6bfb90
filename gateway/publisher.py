"""Publishes into JetStream in order, many messages under way at once, and collects the receipts.

The client library's own `publish_async` never answers when the broker refuses a message (2.16), so this keeps its own
table of open receipts. It holds at most `MOST_OPEN`; a publisher beyond that waits its turn.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

MOST_OPEN = 4_096
ANSWER_S = 2.0
"""Patience for a receipt. The broker is on this machine; beyond this it is not slow but gone."""


class Outgoing(NamedTuple):
    """A message to publish; a known `message_id` stores nothing and is answered with the first one's position."""

    subject: str
    data: bytes
    message_id: str | None = None


class PublishRefusedError(Exception):
    """The broker answered that it will not store a message.

    Attributes:
        code: JetStream's error code.
    """

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Receipt(msgspec.Struct):
    seq: int = 0
    error: _Error | None = None


_receipt = msgspec.json.Decoder(_Receipt)


class Publisher:
    """One ordered stream of publications over a connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._open: dict[str, asyncio.Future[int]] = {}
        self._number = 0
        self._listening = False
        # One at a time writes to the connection, which keeps the order of concurrent calls; receipts come outside it.
        self._turn = asyncio.Lock()
        self._room = asyncio.Semaphore(MOST_OPEN)

    async def publish(self, messages: Sequence[Outgoing]) -> list[int]:
        """Publish in order; the sequences at which they are stored.

        Raises:
            PublishRefusedError, TimeoutError, OSError, nats.errors.Error: at least one is not known to be stored.
        """
        receipts: list[asyncio.Future[int]] = []
        try:
            async with self._turn:
                await self._listen()
                for message in messages:
                    receipt = await self._send(message)
                    receipts.append(receipt)
            async with asyncio.timeout(ANSWER_S):
                return list(await asyncio.gather(*receipts))
        finally:
            for receipt in receipts:
                receipt.cancel()  # those that nobody will wait for any more

    async def _listen(self) -> None:
        if not self._listening:
            await self._client.subscribe(f"{self._inbox}.*", cb=self._settle, pending_msgs_limit=2 * MOST_OPEN)
            self._listening = True

    async def _send(self, message: Outgoing) -> asyncio.Future[int]:
        await asyncio.wait_for(self._room.acquire(), ANSWER_S)
        # While the connection is away nothing may be buffered: it would arrive behind later records.
        if not self._client.is_connected:
            self._room.release()
            raise nats.errors.ConnectionReconnectingError
        self._number += 1
        token = f"{self._inbox}.{self._number}"
        receipt: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._open[token] = receipt
        receipt.add_done_callback(lambda done: self._forget(token, done))
        headers = {"Nats-Msg-Id": message.message_id} if message.message_id else None
        try:
            await self._client.publish(message.subject, message.data, reply=token, headers=headers)
        except BaseException:
            receipt.cancel()
            raise
        return receipt

    def _forget(self, token: str, receipt: asyncio.Future[int]) -> None:
        del self._open[token]
        self._room.release()
        if not receipt.cancelled():
            receipt.exception()  # looked at, so that a second fault in one call is not reported as overlooked

    async def _settle(self, message: Msg) -> None:
        receipt = self._open.get(message.subject)
        if receipt is None or receipt.done():
            return
        if (message.headers or {}).get("Status") == "503":
            receipt.set_exception(nats.errors.NoRespondersError())
            return
        try:
            answer = _receipt.decode(message.data)
        except msgspec.MsgspecError as error:
            receipt.set_exception(PublishRefusedError(0, f"unreadable receipt: {error}"))
            return
        if answer.error is not None:
            receipt.set_exception(PublishRefusedError(answer.error.err_code, answer.error.description))
        else:
            receipt.set_result(answer.seq)
