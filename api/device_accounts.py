"""Devices and bridges that speak HTTPS: who they are, by the secret that they also have for MQTT."""

import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from api.accounts import AccountReason, AccountRefused
from api.problems import ProblemError
from api.security import Ctx, address_of
from api.throttle import Throttle
from community.estate import Bridge, Device, Estate

Speaker = Device | Bridge


class DeviceAccounts:
    """The accounts of the estate's devices and bridges."""

    def __init__(self, estate: Callable[[], Estate]) -> None:
        """`estate` gives the one in force."""
        self._estate = estate
        self._throttle = Throttle()

    def check(self, user: str, password: str, address: str, now: int) -> Speaker:
        """Who this is.

        Args:
            user: id of a device or bridge.
            password: its secret.
            address: where the request comes from.
            now: UTC ms.

        Raises:
            AccountRefused: not so; or too many wrong attempts for this account from this address.
        """
        # Only the pair is slowed down: a device with a wrong secret must not silence its neighbours behind the same
        # router, nor a guesser somewhere in the world the device itself.
        pair = f"{user[:64]}\0{address}"
        pause = self._throttle.pause(pair, pair, now)
        if pause:
            detail = f"too many wrong secrets for {user[:64]} from this address"
            raise AccountRefused(AccountReason.TOO_MANY_ATTEMPTS, detail, pause)
        estate = self._estate()
        speaker = estate.devices.get(user) or estate.bridges.get(user)
        # Compared in any case and in constant time, so that the answer's delay tells nothing about ids or secrets.
        secret = "" if speaker is None or speaker.secret is None else speaker.secret
        matches = hmac.compare_digest(secret.encode(), password.encode())
        if speaker is None or not secret or not matches:
            self._throttle.failed(pair, pair, now)
            raise AccountRefused(AccountReason.WRONG_CREDENTIALS, "no device or bridge has this id and secret")
        self._throttle.succeeded(pair, pair)
        return speaker


_basic = HTTPBasic(
    auto_error=False, scheme_name="Device", description="id of a device or bridge in the estate, and its secret"
)


async def _speaking(
    request: Request, context: Ctx, given: Annotated[HTTPBasicCredentials | None, Security(_basic)]
) -> Speaker:
    if given is None:
        detail = "send the id of a device or bridge and its secret by HTTP Basic"
        headers = {"WWW-Authenticate": 'Basic realm="mingluo devices"'}
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "not_signed_in", detail, headers=headers)
    accounts: DeviceAccounts = request.app.state.device_accounts
    return accounts.check(given.username, given.password, address_of(request), context.clock())


Speaking = Annotated[Speaker, Depends(_speaking)]
"""The device or bridge that asks; anybody else has been sent away."""
