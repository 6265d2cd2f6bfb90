"""An answer that goes on: server-sent events, ended when the viewer goes or stalls."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STALLED_S = 30.0
"""A viewer whose line takes nothing for so long is dropped: it holds a task and a send buffer."""


class EventStream(Response):
    """Sends chunks as they come. Leaner than `StreamingResponse`, and with a limit on how long a send may take."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes], status_code: int = 200) -> None:
        # `X-Accel-Buffering` tells a proxy such as nginx not to collect what should be seen at once.
        super().__init__(status_code=status_code, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the chunks end, the viewer goes away, or it stalls."""
        async with aclosing(self._chunks):
            sending = asyncio.create_task(self._send(send), name="stream")
            leaving = asyncio.create_task(_left(receive), name="stream-left")
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
                if not sending.done():
                    sending.cancel()
                await asyncio.wait({sending, leaving})
            if not sending.cancelled() and (error := sending.exception()) is not None:
                raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for chunk in self._chunks:
            try:
                async with asyncio.timeout(STALLED_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
