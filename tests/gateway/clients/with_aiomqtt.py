"""A device on aiomqtt, told by one JSON argument what to do (see `clients.py`)."""

import asyncio
import json
import sys
from typing import Any

import aiomqtt


def _client(order: dict[str, Any]) -> aiomqtt.Client:
    tls = order.get("tls")
    will = order.get("will")
    return aiomqtt.Client(
        order["host"],
        order["port"],
        identifier=order["id"],
        username=order["user"],
        password=order["password"],
        clean_session=not order.get("session", False),
        tls_params=None if tls is None else aiomqtt.TLSParameters(tls["ca"], tls.get("certificate"), tls.get("key")),
        timeout=4,  # a server that ends the connection in the midst of the handshake is not told from a slow one
        will=None if will is None else aiomqtt.Will(will["topic"], will["payload"], qos=1),
    )


async def main(order: dict[str, Any]) -> None:
    async with _client(order) as client:
        for message in order.get("messages", ()):
            payload = "x" * message["size"] if "size" in message else message["payload"]
            await client.publish(message["topic"], payload, message["qos"], message.get("retain", False))
        if order["do"] == "listen":
            await client.subscribe([(topic, 1) for topic in order["topics"]])
            say("ready")
            left = order["count"]
            async for heard in client.messages:
                payload = bytes(heard.payload).decode()
                say(json.dumps({"topic": str(heard.topic), "payload": payload, "retained": heard.retain}))
                left -= 1
                if not left:
                    break
        say("done")
        if order["do"] == "live":
            await asyncio.Event().wait()  # to be killed


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        asyncio.run(main(json.loads(sys.argv[1])))
    except aiomqtt.MqttError as error:
        sys.exit(str(error))
