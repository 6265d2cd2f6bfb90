"""Webhook: each event is POSTed as JSON, signed, to one address."""

import asyncio
import hashlib
import hmac

import httpx
import msgspec

from alerts.channels import DeliveryError
from community.alert import AlertEvent


def sign(secret: bytes, timestamp: int, body: bytes) -> str:
    """The signature that a receiver computes and compares: `v1=` and HMAC-SHA256 of `<timestamp>.<body>` in hex.

    The timestamp is part of what is signed, so that a recorded request cannot be sent again later.
    """
    return "v1=" + hmac.new(secret, b"%d.%s" % (timestamp, body), hashlib.sha256).hexdigest()


class Webhook:
    """A `Channel` to one HTTP address.

    The body is `AlertEvent.line()` with its `number`. Headers: `Idempotency-Key`, `Mingluo-Timestamp` (UTC ms) and
    `Mingluo-Signature` (see `sign`). Any 2xx answer is a receipt; redirections are not followed, because a signed
    alert goes where it was told to go or nowhere.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        timeout: float = 5.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Set up a webhook.

        Args:
            url: where to POST.
            secret: shared with the receiver, for the signature.
            timeout: s for the whole exchange, so that a receiver that answers a byte a second holds nobody up.
            transport: another way out, e.g. a proxy or a client certificate.
        """
        self._url = url
        self._secret = secret
        self._timeout = timeout
        self._client = httpx.AsyncClient(timeout=timeout, transport=transport, follow_redirects=False)

    async def send(self, event: AlertEvent, key: str, now: int) -> None:
        """See `Channel.send`."""
        body = msgspec.json.encode({"number": event.number, **event.line()})
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Mingluo-Timestamp": str(now),
            "Mingluo-Signature": sign(self._secret, now, body),
        }
        try:
            async with asyncio.timeout(self._timeout):
                # Streamed, because the status is all we want: a body without end stays unread.
                async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                    status = response.status_code
        except TimeoutError:
            raise DeliveryError(f"no answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryError(f"{type(error).__name__}: {error}") from error
        if not 200 <= status < 300:
            raise DeliveryError(f"answered {status}")

    async def aclose(self) -> None:
        """See `Channel.aclose`."""
        await self._client.aclose()
