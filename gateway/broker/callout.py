"""The auth callout: the broker asks about each connection, the answer comes from the estate.

Only the service user can reach the subject of the questions (every device is confined below its own topic), so the
asker is the broker itself and its signature need not be checked again.

Queue: at most `PENDING_CHECKS` questions wait; those beyond are dropped and counted (`nats_dropped`), and the device,
unanswered, tries again. A check takes a fraction of a millisecond, so this is thousands of devices in one instant.
"""

from collections.abc import Callable

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from community.vitals import Vitals
from gateway.broker.auth import Credentials, DenialReason, Denied, Grant, decide
from gateway.broker.config import ACCOUNT
from gateway.broker.nkey import Issuer, claims_of

SUBJECT = "$SYS.REQ.USER.AUTH"
PENDING_CHECKS = 8_192


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

    async def start(self) -> None:
        """Begin to answer; goes on after every reconnection of the client until `stop`."""
        self._subscription = await self._client.subscribe(
            SUBJECT, cb=self._answer, pending_msgs_limit=PENDING_CHECKS, pending_bytes_limit=PENDING_CHECKS * 4096
        )
        await self._client.flush()

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
        if isinstance(decision, Denied):
            self._vitals.count("broker_auth_refused", reason=decision.reason)
            answer: dict[str, object] = {"error": decision.reason}
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
                "aud": ACCOUNT,
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
