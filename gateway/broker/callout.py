"""The auth callout: the broker asks about each connection, the answer comes from the estate.

Only the service user can reach the subject of the questions (every device is confined below its own topic), so the
asker is the broker itself and its signature need not be checked again.

Queue: at most `PENDING_CHECKS` questions wait; those beyond are dropped and counted (`nats_dropped`), and the device,
unanswered, tries again. A check takes a fraction of a millisecond, so this is thousands of devices in one instant.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from community.vitals import Vitals
from gateway.broker.auth import Credentials, DenialReason, Denied, Grant, decide
from gateway.broker.config import DEVICES
from gateway.broker.nkey import Issuer, claims_of

SUBJECT = "$SYS.REQ.USER.AUTH"
PENDING_CHECKS = 8_192
PROBES, PROBE_S = 20, 0.25
"""Attempts to be asked at the start, and the patience of each."""


class _ConnectOptions(msgspec.Struct):
    user: str = ""
    password: str = msgspec.field(name="pass", default="")


class _ClientInfo(msgspec.Struct):
    type: str = ""
    mqtt_id: str = ""


class _ServerId(msgspec.Struct):
    id: str


class _Question(msgspec.Struct):
    user_nkey: str
    server_id: _ServerId
    client_info: _ClientInfo = msgspec.field(default_factory=_ClientInfo)
    connect_opts: _ConnectOptions = msgspec.field(default_factory=_ConnectOptions)


class _Request(msgspec.Struct):
    nats: _Question


_request = msgspec.json.Decoder(_Request)


class AuthCallout:
    """Answers the broker's questions about connecting devices."""

    def __init__(
        self, client: Client, issuer: Issuer, credentials: Credentials, vitals: Vitals, clock: Callable[[], int]
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._credentials = credentials
        self._vitals = vitals
        self._clock = clock
        self._subscription: Subscription | None = None
        self._probe = f"probe {secrets.token_hex(8)}"  # with a space, which no device id has
        self._asked = asyncio.Event()

    async def start(self) -> None:
        """Begin to answer; goes on after every reconnection of the client until `stop`.

        nats-server 2.15 now and then loses the first question after its start, and the connection that caused it
        hangs until the time for authorization is over. So a connection of our own asks first, until a question comes.
        If none does in `PROBES` attempts, devices may still be luckier: that is counted as `broker_auth_unprobed`.
        """
        if self._subscription is None:  # a start that failed on the way is repeated
            self._subscription = await self._client.subscribe(
                SUBJECT, cb=self._answer, pending_msgs_limit=PENDING_CHECKS, pending_bytes_limit=PENDING_CHECKS * 4096
            )
        await self._client.flush()
        for _ in range(PROBES):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(PROBE_S):
                    await self._knock()
                    return
        self._vitals.count("broker_auth_unprobed")

    async def _knock(self) -> None:
        address = self._client.connected_url
        if address is None:
            raise ConnectionError("no broker to ask us")
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            options = msgspec.json.encode({"user": self._probe, "pass": "", "verbose": False, "pedantic": False})
            writer.write(b"CONNECT " + options + b"\r\nPING\r\n")
            await self._asked.wait()
        finally:
            writer.close()

    async def stop(self) -> None:
        """Answer no more."""
        if self._subscription is not None and not self._client.is_closed:
            await self._subscription.unsubscribe()
        self._subscription = None

    async def _answer(self, message: Msg) -> None:
        try:
            question = _request.decode(claims_of(message.data)).nats
        except (ValueError, msgspec.MsgspecError):
            self._vitals.count("broker_auth_unreadable")
            return
        decision = self._decide(question)
        if question.connect_opts.user == self._probe:
            self._asked.set()
            answer: dict[str, object] = {"error": "probe"}
        elif isinstance(decision, Denied):
            self._vitals.count("broker_auth_refused", reason=decision.reason)
            answer = {"error": decision.reason}
        else:
            self._vitals.count("broker_auth_granted")
            answer = {"jwt": self._user_token(question.user_nkey, decision)}
        claims = {
            "iat": self._clock() // 1000,
            "sub": question.user_nkey,
            "aud": question.server_id.id,
            "nats": {"type": "authorization_response", "version": 2, **answer},
        }
        await message.respond(self._issuer.sign(claims).encode())

    def _decide(self, question: _Question) -> Grant | Denied:
        if question.client_info.type != "mqtt":
            # The plain NATS port is for the house's own processes, which have the service user.
            return Denied(DenialReason.NOT_MQTT)
        options = question.connect_opts
        try:
            return decide(options.user, options.password, question.client_info.mqtt_id, self._credentials)
        except Exception:  # a fault in the look-up must refuse this device, not end the answering for all
            return Denied(DenialReason.FAILED)

    def _user_token(self, user_key: str, grant: Grant) -> str:
        return self._issuer.sign(
            {
                "iat": self._clock() // 1000,
                "sub": user_key,
                "aud": DEVICES,
                "nats": {
                    "type": "user",
                    "version": 2,
                    "pub": {"allow": grant.publish, "deny": grant.publish_denied},
                    "sub": {"allow": grant.subscribe},
                    "subs": -1,
                    "data": -1,
                    "payload": -1,
                },
            }
        )
