"""The inlet as a request meets it."""

import asyncio

import pytest

from api.context import Delivered
from api.problems import Unavailable
from community.refusal import Reason
from gateway.broker.auth import Credential
from gateway.inlet import Taken
from mingluo.behind_inlet import BehindInlet

ACCOUNTS = {
    "d1": Credential("secret", "mingluo/v1/c/h/d1", ("tele/d1/#", "stat/d1/+")),
    "cloud": Credential("secret", None, ("zigbee2mqtt/#",)),
}


async def _never(topic: str, payload: bytes) -> Taken:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("account", "topic", "may"),
    [
        ("d1", "mingluo/v1/c/h/d1/telemetry", True),
        ("d1", "mingluo/v1/c/h/d1/telemetri", True),
        ("d1", "mingluo/v1/c/h/d1/command", False),
        ("d1", "mingluo/v1/c/h/d1/error", False),
        ("d1", "mingluo/v1/c/h/d1/command/reply", True),
        ("d1", "mingluo/v1/c/h/d1", False),
        ("d1", "mingluo/v1/c/h/d12/telemetry", False),
        ("d1", "tele/d1/SENSOR", True),
        ("d1", "tele/d2/SENSOR", False),
        ("d1", "stat/d1/a/b", False),
        ("d1", "tele/d1/#", False),
        ("d1", "stat/d1/+", False),
        ("cloud", "zigbee2mqtt/hall", True),
        ("cloud", "mingluo/v1/c/h/d1/telemetry", False),
        ("nobody", "tele/d1/SENSOR", False),
    ],
)
def test_the_rights_are_those_on_the_broker(account: str, topic: str, may: bool) -> None:
    assert BehindInlet(_never, ACCOUNTS.get).may_publish(account, topic) is may


async def test_what_became_of_it() -> None:
    async def put(topic: str, payload: bytes) -> Taken:
        return Taken(0, ((Reason.NAN, f"{topic} {payload!r}"),))

    delivered = await BehindInlet(put, ACCOUNTS.get).deliver("t", b"x")
    assert delivered == Delivered(0, True, (("nan", "t b'x'"),))


async def test_patience_ends() -> None:
    with pytest.raises(Unavailable, match="send it again"):
        await BehindInlet(_never, ACCOUNTS.get, patience_s=0.01).deliver("t", b"x")
