"""What every MQTT client can rely on, with the embedded broker and with Mosquitto."""

import asyncio
import json
from dataclasses import replace

import aiomqtt
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from community.refusal import Reason
from gateway.contract import schemas
from tests.gateway.clients.clients import Client, Sent, kill, publish, started
from tests.gateway.clients.conftest import Scene
from tests.gateway.link.fake_broker import until
from tests.gateway.village import NOW, dated, topic

ERROR = Draft202012Validator(schemas()["error"])
MIB = 2**20


async def test_readings_come_in_at_both_qualities_and_refusals_are_told(scene: Scene, client: Client) -> None:
    come_in = scene.gateway.log.values
    async with started(client.listening(scene.device, [topic(leaf="error")], 1, session=False)) as listening:
        await listening.until(b"ready")
        # An account of its own: a broker ends the older of two connections with one client id.
        other = replace(scene.device, user="d1", password="secret of d1")
        note = "老旧木屋 — naïve 🔥"
        messages = [
            Sent(topic=topic(1), payload=dated(NOW, co=1), qos=0),
            Sent(
                topic=topic(1), payload=json.dumps({"ts": NOW, "note": note, "values": {"co": 2}}, ensure_ascii=False)
            ),
            Sent(topic=topic(1), size=MIB),
            Sent(topic=topic(1, "event"), payload=json.dumps({"ts": NOW, "event": "smoke_alarm"})),
        ]
        assert await publish(client, other, *messages) == 0
        await until(lambda: len(come_in()) == 3)
        assert come_in() == [{"co": 1.0}, {"co": 2.0}, {"smoke_alarm": 1.0}]
        await until(lambda: scene.gateway.quarantine.refusals != [])
        (too_large,) = scene.gateway.quarantine.refusals
        assert (too_large.reason, too_large.size, too_large.device) == (Reason.TOO_LARGE, MIB, "d1")
        # Published for it, since a second connection with its client id would end the one that listens.
        await _publish_as_system(scene, topic(), "no JSON")
        await listening.until(b"done")
        (told,) = listening.heard
    ERROR.validate(json.loads(told["payload"]))
    assert json.loads(told["payload"])["reason"] == "not_json"
    assert (told["topic"], told["retained"]) == (topic(leaf="error"), False)


async def test_a_wrong_password_is_told_to_the_client(scene: Scene, client: Client) -> None:
    wrong = replace(scene.device, password="guessed")
    assert await publish(client, wrong, Sent(topic=topic(), payload=dated(NOW, co=1))) != 0
    assert await publish(client, scene.device, Sent(topic=topic(), payload=dated(NOW, co=2))) == 0
    await until(lambda: scene.gateway.log.values() == [{"co": 2.0}])


async def test_a_birth_is_heard_and_after_a_power_cut_the_last_will(scene: Scene, client: Client) -> None:
    status = topic(leaf="status")
    birth = Sent(topic=status, payload='{"status": "online"}')
    will = Sent(topic=status, payload='{"status": "offline"}')
    async with started(client.living(scene.device, birth, will), told=birth.payload.encode() + b"\n") as device:
        await until(lambda: scene.gateway.log.values() == [{"online": 1.0}])
        kill(device.process)
        await until(lambda: scene.gateway.log.values() == [{"online": 1.0}, {"online": 0.0}])


async def test_a_session_and_a_retained_command_wait_for_a_device_that_is_away(scene: Scene, client: Client) -> None:
    command = topic(leaf="command")

    async def wait_for(count: int) -> list[tuple[str, bool]]:
        async with started(client.listening(scene.device, [command], count, session=True)) as listening:
            await listening.until(b"done")
            assert await listening.end() == 0, await listening.complaint()
        return [(m["payload"], m["retained"]) for m in listening.heard]

    await _publish_as_system(scene, command, "retained", retain=True)
    assert await wait_for(1) == [("retained", True)]
    for text in ("first", "second"):
        await _publish_as_system(scene, command, text)
    heard = await wait_for(3)
    assert [text for text, retained in heard if not retained] == ["first", "second"]


async def _publish_as_system(scene: Scene, on: str, payload: str, *, retain: bool = False) -> None:
    ours = scene.ours
    async with (
        asyncio.timeout(20),
        aiomqtt.Client(ours.host, ours.port, username=ours.user, password=ours.password) as system,
    ):
        await system.publish(on, payload, qos=1, retain=retain)
